"""What a login would do: the server's own engine, runner and steps on a customer that is only a value.

Each step is looked at as a browser would by GET, which sends, counts and stores nothing: it shows its page, or passes
or refuses by itself. No credential is opened: a page that is answered rightly proves what its step's contract says, if
the customer has what it takes. Every decision is told with what it looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from msgspec.structs import replace

from idp.assurance.credentials import given, has, without_action
from idp.assurance.untouched import untouched
from idp.flows.assembly import AssembledRealm, follows_flow
from idp.flows.credentials.held import strong_factors
from idp.flows.engine import Blocked, Ignored, Passed, Run, SetUp
from idp.flows.outcomes import failed
from idp.flows.runner import Runner
from idp.flows.step import Challenge, Factor, Failure, Outcome, StepContract, Success
from idp.flows.strength.levels import acr_of, amr_of, demanded_level, told_acr
from idp.flows.trace import Considered
from idp.flows.tree import Execution
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen
from idp.model.user import User

RIGHT, FAIL = "right", "fail"
_MOST_TURNS = 200  # no flow asks for as much; a simulation that turns in a circle is a bug


class Turn(Frozen, frozen=True, kw_only=True):
    """One decision: what it looked at, what was asked on which page, which other ways there were, what came of it.

    No page: the step passed or refused by itself.
    """

    considered: tuple[Considered, ...]
    asks: str
    page: str = ""
    others: tuple[str, ...] = ()
    did: str = ""
    proven: tuple[str, ...] = ()
    level: int = 0


class Simulation(Frozen, frozen=True, kw_only=True):
    """A login from its first page to its end. `refused` says why it has no session; `acr` and `amr` are of tokens."""

    flow: str
    turns: tuple[Turn, ...]
    refused: str = ""
    level: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()

    @property
    def end(self) -> str:
        """How it ended, in words."""
        if self.refused:
            return f"refused: {self.refused}"
        return (
            f"level {self.level}, acr {self.acr}, amr {' '.join(self.amr)}" if self.acr else "done, back to the login"
        )


class Visitor(Frozen, frozen=True, kw_only=True):
    """Who logs in, where, and how they answer: `right`, `fail` (for good), or the name of the way that they choose."""

    user: User
    kind: FlowKind = FlowKind.BROWSER
    client: Client | None = None
    acr_values: tuple[str, ...] = ()
    scope: tuple[str, ...] = ("openid",)
    answers: tuple[str, ...] = ()
    now: int = 0


class NoFlowError(Exception):
    """The realm has no flow of that kind."""


async def simulate(assembled: AssembledRealm, visitor: Visitor) -> Simulation:
    """Follow one login.

    Raises:
        NoFlowError: the realm has no flow of that kind.

    """
    return await _Login(assembled, visitor).followed()


def first_difference(one: Simulation, other: Simulation) -> tuple[str, str] | None:
    """Return what each does at the first place where two simulations part; None where they do the same."""
    for before, after in zip_longest(_story(one), _story(other), fillvalue="nothing more"):
        if before != after:
            return before, after
    return None


def _story(simulation: Simulation) -> Iterator[str]:
    for turn in simulation.turns:
        others = f", or {', '.join(turn.others)}" if turn.others else ""
        yield f"asks {turn.asks}{others}: {turn.did}"
    yield simulation.end


class _Login:
    """One login that is being followed; its session and its user are replaced, never edited."""

    def __init__(self, assembled: AssembledRealm, visitor: Visitor) -> None:
        flow = assembled.flow_for(visitor.kind, visitor.client)
        if flow is None:
            raise NoFlowError(f"The realm has no flow for {visitor.kind.value}.")
        self._assembled = assembled
        self._visitor = visitor
        self._runner = Runner(assembled, users=untouched())
        self._user = visitor.user
        self._answers = list(visitor.answers)
        self._turns: list[Turn] = []
        self._session = _begun(assembled, visitor, flow.alias)

    async def followed(self) -> Simulation:
        """Go on until the login ends."""
        while len(self._turns) < _MOST_TURNS:
            user = self._known
            decision = self._runner.decision(self._session, user, now=self._visitor.now)
            match decision:
                case Passed():
                    return self._passed()
                case Blocked(reason=reason):
                    return self._ended(refused=reason)
                case Ignored():
                    return self._ended(refused="no step of the flow applied")
                case SetUp(execution=execution):
                    if not self._session.evidence:
                        name = execution.authenticator
                        return self._ended(refused=f"{name} is not set up, and nothing was proven before it")
                    self._note(Run(execution=execution), "not set up: will be, at the end of the login")
                    self._session = self._runner.set_up_later(self._session, execution)
                case Run():
                    refused = await self._asked(decision)
                    if refused:
                        return self._ended(refused=refused)
        raise AssertionError("a login that never ends")

    @property
    def _known(self) -> User | None:
        return self._user if self._session.user_id is not None else None

    async def _asked(self, run: Run) -> str:
        """Look at the step that comes next, and answer it; return why the login is over, if it is."""
        outcome = await self._looked_at(run)
        if isinstance(outcome, Challenge):
            answer = self._answers.pop(0) if self._answers else RIGHT
            wanted = next((e for e in run.alternatives if e.authenticator == answer), None)
            if wanted is not None:
                self._session = replace(self._session, chosen=wanted.id)
                chosen = self._runner.decision(self._session, self._known, now=self._visitor.now)
                assert isinstance(chosen, Run), "whoever chooses a way that is offered is asked for it"
                run, outcome = chosen, await self._looked_at(chosen)
        else:
            answer = RIGHT
            if self._answers[:1] == [run.execution.authenticator]:
                self._answers.pop(0)  # a past login tells of it too, although nobody was asked
        match outcome:
            case Challenge(page=page):
                return self._answered(run, answer, page)
            case Success():
                self._note(run, "passes by itself")
                now = self._visitor.now
                self._session = self._runner.succeeded(self._session, run.execution, outcome, now=now)
                return ""
            case Failure(reason=reason, final=final):
                return self._failed(run, reason, page="", final=final)
            case _:
                self._note(run, "begins the login again")
                return f"{run.execution.authenticator} begins the login again"

    async def _looked_at(self, run: Run) -> Outcome:
        return await self._runner.shown(self._session, run.execution, self._known, now=self._visitor.now)

    def _answered(self, run: Run, answer: str, page: str) -> str:
        """Answer a page by what the step's contract says."""
        contract = self._assembled.contract(run.execution.id)
        way = None if contract.refuses else self._way(contract)
        if answer == FAIL or way is None:
            why = "failed for good" if answer == FAIL else _lacking(contract)
            return self._failed(run, why, page=page, final=False)
        self._note(run, _words(contract, way), page=page)
        self._succeeded(run.execution, contract, way)
        return ""

    def _failed(self, run: Run, why: str, *, page: str, final: bool) -> str:
        self._note(run, why, page=page)
        if final or not run.alternatives:
            return f"{run.execution.authenticator}: {why}"
        self._session = failed(self._session, run, Failure(reason=why)).session
        return ""

    def _way(self, contract: StepContract) -> tuple[Factor, ...] | None:
        """Return what the customer can prove here, as much as they can; None if they cannot get past it."""
        if contract.holders_of is not None and not has(self._user, contract.holders_of):
            return None
        if contract.changes is not None:
            proven = frozenset(proof.factor for proof in self._session.evidence)
            if contract.changes.refusal(proven, held=strong_factors(self._user)) is not None:
                return None
        possible = [way for way in contract.ways if all(has(self._user, factor.name) for factor in way)]
        return max(possible, key=len, default=None)

    def _succeeded(self, execution: Execution, contract: StepContract, way: tuple[Factor, ...]) -> None:
        success = Success(user_id=self._user.id if contract.identifies else None, proven=way)
        self._session = self._runner.succeeded(self._session, execution, success, now=self._visitor.now)
        if follows_flow(execution.id):
            self._user = without_action(self._user, execution.authenticator)
        if contract.changes is not None:
            self._user = given(self._user, contract.changes.credential)

    def _note(self, run: Run, did: str, *, page: str = "") -> None:
        evidence = self._session.evidence
        self._turns.append(
            Turn(
                considered=self._runner.considered(self._session, self._known),
                asks=run.execution.authenticator,
                page=page,
                others=tuple(execution.authenticator for execution in run.alternatives),
                did=did,
                proven=tuple(dict.fromkeys(proof.factor for proof in evidence)),
                level=self._runner.level(self._session),
            )
        )

    def _passed(self) -> Simulation:
        session, visitor = self._session, self._visitor
        if not session.kind.ends_in_session:
            return self._ended()
        user = self._known
        if user is None or not self._runner.stands(session, user, now=visitor.now):
            return self._ended(refused="the evidence does not carry the flow")
        level, realm, request = self._runner.level(session), self._assembled.realm, session.request
        if request is None or visitor.client is None:
            return self._ended(level=level, acr=acr_of(realm, level))
        if level < demanded_level(realm, visitor.client, request):
            return self._ended(refused=f"the login reached level {level}, and the client demands more")
        return self._ended(level=level, acr=told_acr(realm, visitor.client, level, request))

    def _ended(self, *, refused: str = "", level: int = 0, acr: str = "") -> Simulation:
        return Simulation(
            flow=self._session.flow,
            turns=tuple(self._turns),
            refused=refused,
            level=level,
            acr=acr,
            amr=amr_of(self._session.evidence, now=self._visitor.now) if acr else (),
        )


def _begun(assembled: AssembledRealm, visitor: Visitor, flow: str) -> AuthenticationSession:
    client, request = visitor.client, None
    if client is not None and visitor.kind.ends_in_session:
        request = AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri="",
            response_mode="query",
            scope=visitor.scope,
            acr_values=visitor.acr_values or client.default_acr_values,
        )
    return AuthenticationSession(
        tab_id="simulated",
        browser="",
        transaction_id="",
        kind=visitor.kind,
        flow=flow,
        realm_version=assembled.realm.version,
        client_id=client.client_id if client is not None else "",
        created_at=visitor.now,
        valid_until=visitor.now,
        expires_at=visitor.now,
        request=request,
    )


def _words(contract: StepContract, way: Sequence[Factor]) -> str:
    proven = ", ".join(f"{factor.name} ({factor.category.value}, over {factor.channel})" for factor in way)
    gives = f"; gives {contract.changes.credential}" if contract.changes is not None else ""
    return (f"answered: proves {proven}" if proven else "done") + gives


def _lacking(contract: StepContract) -> str:
    needed = contract.holders_of or " or ".join(contract.factors)
    return f"the customer has no {needed}" if needed else "not allowed with what was proven so far"
