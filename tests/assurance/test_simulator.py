"""A simulated login does what the server does, says why at each step, and touches nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from idp.assurance.ceremonies import Ceremonies
from idp.assurance.credentials import given as given_to
from idp.assurance.simulator import NoFlowError, Simulation, Visitor, first_difference, simulate
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.user import User
from tests.assurance.test_random_flows import SHAPES, flows_of
from tests.flows.bench import Edit, all_edits, flow, loaded, no_actions, step, sub, with_flows

PASSWORD = step("auth-username-password-form")
EITHER = (
    flow("login", PASSWORD, sub("second"), topLevel=True),
    flow("second", step("auth-otp-form", "ALTERNATIVE"), step("sms-otp", "ALTERNATIVE"), topLevel=False),
)
OPTIONAL = (
    flow("login", PASSWORD, sub("maybe", "CONDITIONAL"), topLevel=True),
    flow("maybe", step("conditional-user-configured"), step("auth-otp-form"), topLevel=False),
)


def somebody(*has: str, **more: Any) -> User:
    user = User(id="somebody", username="somebody", created_at=0, **more)
    for factor in has:
        user = given_to(user, factor)
    return user


def run(*edits: Edit, has: tuple[str, ...] = ("password",), user: User | None = None, **more: Any) -> Simulation:
    realm = loaded(all_edits(*edits)).realm
    client = realm.client(more.pop("client", "internet-banking"))
    visitor = Visitor(user=user or somebody(*has), client=client, now=1_800_000_000, **more)
    return asyncio.run(simulate(AssembledRealm(realm, no_services()), visitor))


def asked(simulation: Simulation) -> list[str]:
    return [turn.asks for turn in simulation.turns]


def test_the_demo_login_ends_at_level_two_with_what_is_due() -> None:
    found = run(has=("password", "otp"))
    assert asked(found) == [
        "auth-username-password-form",
        "soft-token-gate",
        "auth-otp-form",
        "TERMS_AND_CONDITIONS",
    ]
    assert (found.level, found.acr, found.refused) == (2, "mfa-otp", "")
    assert found.amr == ("pwd", "otp", "mfa")
    assert found.turns[-1].proven == ("password", "otp")


def test_who_has_no_token_is_stopped_where_the_gate_stands() -> None:
    found = run(has=("password",))
    assert asked(found) == ["auth-username-password-form", "soft-token-gate"]
    assert found.refused == "soft-token-gate: the customer has no otp"


def test_what_a_step_does_by_itself_is_done_by_the_step() -> None:
    found = run(has=("password", "otp"))
    assert [(turn.page, turn.did) for turn in found.turns[:2]] == [
        ("login.html", "answered: proves password (knowledge, over browser)"),
        ("", "passes by itself"),
    ]
    denied = with_flows(flow("login", PASSWORD, step("deny-access-authenticator"), topLevel=True))
    assert "denied by the flow" in run(all_edits(no_actions, denied)).refused


def test_another_way_is_chosen_by_its_name() -> None:
    flows = all_edits(no_actions, with_flows(*EITHER))
    found = run(flows, has=("password", "otp", "sms-otp"), answers=("right", "sms-otp"))
    assert asked(found) == ["auth-username-password-form", "sms-otp"]
    assert found.turns[1].others == ("auth-otp-form",)
    assert found.end == "level 2, acr mfa-otp, amr pwd otp sms mfa"


def test_a_way_that_fails_gives_way_to_the_next_and_the_last_one_ends_it() -> None:
    flows = all_edits(no_actions, with_flows(*EITHER))
    found = run(flows, has=("password", "otp", "sms-otp"), answers=("right", "fail"))
    assert asked(found) == ["auth-username-password-form", "auth-otp-form", "sms-otp"]
    assert found.level == 2
    assert run(flows, has=("password", "otp", "sms-otp"), answers=("right", "fail", "fail")).refused


@pytest.mark.parametrize(("has", "answer", "level"), [(("password",), "no", 1), (("password", "otp"), "yes", 2)])
def test_a_condition_is_told_with_what_it_saw(has: tuple[str, ...], answer: str, level: int) -> None:
    found = run(all_edits(no_actions, with_flows(*OPTIONAL)), has=has)
    told = [one for turn in found.turns for one in turn.considered if one.condition]
    if level == 2:
        assert {one.answer for one in told} == {answer}
        assert told[0].inputs == {"auth-otp-form set up": "ready"}
    assert found.level == level


def test_a_token_that_is_set_up_in_the_login_does_not_count_in_it() -> None:
    found = run(all_edits(with_flows(flow("login", PASSWORD, step("auth-otp-form"), topLevel=True))))
    assert "CONFIGURE_TOTP" in asked(found)
    assert found.level == 1
    assert found.turns[1].did == "not set up: will be, at the end of the login"


def test_a_client_that_demands_more_than_was_proven_refuses() -> None:
    def demanding(document: dict[str, Any]) -> None:
        for client in document["clients"]:
            client.setdefault("attributes", {})["minimum.acr.value"] = "mfa-otp"

    flows = all_edits(no_actions, with_flows(*OPTIONAL), demanding)
    assert run(flows, has=("password",)).refused == "the login reached level 1, and the client demands more"
    assert run(flows, has=("password", "otp")).level == 2


def test_what_is_due_is_asked_and_an_unknown_action_refuses() -> None:
    flows = all_edits(with_flows(flow("login", PASSWORD, topLevel=True)))
    found = run(flows, user=somebody("password", required_actions=("UPDATE_PASSWORD",)))
    assert asked(found)[1:] == ["UPDATE_PASSWORD", "TERMS_AND_CONDITIONS"]
    found = run(flows, user=somebody("password", required_actions=("no-such",)))
    assert found.refused == "the user has the unknown required action no-such"


def test_a_flow_that_logs_nobody_in_ends_without_a_level() -> None:
    found = run(has=("password", "sms-otp"), kind=FlowKind.SOFT_TOKEN_REGISTRATION)
    assert asked(found)[-1] == "soft-token-enrolment"
    assert found.end == "done, back to the login"
    assert found.turns[-1].did == "done; gives otp"


def test_a_realm_without_such_a_flow_says_so() -> None:
    def unbound(document: dict[str, Any]) -> None:
        del document["attributes"]["hyrja.softTokenRegistrationFlow"]

    with pytest.raises(NoFlowError):
        run(unbound, kind=FlowKind.SOFT_TOKEN_REGISTRATION)


def test_the_first_difference_names_both_sides() -> None:
    live = run(all_edits(no_actions, with_flows(*OPTIONAL)), has=("password", "sms-otp"))
    draft = run(all_edits(no_actions, with_flows(*EITHER)), has=("password", "sms-otp"))
    assert first_difference(live, live) is None
    parted = first_difference(live, draft)
    assert parted is not None
    assert parted[0].startswith("level 1")
    assert parted[1].startswith("asks sms-otp")


def test_nothing_of_a_person_is_in_what_is_told() -> None:
    found = run(user=somebody("password", "otp", attributes={"segment": ("very private",)}, email="ana@example.al"))
    told = msgspec.json.encode(found).decode()
    assert "very private" not in told
    assert "ana@example.al" not in told


def test_the_visitor_needs_no_client() -> None:
    realm = loaded(all_edits(no_actions, with_flows(*OPTIONAL))).realm
    none: Client | None = None
    visitor = Visitor(user=somebody("password"), client=none)
    found = asyncio.run(simulate(AssembledRealm(realm, no_services()), visitor))
    assert (found.level, found.acr) == (1, "pwd")


@settings(deadline=None, max_examples=30)
@given(shape=SHAPES)
def test_whoever_has_everything_arrives_at_a_level_that_the_prover_knows(shape: Any) -> None:
    found = loaded(all_edits(no_actions, with_flows(*flows_of(shape))))
    user = somebody("password", "otp", "sms-otp")
    try:
        proved = Ceremonies(SymbolicRealm(found.realm, no_services()))
    except UnusableRealmError:
        return  # the compiler refuses the shape
    simulated = asyncio.run(simulate(AssembledRealm(found.realm, no_services()), Visitor(user=user)))
    levels = {way.level for way in proved.through(FlowKind.BROWSER, "login", user).ways}
    assert simulated.refused == ""
    assert simulated.level in levels
