"""The prover finds what suffices for each acr, by the ceremonies that lead there, and calls it weak where it is."""

from __future__ import annotations

from typing import Any

import pytest

from idp.assurance.ceremonies import Ceremonies
from idp.assurance.credentials import CREDENTIALS, customer_key, given, has
from idp.assurance.customers import customers_of, factors_of
from idp.assurance.prover import DELIVERY, new_access, prove
from idp.assurance.report import compared, told
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import UnusableRealmError
from idp.flows.registry import ACTIONS, STEPS
from idp.model.flow_kind import FlowKind
from idp.model.user import User
from tests.assurance.corpus import (
    CORPUS,
    DRAFTS,
    NO_SET_UP,
    PASSWORD_PAGE,
    by_names,
    first_password_in_the_branch,
    no_acknowledgement,
    optional_token,
    override,
    proof,
    registration,
    repaired,
    sets,
    weak,
)
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub, with_flows

SMS_WAY = step("sms-otp", "ALTERNATIVE", "registration sms")


def test_the_guide_taken_literally_sends_two_elements_over_one_channel() -> None:
    """RTS (EU) 2018/389 Art. 9(1), 25(2)(c)(i): whoever reads the messages is the customer."""
    found = proof(no_acknowledgement)
    assert not found.holds
    assert weak(found) == [{"sms-otp"}]
    one = by_names(found, 2, {"sms-otp"})
    assert not one.acknowledged
    assert all(name.startswith("first password by SMS") for name in one.customers)
    delivered, registered, logged_in = one.script
    assert (delivered.kind, delivered.gives) == (DELIVERY, ("password",))
    assert registered.steps == ("auth-username-password-form", "sms-otp", "soft-token-enrolment")
    assert registered.gives == ("otp",)
    assert logged_in.gives[-1] == "level 2"


def test_what_two_people_acknowledged_stays_in_the_proof() -> None:
    found = proof()
    assert weak(found) == [{"sms-otp"}]
    assert by_names(found, 2, {"sms-otp"}).acknowledged
    assert found.holds
    assert "ACKNOWLEDGED" in told(found)


def test_an_acknowledgement_covers_no_other_weakness() -> None:
    found = proof(registration(PASSWORD_PAGE, step("sms-otp", config="registration sms"), step("soft-token-enrolment")))
    assert found.holds
    found = proof(all_edits(optional_token()))
    assert {"password"} in weak(found)
    assert not by_names(found, 2, {"password"}).acknowledged
    assert not found.holds


def test_the_repaired_default_is_proved() -> None:
    found = proof(first_password_in_the_branch)
    assert found.holds
    assert not found.weak
    assert sets(found, 2) == {frozenset({"password", "otp"}), frozenset({"password", "sms-otp"})}
    for one in found.sets:
        assert len({element.category for element in one.elements}) == 2
        assert len({element.channel for element in one.elements}) == 2


@pytest.mark.parametrize("name", CORPUS)
def test_each_defect_is_found(name: str) -> None:
    defect, suffices, _ = CORPUS[name]
    found = proof(defect)
    assert not found.holds
    assert suffices in weak(found)
    script = by_names(found, 2, suffices).script
    assert script[-1].gives[-1] == "level 2"


@pytest.mark.parametrize("name", CORPUS)
def test_the_good_twin_raises_no_alarm(name: str) -> None:
    found = proof(CORPUS[name][2])
    assert found.weak == ()
    assert found.holds


@pytest.mark.parametrize("name", DRAFTS)
def test_a_draft_is_refused_with_the_set_that_it_newly_lets_in(name: str) -> None:
    live, draft, names, level = DRAFTS[name]
    before, after = proof(live), proof(draft)
    assert (names, level) in [(set(one.names), one.level) for one in new_access(before, after)]
    assert new_access(before, before) == ()


def test_who_fails_at_every_way_is_not_let_to_set_another_one_up() -> None:
    """A missing token may be set up where there is no other way: not by letting the message fail."""
    flows = with_flows(
        flow("login", PASSWORD_PAGE, sub("second factor"), topLevel=True),
        flow("second factor", SMS_WAY, sub("token", "ALTERNATIVE"), topLevel=False),
        flow("token", step("auth-otp-form"), topLevel=False),
    )
    found = proof(repaired(flows))
    assert all("without a telephone" in name for name in by_names(found, 2, {"password"}).customers)


def test_a_way_that_failed_for_good_is_visited_too() -> None:
    flows = with_flows(
        flow("login", PASSWORD_PAGE, sub("second factor"), topLevel=True),
        flow("second factor", SMS_WAY, step("auth-otp-form", "ALTERNATIVE"), topLevel=False),
    )
    realm = loaded(repaired(flows, lambda found: found.update(requiredActions=[])))
    assembled = SymbolicRealm(realm.realm, no_services())
    ceremonies = Ceremonies(assembled)
    both = next(c for c in customers_of(assembled, realm.users) if c.user.otps and c.user.phone)
    # The first page, the second one, the message, the token; the message failed, and the token after it.
    assert ceremonies.through(FlowKind.BROWSER, "login", both.user).states == 6


def test_another_way_is_chosen_without_failing_first() -> None:
    flows = with_flows(
        flow("login", PASSWORD_PAGE, sub("second factor"), topLevel=True),
        flow("second factor", SMS_WAY, step("auth-otp-form", "ALTERNATIVE"), topLevel=False),
    )
    found = proof(repaired(NO_SET_UP, flows))
    (ceremony,) = by_names(found, 2, {"password", "otp"}).script
    assert ceremony.steps[:2] == ("auth-username-password-form", "auth-otp-form")


def test_a_credential_made_in_a_ceremony_is_held_from_then_on_in_the_same_one() -> None:
    at_once = flow("login", PASSWORD_PAGE, step("soft-token-enrolment"), step("auth-otp-form"), topLevel=True)
    found = proof(repaired(with_flows(at_once)))
    (ceremony,) = by_names(found, 2, {"password"}).script
    assert ceremony.proven == ("password",)


def test_a_level_that_no_flow_reaches_is_told() -> None:
    only_password = repaired(with_flows(flow("login", PASSWORD_PAGE, topLevel=True)))
    found = proof(only_password)
    assert found.unreachable == ("mfa-otp",)
    assert "cannot be reached" in told(found)
    assert found.holds


def test_a_flow_of_one_client_counts() -> None:
    before = proof(repaired(NO_SET_UP))
    after = proof(repaired(NO_SET_UP, override(PASSWORD_PAGE)))
    assert frozenset({"password"}) not in sets(before, 1)
    assert frozenset({"password"}) in sets(after, 1)


def test_a_draft_that_asks_for_less_gives_new_access_and_one_that_asks_for_more_none() -> None:
    live = proof(repaired(NO_SET_UP))
    draft = proof(repaired(NO_SET_UP, optional_token()))
    (one,) = new_access(live, draft)
    assert (one.level, set(one.names)) == (1, {"password"})
    assert "NEW ACCESS" in compared(live, draft)
    assert new_access(draft, live) == ()
    assert "no new access" in compared(draft, live)


def test_what_a_newcomer_may_use_is_new_access_to_the_account_of_who_has_enrolled() -> None:
    """Password and SMS enrol a newcomer's token; that they now open the account of its holder is no small change."""
    flows = with_flows(
        flow("login", PASSWORD_PAGE, sub("second factor"), topLevel=True),
        flow("second factor", step("auth-otp-form", "ALTERNATIVE"), SMS_WAY, topLevel=False),
    )
    found = new_access(proof(repaired()), proof(repaired(flows)))
    (one,) = [one for one in found if one.level == 2 and set(one.names) == {"password", "sms-otp"}]
    assert one.customers
    assert all("soft token" in name and "no soft token" not in name for name in one.customers)


def test_a_realm_that_would_not_start_has_no_proof() -> None:
    mixed = with_flows(flow("login", PASSWORD_PAGE, step("auth-otp-form", "ALTERNATIVE"), topLevel=True))
    with pytest.raises(UnusableRealmError):
        proof(mixed)


def test_progress_is_told_for_every_kind_of_customer() -> None:
    told_so_far: list[tuple[int, int]] = []
    found = prove(loaded(), lambda done, total: told_so_far.append((done, total)))
    assert told_so_far == [(n + 1, found.customers) for n in range(found.customers)]


def test_every_path_of_the_demo_carries_its_evidence() -> None:
    """`unsound` would be a path that the engine passes and the commit does not: there is none."""
    assert proof().unsound == ()


def test_each_state_is_visited_once() -> None:
    assembled = SymbolicRealm(loaded().realm, no_services())
    ceremonies = Ceremonies(assembled)
    (customer, *_) = customers_of(assembled, loaded().users)
    for kind, alias in ceremonies.bound():
        ceremonies.through(kind, alias, customer.user)
    before = ceremonies.explored
    for kind, alias in ceremonies.bound():
        ceremonies.through(kind, alias, customer.user)
    assert ceremonies.explored == before > 0


def test_a_proof_touches_no_port() -> None:
    with pytest.raises(AssertionError, match="touched by_username"):
        no_services().users.by_username  # noqa: B018 - the attribute alone is refused


@pytest.mark.parametrize("kind", [*STEPS.values(), *ACTIONS.values()], ids=[*STEPS, *ACTIONS])
def test_the_prover_knows_what_every_contract_speaks_of(kind: Any) -> None:
    """A step with a factor that the prover cannot follow back would make the proof empty, so there is none."""
    assert set(factors_of(kind.contract)) <= set(CREDENTIALS)


@pytest.mark.parametrize("factor", CREDENTIALS)
def test_what_a_ceremony_gives_the_customer_has_from_then_on(factor: str) -> None:
    nobody = User(id="customer", username="customer", created_at=0)
    assert not has(nobody, factor)
    somebody = given(nobody, factor)
    assert has(somebody, factor)
    assert customer_key(given(somebody, factor)) == customer_key(somebody) != customer_key(nobody)


def many_flows(found: dict[str, Any]) -> None:
    """Thirty flows of ten executions, each bound to a client."""
    clients = found["clients"]
    for number in range(30):
        inner = [step("auth-otp-form", "ALTERNATIVE"), step("sms-otp", "ALTERNATIVE", "registration sms")] * 4
        found["authenticationFlows"] += [
            flow(
                f"top {number}",
                PASSWORD_PAGE,
                {**step(""), "authenticatorFlow": True, "flowAlias": f"in {number}"},
                topLevel=True,
                id=f"id-{number}",
            ),
            flow(f"in {number}", *inner, topLevel=False),
        ]
        found["authenticationFlows"][-2]["authenticationExecutions"][1].pop("authenticator")
        clients.append(
            {
                **clients[0],
                "clientId": f"client-{number}",
                "id": f"client-{number}",
                "authenticationFlowBindingOverrides": {"browser": f"id-{number}"},
            }
        )


def test_a_realm_of_thirty_flows_and_three_hundred_executions_is_explored_to_the_end() -> None:
    change: Edit = repaired(lambda found: found.update(requiredActions=[]), many_flows)
    found = proof(change)
    assert found.states > 1000
    assert found.holds
