"""The only loop of a login: ask the engine, let the step speak, write down what it said.

Everything that changes is one value, the authentication session, which is replaced and never edited. The runner neither
stores it (`idp.flows.tabs`) nor shows it (`idp.login`).
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from idp.flows.actions import consent
from idp.flows.assembly import CONSENT_EXECUTION, LINK_EXECUTION, AssembledRealm, follows_flow
from idp.flows.engine import Blocked, Circumstances, Decision, Ignored, Passed, Run, SetUp, Usability, decide
from idp.flows.facts import Facts
from idp.flows.initiated import CANCEL, action_parameter, initiated_action, may_decline, oldest_proof, raised_level
from idp.flows.outcomes import Result, declined, ended, failed, selector, succeeded, with_state
from idp.flows.step import (
    Challenge,
    Detour,
    Failure,
    Form,
    Login,
    Message,
    Outcome,
    Restart,
    StepEvent,
    Success,
)
from idp.flows.strength.blocks import reached_level
from idp.flows.strength.carried import carried, identified, stems_from
from idp.flows.strength.levels import wanted_level
from idp.flows.trace import Considered, considered
from idp.flows.tree import Execution, Subflow
from idp.flows.turns import Ask, Detoured, Finished, Refused, StartOver, Turn
from idp.model.client import Client
from idp.model.flow import Evidence, Status
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession
from idp.model.user import User
from idp.ports import Users

ANYWHERE = "*"
"""As `AuthenticationSession.visiting`: every provider may be chosen. For who explores a flow without running it."""


class Runner:
    """Carries logins of one realm version through their flows."""

    def __init__(self, assembled: AssembledRealm, *, users: Users) -> None:
        self._assembled = assembled
        self._users = users

    async def advance(
        self, session: AuthenticationSession, *, now: int, answer: Form | None, answers: str | None = None
    ) -> Result:
        """Go on until there is something to ask, or nothing more.

        `answers` is the execution that `answer` answers: a form for another step is not judged, the present challenge
        is shown instead. Without an answer nothing is sent and nothing is made.
        """
        result = await self._advanced(session, now=now, answer=answer, answers=answers)
        if not isinstance(result.turn, Refused):
            return result
        # Now, while everything is as it was when it was refused: an operator is told what was, not what is guessed.
        looked_at = self.considered(result.session, await self._user(result.session))
        return msgspec.structs.replace(result, considered=looked_at)

    async def _advanced(
        self, session: AuthenticationSession, *, now: int, answer: Form | None, answers: str | None
    ) -> Result:
        posted = answer is not None
        events: list[StepEvent] = []
        while True:
            user = await self._user(session)
            if session.user_id is not None and user is None:
                return Result(
                    session=session, turn=Refused(reason="the user is gone or disabled"), events=tuple(events)
                )
            decision = self.decision(session, user, now=now)
            match decision:
                case Passed() | Blocked() | Ignored():
                    return Result(session=session, turn=ended(decision), events=tuple(events))
                case SetUp(execution=execution):
                    if not session.evidence:  # T-9: nobody enrols who has proven nothing
                        reason = f"{execution.authenticator} is not set up, and nothing was proven before it"
                        at, refused = execution.authenticator, Refused(reason=reason)
                        return Result(session=session, turn=refused, events=tuple(events), at=at)
                    session = self.set_up_later(session, execution)
                case Run() if (known := self._carried(session, decision, user, now=now)) is not None:
                    session = known
                case Run():
                    given = answer if answers == decision.execution.id else None
                    answer = None
                    result = await self._ask(session, decision, user, given, now=now, posted=posted)
                    session = result.session
                    events.extend(result.events)
                    if not isinstance(result.turn, Finished):  # Finished here: this step is done, go on
                        return msgspec.structs.replace(result, events=tuple(events))
                case _:
                    assert_never(decision)

    def decision(self, session: AuthenticationSession, user: User | None, *, now: int) -> Decision:
        """Return what comes next: the flow first, then what the user must do, then consent."""
        decision = decide(self._root(session), self._circumstances(session, user))
        if isinstance(decision, Passed) and session.kind is FlowKind.FIRST_BROKER_LOGIN and user is not None:
            return decision if _done(session, LINK_EXECUTION) else Run(execution=LINK_EXECUTION)
        if not isinstance(decision, Passed) or not session.kind.ends_in_session or user is None:
            return decision
        pending = [a for a in self._assembled.pending_actions(user, session.actions, now) if not _done(session, a)]
        unknown = next((a for a in pending if not self._assembled.knows_action(a.authenticator)), None)
        if unknown is not None:  # T-34: an action that nobody can ask for is not skipped
            return Blocked(reason=f"the user has the unknown required action {unknown.authenticator}")
        initiated = initiated_action(self._assembled, session)
        if initiated is not None and initiated not in pending and not _done(session, initiated):
            pending.append(initiated)  # the last one: what is demanded comes before what is wished
        if self._consent_missing(session, user):
            pending.append(CONSENT_EXECUTION)
        return Run(execution=pending[0]) if pending else decision

    def considered(self, session: AuthenticationSession, user: User | None) -> tuple[Considered, ...]:
        """Return what the present decision of the flow looks at, and what it sees there."""
        circumstances = self._circumstances(session, user)
        return considered(self._assembled, self._root(session), circumstances, self._facts(session, user))

    async def shown(
        self, session: AuthenticationSession, execution: Execution, user: User | None, *, now: int
    ) -> Outcome:
        """Return what a step says at a mere look: a page, or that nobody need be asked, or that nobody gets past it."""
        login = self._login(session, execution, user, now=now, posted=False)
        return await self._assembled.step(execution.id).challenge(login)

    def stands(
        self, session: AuthenticationSession, user: User, *, now: int, earlier: tuple[Evidence, ...] = ()
    ) -> bool:
        """Judge a finished login again, from its evidence alone.

        A step that proves a factor counts only if there is evidence of it from this very tab, or from the user session
        that answers (`earlier`): whatever else happened to the progress of the login, without evidence it has not
        passed.
        """
        counted = [e for e in session.evidence if e.ceremony == session.tab_id or stems_from(e, earlier)]
        progress = {
            execution_id: status
            for execution_id, status in session.progress.items()
            if status is not Status.SUCCESS or self._is_carried_by(execution_id, counted)
        }
        again = msgspec.structs.replace(session, progress=progress)
        return len(counted) == len(session.evidence) > 0 and isinstance(self.decision(again, user, now=now), Passed)

    def level(self, session: AuthenticationSession) -> int:
        """Return the level of authentication that a login has reached, by its evidence."""
        return reached_level(self._assembled.flows[session.flow].blocks, session.progress, session.evidence)

    def _is_carried_by(self, execution_id: str, evidence: list[Evidence]) -> bool:
        """Tell whether a step that is done has evidence of what it proves; one that proves nothing needs none."""
        ways = self._assembled.contract(execution_id).ways
        found = {e.factor for e in evidence if e.execution == execution_id}
        return any(found == {factor.name for factor in way} for way in ways)

    async def _user(self, session: AuthenticationSession) -> User | None:
        if session.user_id is None:
            return None
        user = await self._users.by_id(session.user_id)
        return user if user is not None and (user.enabled or not session.evidence) else None

    def _root(self, session: AuthenticationSession) -> Subflow:
        return self._assembled.flows[session.flow].root

    def _carried(
        self, session: AuthenticationSession, run: Run, user: User | None, *, now: int
    ) -> AuthenticationSession | None:
        """Return the login with one of the ways done that the user session has proven; None if there is none."""
        if session.sso_sid is None or user is None:
            return None
        longest, most = self._assembled.flows[session.flow].longest_ages, oldest_proof(self._assembled, session)
        for execution in (run.execution, *run.alternatives):
            contract = self._assembled.contract(execution.id)
            proofs = carried(session, user, execution, contract, longest=longest, most=most, now=now)
            if proofs or identified(session, contract):
                return msgspec.structs.replace(
                    session,
                    progress={**session.progress, execution.id: Status.SUCCESS},
                    evidence=(*session.evidence, *proofs),
                    chosen=None,
                )
        return None

    def _circumstances(self, session: AuthenticationSession, user: User | None) -> Circumstances:
        known: list[Facts] = []

        def facts() -> Facts:  # most decisions come by no condition
            if not known:
                known.append(self._facts(session, user))
            return known[0]

        return Circumstances(
            progress=session.progress,
            usable=lambda execution: self._usable(session, execution, user),
            holds=lambda condition, guarded: self._assembled.holds(condition, guarded, facts()),
            chosen=session.chosen,
            rank=lambda execution: self._assembled.rank(execution, user),
            # Who enrols a token at the end of a login is not asked for it by a condition that the login had gone by.
            settled=any(map(follows_flow, session.progress)),
        )

    def _usable(self, session: AuthenticationSession, execution: Execution, user: User | None) -> Usability:
        contract = self._assembled.contract(execution.id)
        if contract.by_choice and session.visiting not in {execution.id, ANYWHERE}:
            # A session that was proven there answers for it; nobody else is sent there unasked.
            proven = {proof.factor for proof in session.earlier}
            if not proven & contract.factors.keys():
                return Usability.NO
        return self._assembled.usable(execution, user)

    def _facts(self, session: AuthenticationSession, user: User | None) -> Facts:
        """Return what the conditions of the flow may look at."""
        realm, request = self._assembled.realm, session.request
        client = realm.client(session.client_id)
        return Facts(
            realm=realm,
            user=user,
            client=client,
            scope=request.scope if request is not None else (),
            level=0 if request is None else self._wanted(session, client, request, user),
            evidence=session.evidence,
            executed=self._assembled.flows[session.flow].executed(session.progress),
            address=session.address,
        )

    def _wanted(
        self, session: AuthenticationSession, client: Client | None, request: AuthorizationRequest, user: User | None
    ) -> int:
        asked = wanted_level(self._assembled.realm, client, request)
        return max(asked, raised_level(self._assembled, session, user)) if request.action is not None else asked

    def _consent_missing(self, session: AuthenticationSession, user: User) -> bool:
        if session.request is None or session.progress.get(CONSENT_EXECUTION.id) is Status.SUCCESS:
            return False
        client = self._assembled.realm.client(session.client_id)
        return client is not None and consent.is_needed(self._assembled.realm, client, session.request, user)

    def set_up_later(self, session: AuthenticationSession, execution: Execution) -> AuthenticationSession:
        """Write down that a missing credential is set up at the end of the login."""
        action = self._assembled.contract(execution.id).setup_action
        assert action is not None
        return msgspec.structs.replace(
            session,
            progress={**session.progress, execution.id: Status.SETUP_REQUIRED},
            actions=(*session.actions, action),
        )

    async def _ask(
        self,
        session: AuthenticationSession,
        run: Run,
        user: User | None,
        answer: Form | None,
        *,
        now: int,
        posted: bool,
    ) -> Result:
        execution = run.execution
        offered = self._offered(run)
        if answer is not None and "tryAnotherWay" in answer:
            # Bound to this execution: asking for another way never counts as an answer to any step (CVE-2026-18963).
            session = msgspec.structs.replace(session, selecting=execution.id if offered.alternatives else None)
            answer = None
        elif answer is not None and "authenticationExecution" in answer:
            return self._choose(session, offered, answer["authenticationExecution"])
        if session.selecting == execution.id and answer is None:
            return Result(session=session, turn=selector(offered))
        declines = answer is not None and CANCEL in answer
        if declines and may_decline(self._assembled, session, execution, user, now=now):
            return Result(session=msgspec.structs.replace(session, cancelled=True), turn=Finished())
        if answer is not None and "cancelLogin" in answer and session.request is not None:
            return declined(session)
        step = self._assembled.step(execution.id)
        login = self._login(session, execution, user, now=now, posted=posted)
        if answer is not None and "restart" in answer:
            outcome: Outcome = Restart(message=Message(key="session_restarted", kind="info"))
        elif answer is not None:
            outcome = await step.verify(login, answer)
        else:
            outcome = await step.challenge(login)
        return self._written_down(session, run, outcome, user, now=now)

    def _offered(self, run: Run) -> Run:
        """Leave out ways that show no page: nobody can choose them."""
        if not run.alternatives:
            return run
        ways = tuple(way for way in run.alternatives if not self._assembled.contract(way.id).silent)
        return Run(execution=run.execution, alternatives=ways)

    def _choose(self, session: AuthenticationSession, run: Run, wanted: str) -> Result:
        """Take another way, if it is one of those that were offered here."""
        offered = (run.execution, *run.alternatives)
        if all(execution.id != wanted for execution in offered):
            return Result(session=session, turn=selector(run))
        return Result(session=msgspec.structs.replace(session, chosen=wanted, selecting=None), turn=Finished())

    def _scope_asked(self, session: AuthenticationSession) -> tuple[str, ...]:
        client = self._assembled.realm.client(session.client_id)
        if session.request is None or client is None:
            return ()
        return consent.scope_asked(self._assembled.realm, client, session.request)

    def _login(
        self, session: AuthenticationSession, execution: Execution, user: User | None, *, now: int, posted: bool
    ) -> Login:
        request = session.request
        return Login(
            realm=self._assembled.realm,
            kind=session.kind,
            execution=execution.id,
            ceremony=session.tab_id,
            now=now,
            locale=session.locale,
            posted=posted,
            user=user,
            attempted_username=session.attempted_username,
            login_hint=request.login_hint if request is not None else "",
            client_id=session.client_id,
            requested_scope=self._scope_asked(session),
            hinted_user_id=request.hinted_user_id if request is not None else None,
            approves=request.approves if request is not None else None,
            requested_details=request.terms.authorization_details if request is not None else (),
            proven=frozenset(e.factor for e in session.evidence),
            proven_at=min((e.at for e in session.evidence), default=session.created_at),
            evidence=session.evidence,
            answers=session.answers,
            transaction_id=session.transaction_id,
            browser=session.browser,
            address=session.address,
            upstream=session.upstream,
            arrival=session.arrival,
            made=self._made(session),
            memory=session.states.get(execution.id),
            action_parameter=action_parameter(session, execution),
        )

    def _made(self, session: AuthenticationSession) -> frozenset[str]:
        """Return the factors whose credentials this login has given."""
        done = (execution_id for execution_id, status in session.progress.items() if status is Status.SUCCESS)
        changes = (self._assembled.contract(execution_id).changes for execution_id in done)
        return frozenset(change.credential for change in changes if change is not None)

    def _written_down(
        self, session: AuthenticationSession, run: Run, outcome: Outcome, user: User | None, *, now: int
    ) -> Result:
        match outcome:
            case Challenge():
                session = with_state(session, run.execution, outcome)
                turn: Turn = Ask(
                    execution=run.execution,
                    challenge=outcome,
                    alternatives=self._offered(run).alternatives,
                    may_decline=may_decline(self._assembled, session, run.execution, user, now=now),
                )
            case Success():
                if outcome.user_id is not None and session.user_id not in {None, outcome.user_id}:
                    turn = StartOver()  # T-29: a login never changes its user half-way
                else:
                    session, turn = self.succeeded(session, run.execution, outcome, now=now), Finished()
            case Failure():
                return failed(session, run, outcome)
            case Detour():
                turn = Detoured(arrival=outcome.arrival)
            case Restart():
                turn = StartOver(message=outcome.message)
            case _:
                assert_never(outcome)
        return Result(session=session, turn=turn, events=outcome.events)

    def succeeded(
        self, session: AuthenticationSession, execution: Execution, outcome: Success, *, now: int
    ) -> AuthenticationSession:
        """Write down that a step succeeded: its evidence, and whom it identified."""
        return succeeded(session, execution, self._assembled.contract(execution.id), outcome, now=now)


def _done(session: AuthenticationSession, action: Execution) -> bool:
    return session.progress.get(action.id) is Status.SUCCESS
