"""A picture says what the engine does: pages, choices, questions, and what is proven at each end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from idp.assurance.ceremonies import Ceremonies
from idp.assurance.customers import customers_of
from idp.assurance.pictures.blocks import End, Split, cards, ends
from idp.assurance.pictures.reading import all_outcomes, read
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.model.flow_kind import FlowKind
from idp.web.flow_words import PHRASES
from tests.assurance.pictures.drawings import FIFTEEN, OPTIONAL_TOKEN, PlainWords, picture
from tests.assurance.test_random_flows import SHAPES, flows_of
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub, with_flows

PASSWORD = step("auth-username-password-form")


def told(*flows: dict[str, Any], kind: FlowKind = FlowKind.BROWSER) -> set[tuple[str, str]]:
    return {(o.evidence, o.worth) for o in all_outcomes(picture(*flows, kind=kind))}


def lines(*flows: dict[str, Any]) -> dict[str, list[str]]:
    return {card.authenticator: [line.text for line in card.lines] for card in cards(picture(*flows).flow)}


def test_each_end_says_what_was_proven_and_the_level_that_it_is_worth() -> None:
    assert told(*OPTIONAL_TOKEN) == {
        ("of_session", "level_of_session"),
        ("password", "level_acr 1 pwd"),
        ("password + otp", "level_acr 2 mfa-otp"),
    }


def test_a_question_at_the_end_has_an_end_of_its_own_for_no() -> None:
    split = next(b for b in _splits(picture(*OPTIONAL_TOKEN).flow) if b.is_question)
    assert split.title == "conditional-user-configured second?"
    assert [branch.label for branch in split.branches] == ["yes · second", "no"]
    assert isinstance(split.branches[1].block, End)


def test_who_lacks_a_required_token_sets_it_up_and_proves_nothing_by_it() -> None:
    flows = [flow("login", PASSWORD, step("auth-otp-form"), topLevel=True)]
    assert told(*flows) == {("password", "level_acr 1 pwd"), ("password + otp", "level_acr 2 mfa-otp")}
    assert "without:set_up otp CONFIGURE_TOTP" in lines(*flows)["auth-otp-form"]


def test_behind_the_gate_everybody_has_a_token() -> None:
    flows = [flow("login", PASSWORD, step("soft-token-gate"), step("auth-otp-form"), topLevel=True)]
    assert told(*flows) == {("password + otp", "level_acr 2 mfa-otp")}
    assert lines(*flows)["soft-token-gate"] == ["without:stops otp"]
    assert lines(*flows)["auth-otp-form"] == ["proves otp"]


def test_behind_a_question_for_it_everybody_has_a_token() -> None:
    assert lines(*OPTIONAL_TOKEN)["auth-otp-form"] == ["proves otp"]


def test_a_way_that_a_customer_lacks_is_not_offered_and_a_required_one_refuses() -> None:
    offered = flow("ways", step("auth-otp-form", "ALTERNATIVE"), step("sms-otp", "ALTERNATIVE"), topLevel=False)
    assert (
        "without:not_offered sms-otp" in lines(flow("login", PASSWORD, sub("ways"), topLevel=True), offered)["sms-otp"]
    )
    demanded = flow("login", PASSWORD, step("sms-otp"), topLevel=True)
    assert "without:refused sms-otp" in lines(demanded)["sms-otp"]


def test_what_is_switched_off_is_no_page_and_is_named() -> None:
    found = picture(flow("login", PASSWORD, step("sms-otp", "DISABLED"), topLevel=True))
    assert [card.authenticator for card in cards(found.flow)] == ["auth-username-password-form"]
    assert found.off == "off sms-otp"


def test_a_flow_that_logs_nobody_in_promises_no_level_and_asks_for_nothing_more() -> None:
    registration = flow("register", PASSWORD, step("sms-otp"), step("soft-token-enrolment"), topLevel=True)
    assert told(registration, kind=FlowKind.SOFT_TOKEN_REGISTRATION) == {("password + sms-otp", "back_to_login")}
    assert picture(registration, kind=FlowKind.SOFT_TOKEN_REGISTRATION).after == ()
    assert lines(registration)["soft-token-enrolment"] == ["gives otp"]


@pytest.mark.parametrize("kind", FlowKind)
def test_every_kind_of_flow_has_words(kind: FlowKind) -> None:
    assert f"kind:{kind.value}" in PHRASES


STEP_UP = (
    flow("login", step("auth-cookie", "ALTERNATIVE"), sub("levels", "ALTERNATIVE"), topLevel=True),
    flow("levels", sub("one", "CONDITIONAL"), sub("two", "CONDITIONAL"), topLevel=False),
    flow("one", step("conditional-level-of-authentication", config="level 1"), PASSWORD, topLevel=False),
    flow("two", step("conditional-level-of-authentication", config="level 2"), step("sms-otp"), topLevel=False),
)


def levels(document: dict[str, Any]) -> None:
    for level in ("1", "2"):
        config = {"loa-condition-level": level, "loa-max-age": "300"}
        document["authenticatorConfig"].append({"alias": f"level {level}", "config": config})


def test_the_lowest_level_is_no_question_and_each_end_has_the_level_of_its_blocks() -> None:
    assembled = AssembledRealm(loaded(all_edits(with_flows(*STEP_UP), levels)).realm, no_services())
    found = read(assembled, assembled.flows["login"], PlainWords(), kind=FlowKind.BROWSER)
    assert [split.title for split in _splits(found.flow) if split.is_question] == [
        "conditional-level-of-authentication two?"
    ]
    assert {(o.evidence, o.worth) for o in all_outcomes(found)} == {
        ("of_session", "level_of_session"),
        ("password", "level_acr 1 pwd"),
        ("password + sms-otp", "level_acr 2 mfa-otp"),
    }


def test_what_is_due_afterwards_stands_in_the_order_of_the_realm() -> None:
    after = picture(*OPTIONAL_TOKEN).after
    assert [line.split()[-1] for line in after] == [
        "UPDATE_PASSWORD",
        "TERMS_AND_CONDITIONS",
        "VERIFY_PROFILE",
        "CONFIGURE_TOTP",
        "consent",
    ]
    assert after[1].startswith("action_everybody ")
    assert after[0].startswith("action_due ")


def test_the_sentences_for_those_who_do_not_see_name_every_page_and_every_end() -> None:
    found = picture(*FIFTEEN)
    text = "\n".join(found.told)
    assert text.count("(auth-otp-form, ") == 4
    assert text.count("end: ") == sum(len(end.outcomes) for end in ends(found.flow))


@settings(deadline=None, max_examples=40)
@given(shape=SHAPES)
def test_every_way_that_the_prover_finds_arrives_at_an_end_of_the_picture(shape: Any) -> None:
    edit: Edit = all_edits(with_flows(*flows_of(shape)))
    found = loaded(edit)
    try:
        assembled = AssembledRealm(found.realm, no_services())
    except UnusableRealmError:
        return
    drawn = read(assembled, assembled.flows["login"], PlainWords(), kind=FlowKind.BROWSER)
    shown = {frozenset(outcome.evidence.split(" + ")) for outcome in all_outcomes(drawn)}
    for customer in customers_of(assembled, found.users):
        if customer.user.required_actions:
            continue
        for way in (
            Ceremonies(SymbolicRealm(found.realm, no_services())).through(FlowKind.BROWSER, "login", customer.user).ways
        ):
            assert way.level is None or way.made or way.needs in shown


def _splits(block: Any) -> list[Split]:
    found = [block] if isinstance(block, Split) else []
    inner = [b.block for b in getattr(block, "branches", ())] + list(getattr(block, "blocks", ()))
    return found + [split for one in inner for split in _splits(one)]
