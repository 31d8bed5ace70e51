"""Every path through one flow for one kind of customer, on the engine, runner and step contracts that the server runs.

A state is a value; each is visited once. Where a step can be answered, both outcomes are followed: it succeeds, or,
where there are other ways, it fails for good. Restart, *Anullo*, going back, expiry and a second tab lead to the first
state, without evidence, which is among those visited.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from idp.assurance.credentials import customer_key, given, has, with_parts, without_action
from idp.assurance.symbolic import SymbolicRealm, Undecided
from idp.assurance.untouched import untouched
from idp.flows.assembly import AssembledRealm
from idp.flows.credentials.held import strong_factors
from idp.flows.engine import Passed, Run, SetUp
from idp.flows.outcomes import failed
from idp.flows.runner import ANYWHERE, Runner
from idp.flows.step import Factor, Failure, StepContract, Success
from idp.flows.strength.levels import TWO_FACTORS
from idp.flows.tree import Execution
from idp.model.flow_kind import FlowKind
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen
from idp.model.user import User

_NOW = 0


class Way(Frozen, frozen=True, kw_only=True):
    """What somebody gets who proves the factors `needs` in one ceremony.

    `level` is that of the session at its end, None where it gives none. `made` are credentials that it put into the
    hands of whoever went this way; `after` is the customer from then on, `who` its key. `steps` is the shortest path
    found, `places` are its executions, `assumes` the answers to what the realm file does not know.
    """

    kind: str
    flow: str
    needs: frozenset[str]
    made: frozenset[str]
    level: int | None
    after: User
    who: object
    steps: tuple[str, ...]
    places: tuple[str, ...] = ()
    assumes: tuple[tuple[str, int], ...] = ()
    unsound: str = ""


class State(Frozen, frozen=True, kw_only=True):
    """Where a login stands, for one kind of customer: a node of what is explored."""

    session: AuthenticationSession
    user: User
    who: object
    needs: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    world: dict[str, int] = {}
    steps: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def key(self) -> object:
        """What tells two states apart; the path that led there does not."""
        return (
            frozenset(self.session.progress.items()),
            self.session.user_id,
            frozenset(self.session.actions),
            frozenset((e.execution, e.factor) for e in self.session.evidence),
            self.who,
            self.needs,
            self.made,
            frozenset(self.world.items()),
        )


class Explored(Frozen, frozen=True, kw_only=True):
    """All ways through a flow, every state that was visited to find them, and the numbers of those that follow each."""

    ways: tuple[Way, ...]
    visited: tuple[State, ...]
    following: tuple[tuple[int, ...], ...]

    @property
    def states(self) -> int:
        """How many states were visited."""
        return len(self.visited)


class Ceremonies:
    """Explores the flows of one realm; what was explored once is remembered.

    `runner` is the server's own; another one tells what another server would let through.
    """

    def __init__(self, assembled: SymbolicRealm, *, runner: Runner | None = None) -> None:
        self._assembled = assembled
        self._runner = runner or Runner(assembled, users=untouched())
        self._known: dict[object, Explored] = {}

    @property
    def explored(self) -> int:
        """How many states were visited so far."""
        return sum(explored.states for explored in self._known.values())

    def known(self) -> Iterator[Explored]:
        """Yield what was explored so far."""
        return iter(self._known.values())

    def bound(self) -> tuple[tuple[FlowKind, str], ...]:
        """Return every flow that somebody can begin, by the realm or by a client's override."""
        realm = self._assembled.realm
        bound = [*realm.bindings.items(), *(b for c in realm.every_client for b in c.flow_bindings.items())]
        return tuple(dict.fromkeys((FlowKind(kind), alias) for kind, alias in bound))

    def levels(self) -> tuple[int, ...]:
        """Return every level that is told apart from those below it, but for zero."""
        blocks = (block.level for flow in self._assembled.flows.values() for block in flow.blocks)
        return tuple(sorted({1, TWO_FACTORS, *blocks} - {0}))

    def factors(self) -> dict[str, Factor]:
        """Return the factors that the bound flows ask for, by name."""
        return {name: factor for contract in self._assembled.contracts() for name, factor in contract.factors.items()}

    def through(self, kind: FlowKind, alias: str, user: User, who: object = None) -> Explored:
        """Return every way through a flow for a customer; `who` is the customer's key, if it is known already."""
        key = (kind, alias, who or customer_key(user))
        if key not in self._known:
            self._known[key] = self._explore(kind, alias, user)
        return self._known[key]

    def _explore(self, kind: FlowKind, alias: str, user: User) -> Explored:
        first = State(session=_begun(self._assembled, kind, alias), user=user, who=customer_key(user))
        numbers = {first.key: 0}
        waiting = [first]
        ways: list[Way] = []
        edges: list[tuple[int, ...]] = []
        for state in waiting:  # grows while it is read: breadth first, so that the first path found is a shortest one
            ended, after = self._visited(state)
            ways += ended
            leads_to: dict[int, None] = {}
            for following in after:
                number = numbers.setdefault(following.key, len(waiting))
                if number == len(waiting):
                    waiting.append(following)
                leads_to[number] = None
            edges.append(tuple(leads_to))
        return Explored(ways=tuple(_minimal(ways)), visited=tuple(waiting), following=tuple(edges))

    def _visited(self, state: State) -> tuple[list[Way], list[State]]:
        """Return how a login may end here, and what may follow."""
        self._assembled.world = state.world
        try:
            return list(self._ended(state)), list(self._following(state))
        except Undecided as asked:
            worlds = ({**state.world, asked.question: answer} for answer in asked.answers)
            return [], [msgspec.structs.replace(state, world=world) for world in worlds]

    def _ended(self, state: State) -> Iterator[Way]:
        """Yield what a state gives: a session, or a credential that stays although the login goes on."""
        session = state.session
        level, unsound = None, ""
        user = state.user if session.user_id is not None else None
        if isinstance(self._runner.decision(session, user, now=_NOW), Passed) and session.kind.ends_in_session:
            if user is None or not self._runner.stands(session, user, now=_NOW):
                unsound = "the flow passes, and its evidence does not carry it"
            level = self._runner.level(session)
        if level is not None or state.made:
            yield Way(
                kind=session.kind.value,
                flow=session.flow,
                needs=state.needs,
                made=state.made,
                level=level,
                after=state.user,
                who=state.who,
                steps=state.steps,
                places=state.places,
                assumes=tuple(sorted(state.world.items())),
                unsound=unsound,
            )

    def _following(self, state: State) -> Iterator[State]:
        session = state.session
        user = state.user if session.user_id is not None else None
        decision = self._runner.decision(session, user, now=_NOW)
        match decision:
            case SetUp(execution=execution) if session.evidence:
                later = self._runner.set_up_later(session, execution)
                yield msgspec.structs.replace(state, session=later)
            case Run():
                yield from self._outcomes(state, decision.execution, preferred=True)
                for other in decision.alternatives:
                    yield from self._outcomes(state, other, preferred=False)
            case _:
                pass

    def _outcomes(self, state: State, execution: Execution, *, preferred: bool) -> Iterator[State]:
        """Yield what can become of a step that somebody chose."""
        session = msgspec.structs.replace(state.session, chosen=execution.id)
        user = state.user if session.user_id is not None else None
        run = self._runner.decision(session, user, now=_NOW)
        assert isinstance(run, Run)
        assert run.execution.id == execution.id, "whoever chooses a way that is offered is asked for it"
        # Any way may be chosen at once and one that succeeds suffices, so that which others had failed before it opens
        # nothing: failures are followed in the order in which the engine prefers the ways, to the last.
        contract = self._assembled.contract(execution.id)
        if contract.refuses:
            return  # the login ends here, and no other way is tried
        if run.alternatives and preferred:
            refused = failed(session, run, Failure(reason="")).session
            yield msgspec.structs.replace(
                state,
                session=refused,
                steps=(*state.steps, f"{execution.authenticator} ✗"),
                places=(*state.places, execution.id),
            )
        for way in contract.ways:
            if _possible(contract, way, state):
                yield self._succeeded(msgspec.structs.replace(state, session=session), execution, contract, way)

    def _succeeded(self, state: State, execution: Execution, contract: StepContract, way: tuple[Factor, ...]) -> State:
        success = Success(user_id=state.user.id if contract.identifies else None, proven=way)
        session = self._runner.succeeded(state.session, execution, success, now=_NOW)
        needs, made = state.needs, state.made
        user = state.user
        if execution.authenticator in user.required_actions:
            user = without_action(user, execution.authenticator)
        needs |= {factor.name for factor in way} - made
        if contract.changes is not None:
            user = given(user, contract.changes.credential)
            made |= with_parts(contract.changes.credential)
        steps, places = (*state.steps, execution.authenticator), (*state.places, execution.id)
        who = state.who if user is state.user else customer_key(user)
        return msgspec.structs.replace(
            state, session=session, user=user, who=who, needs=needs, made=made, steps=steps, places=places
        )


def _possible(contract: StepContract, way: tuple[Factor, ...], state: State) -> bool:
    """Tell whether somebody who holds everything can get past a step in one of its ways, by its own contract."""
    known = contract.identifies or state.session.user_id is not None
    if way:
        return known and all(has(state.user, factor.name) for factor in way)
    if contract.holders_of is not None:
        return known and has(state.user, contract.holders_of)
    if contract.changes is not None:
        proven = frozenset(e.factor for e in state.session.evidence)
        return contract.changes.refusal(proven, held=strong_factors(state.user), made=state.made) is None
    return True


def _begun(assembled: AssembledRealm, kind: FlowKind, alias: str) -> AuthenticationSession:
    return AuthenticationSession(
        tab_id="tab",
        browser="",
        transaction_id="",
        kind=kind,
        flow=alias,
        realm_version=assembled.realm.version,
        client_id="",
        created_at=_NOW,
        valid_until=_NOW,
        expires_at=_NOW,
        visiting=ANYWHERE if assembled.realm.upstreams else "",
    )


def _minimal(ways: list[Way]) -> Iterator[Way]:
    """Leave out a way that asks for more than another one with the same end."""
    ends: dict[object, list[Way]] = {}
    for way in ways:
        ends.setdefault((way.made, way.level, way.unsound, way.who, way.assumes), []).append(way)
    for same in ends.values():
        shortest = {way.needs: way for way in reversed(same)}  # of two that need the same, the one found first
        yield from (way for needs, way in shortest.items() if not any(other < needs for other in shortest))
