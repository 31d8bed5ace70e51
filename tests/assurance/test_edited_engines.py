"""Defects of other servers, re-enacted as edits of ours: the prover explores what the engine does, and finds each."""

from __future__ import annotations

import msgspec

from idp.assurance.attacker import minimal_sets
from idp.assurance.ceremonies import Ceremonies
from idp.assurance.customers import customers_of
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services, untouched
from idp.flows.engine import Decision, Passed
from idp.flows.runner import Runner
from idp.flows.step import StepContract, Success
from idp.flows.tree import Execution
from idp.model.session import AuthenticationSession
from idp.model.user import User
from tests.assurance.corpus import ENROL, GATE, OTP, PASSWORD_PAGE, registration, repaired
from tests.flows.bench import Edit, flow, loaded, with_flows

GOOD = repaired(with_flows(flow("login", PASSWORD_PAGE, GATE, OTP, topLevel=True)))

OPEN = repaired(registration(PASSWORD_PAGE, ENROL))


class PassesWithoutItsOwnProof(Runner):
    """CVE-2026-18963, CVE-2026-49448: a step that was left, or answered with nothing, counts as passed."""

    def succeeded(
        self, session: AuthenticationSession, execution: Execution, outcome: Success, *, now: int
    ) -> AuthenticationSession:
        passed = super().succeeded(session, execution, outcome, now=now)
        return msgspec.structs.replace(passed, evidence=session.evidence)


class AsksOnlyForTheFirstStep(Runner):
    """CVE-2024-47070: what goes wrong in a step is taken for its success, and the rest of the flow is skipped."""

    def decision(self, session: AuthenticationSession, user: User | None, *, now: int) -> Decision:
        return Passed() if session.progress else super().decision(session, user, now=now)


class LetsEverybodyEnrol(SymbolicRealm):
    """CVE-2023-3597, CVE-2026-3429: whoever has a session of the first factor changes the second one."""

    def contract(self, execution_id: str) -> StepContract:
        contract = super().contract(execution_id)
        if contract.changes is None:
            return contract
        open_to_all = msgspec.structs.replace(contract.changes, never_by=frozenset(), guarded_by=frozenset())
        return msgspec.structs.replace(contract, changes=open_to_all)


Found = set[tuple[int, frozenset[str]]]


def found(ceremonies: Ceremonies, edit: Edit, *, token: bool = False) -> tuple[Found, bool]:
    """The minimal sets against customers of a realm (with a token), and whether any path passes without evidence."""
    realm = loaded(edit)
    kinds = customers_of(SymbolicRealm(realm.realm, no_services()), realm.users)
    customers = [who for who in kinds if who.user.otps or not token]
    sets = {(one.level, one.holding) for who in customers for one in minimal_sets(ceremonies, who)}
    ways = (w for who in customers for k, a in ceremonies.bound() for w in ceremonies.through(k, a, who.user).ways)
    return sets, any(way.unsound for way in ways)


def assembled(edit: Edit) -> SymbolicRealm:
    return SymbolicRealm(loaded(edit).realm, no_services())


def test_the_engine_as_it_is_asks_for_two_elements_and_passes_nobody_without_evidence() -> None:
    sets, unsound = found(Ceremonies(assembled(GOOD)), GOOD)
    assert not unsound
    assert all(len(holding) >= 2 for level, holding in sets if level == 2)


def test_a_step_that_passes_without_its_own_proof_is_found() -> None:
    realm = assembled(GOOD)
    _, unsound = found(Ceremonies(realm, runner=PassesWithoutItsOwnProof(realm, users=untouched())), GOOD)
    assert unsound


def test_a_flow_that_skips_what_comes_after_its_first_step_is_found() -> None:
    realm = assembled(GOOD)
    sets, _ = found(Ceremonies(realm, runner=AsksOnlyForTheFirstStep(realm, users=untouched())), GOOD)
    assert (1, frozenset({"password"})) in sets
    assert (1, frozenset({"password"})) not in found(Ceremonies(realm), GOOD)[0]


def test_an_enrolment_that_the_present_token_does_not_guard_is_found() -> None:
    realm, lenient = assembled(OPEN), LetsEverybodyEnrol(loaded(OPEN).realm, no_services())
    assert (2, frozenset({"password"})) not in found(Ceremonies(realm), OPEN, token=True)[0]
    assert (2, frozenset({"password"})) in found(Ceremonies(lenient), OPEN, token=True)[0]
