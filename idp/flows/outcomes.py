"""What a turn of a login comes to, written down: evidence of a success, an end, another way. Pure."""

from __future__ import annotations

import msgspec

from idp.flows.engine import Blocked, Ignored, Passed, Run
from idp.flows.step import Challenge, Factor, Failure, StepContract, StepEvent, Success
from idp.flows.trace import Considered
from idp.flows.tree import Execution
from idp.flows.turns import Ask, Finished, Refused, Turn
from idp.model.flow import Evidence, Status
from idp.model.session import AuthenticationSession, Notice
from idp.model.struct import Frozen


class Result(Frozen, frozen=True, kw_only=True):
    """Where a login stands after a turn, and what is to be recorded.

    Of a refused one: `at` is the authenticator that refused, if it was one, `considered` what the decision looked at.
    """

    session: AuthenticationSession
    turn: Turn
    events: tuple[StepEvent, ...] = ()
    at: str = ""
    considered: tuple[Considered, ...] = ()


def ended(decision: Passed | Blocked | Ignored) -> Turn:
    """Return what it means that there is no step left to run."""
    match decision:
        case Passed():
            return Finished()
        case Blocked(reason=reason):
            return Refused(reason=reason)
        case Ignored():
            return Refused(reason="no step of the flow applied")


def succeeded(
    session: AuthenticationSession, execution: Execution, contract: StepContract, outcome: Success, *, now: int
) -> AuthenticationSession:
    """Write down that a step succeeded: its evidence, and whom it identified."""
    evidence = tuple(
        Evidence(
            execution=execution.id,
            factor=factor.name,
            category=factor.category,
            channel=factor.channel,
            amr=(execution.reference,) if execution.reference else factor.amr,
            at=now,
            ceremony=session.tab_id,
            credential_id=outcome.credential_id,
            amr_age=execution.reference_age,
        )
        for factor in _proven(contract, outcome)
    )
    notice = outcome.notice
    return msgspec.structs.replace(
        session,
        user_id=outcome.user_id or session.user_id,
        attempted_username=outcome.attempted_username or session.attempted_username,
        progress={**session.progress, execution.id: Status.SUCCESS},
        states={key: state for key, state in session.states.items() if key != execution.id},
        evidence=(*session.evidence, *evidence),
        selecting=None,
        chosen=None,
        arrival=outcome.arrival or session.arrival,
        notice=Notice(key=notice.key, params=notice.params, kind=notice.kind) if notice else session.notice,
    )


def _proven(contract: StepContract, outcome: Success) -> tuple[Factor, ...]:
    """Return what a success proves; a step that claims more than its contract says is a bug."""
    if not outcome.proven:
        return contract.ways[0]
    claimed = {factor.name for factor in outcome.proven}
    assert any(claimed == {factor.name for factor in way} for way in contract.ways), "a proof beyond the contract"
    return outcome.proven


def declined(session: AuthenticationSession) -> Result:
    """End the login because the person does not want it: no other way is tried, and the client is told."""
    return Result(session=session, turn=Refused(reason="cancelled by the person", event_error="rejected_by_user"))


def failed(session: AuthenticationSession, run: Run, failure: Failure) -> Result:
    """End the login; or, where there are other ways (T-3), go on with the next one."""
    if failure.final or not run.alternatives:
        refused = Refused(reason=failure.reason, error=failure.error, event_error=failure.event_error)
        return Result(session=session, turn=refused, events=failure.events, at=run.execution.authenticator)
    progress = {**session.progress, run.execution.id: Status.ATTEMPTED}
    states = {key: state for key, state in session.states.items() if key != run.execution.id}
    session = msgspec.structs.replace(session, progress=progress, states=states, selecting=None, chosen=None)
    error = failure.event_error or failure.error
    told = StepEvent(type="LOGIN_ERROR", error=error, detail={"reason": failure.reason})
    return Result(session=session, turn=Finished(), events=(*failure.events, told))


def selector(run: Run) -> Ask:
    """Ask which of the ways somebody wants to go."""
    ways = [{"id": e.id, "kind": e.authenticator} for e in (run.execution, *run.alternatives)]
    page = Challenge(page="select-method.html", fields={"ways": ways})
    return Ask(execution=run.execution, challenge=page, alternatives=run.alternatives)


def with_state(session: AuthenticationSession, execution: Execution, challenge: Challenge) -> AuthenticationSession:
    """Write down what a step remembers of its challenge."""
    states = {key: state for key, state in session.states.items() if key != execution.id}
    if challenge.state is not None:
        states[execution.id] = msgspec.msgpack.encode(challenge.state)
    return msgspec.structs.replace(session, states=states)
