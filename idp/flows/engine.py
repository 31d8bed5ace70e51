"""What comes next in a login: one pure function over a compiled flow. No I/O, no clock, no step knowledge.

The meaning of REQUIRED, ALTERNATIVE, CONDITIONAL and DISABLED is Keycloak's. Shapes that Keycloak silently reinterprets
(mixed levels, unguarded conditions) never arrive here: `idp.flows.compiler` refuses them.

*Ignored is not Passed*: a sub-flow in which nobody did anything never satisfies an alternative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from idp.flows.tree import Execution, Node, Subflow, leaves
from idp.model.flow import Requirement, Status
from idp.model.struct import Frozen


class Usability(Enum):
    """Whether a step can be asked of the user at hand."""

    READY = "ready"
    SETUP = "setup"  # the user lacks the credential, and may be asked to set it up at the end of the login
    NO = "no"


class Run(Frozen, frozen=True, kw_only=True):
    """Ask `execution`; `alternatives` are the other ways the person may choose here."""

    execution: Execution
    alternatives: tuple[Execution, ...] = ()


class SetUp(Frozen, frozen=True, kw_only=True):
    """The user must set up the credential of `execution` before the login may end."""

    execution: Execution


class Passed(Frozen, frozen=True, kw_only=True):
    """Everything that was demanded has been done."""


class Blocked(Frozen, frozen=True, kw_only=True):
    """The login cannot go on. `reason` is for operators, never for the person."""

    reason: str


class Ignored(Frozen, frozen=True, kw_only=True):
    """Nothing here applied to this login."""


Decision = Run | SetUp | Passed | Blocked | Ignored


def _in_flow_order(_: Execution) -> None:
    return None


class Circumstances(Frozen, frozen=True, kw_only=True):
    """What the engine may ask about the login at hand.

    `rank` is the place of a way's credential in the order that the user saved; None: it has none, and stays where the
    flow has it.
    """

    progress: Mapping[str, Status]
    usable: Callable[[Execution], Usability]
    holds: Callable[[Execution, Subflow], bool]
    chosen: str | None = None
    rank: Callable[[Execution], int | None] = _in_flow_order
    settled: bool = False  # the flow was passed, and something after it has been done


def decide(node: Node, now: Circumstances) -> Decision:
    """Say what comes next under `node`.

    A condition is decided when the login comes by, and not again when a later step has changed what it looks at: who
    enrols a token must not be asked for it by a condition that was false a moment before.
    """
    return _decide(node, now, gone_by=now.settled)


def _decide(node: Node, now: Circumstances, *, gone_by: bool) -> Decision:
    """`gone_by`: something that comes after `node` has been done, so that its conditions are decided."""
    if node.requirement is Requirement.DISABLED:
        return Ignored()
    if isinstance(node, Execution):
        return _leaf(node, now)
    if node.requirement is Requirement.CONDITIONAL and not _applies(node, now, gone_by=gone_by):
        return Ignored()
    if any(child.requirement is Requirement.ALTERNATIVE for child in node.children):
        return _alternatives(node.children, now, gone_by=gone_by)
    return _in_order(node.children, now, gone_by=gone_by)


def passed(node: Subflow, progress: Mapping[str, Status]) -> bool:
    """Tell whether a sub-flow has been passed by what was done: nothing more would be asked in it."""
    done = Circumstances(
        progress=progress, usable=lambda _: Usability.NO, holds=lambda _condition, _guarded: False, settled=True
    )
    return _begun(node, done) and isinstance(decide(node, done), Passed)


def _applies(node: Subflow, now: Circumstances, *, gone_by: bool) -> bool:
    return _begun(node, now) or (not gone_by and _guards_hold(node, now))


def _guards_hold(node: Subflow, now: Circumstances) -> bool:
    # No enabled condition would mean "no guard": the sub-flow is absent (keycloak.md 2.6).
    conditions = [c for c in node.conditions if c.requirement is not Requirement.DISABLED]
    return bool(conditions) and all(now.holds(condition, node) for condition in conditions)


def _begun(node: Node, now: Circumstances) -> bool:
    """Tell whether anything below a node has been done: then its conditions were decided, and stay so."""
    return bool(now.progress) and any(leaf.id in now.progress for leaf in leaves(node))


def _leaf(execution: Execution, now: Circumstances) -> Decision:
    match now.progress.get(execution.id):
        case Status.SUCCESS | Status.SETUP_REQUIRED:
            return Passed()
        case Status.ATTEMPTED:
            return Blocked(reason=f"{execution.authenticator} was attempted without success")
        case None:
            pass
    match now.usable(execution):
        case Usability.READY:
            return Run(execution=execution)
        case Usability.SETUP:
            return SetUp(execution=execution)
        case Usability.NO:
            return Blocked(reason=f"{execution.authenticator} is not possible for this user")


def _in_order(children: Sequence[Node], now: Circumstances, *, gone_by: bool) -> Decision:
    """REQUIRED and CONDITIONAL members: one after the other, none skipped."""
    passed = False
    for position, child in enumerate(children):
        # Only a sub-flow has conditions that could have been decided.
        decided = isinstance(child, Subflow) and (
            gone_by or any(_begun(later, now) for later in children[position + 1 :])
        )
        decision = _decide(child, now, gone_by=decided)
        match decision:
            case Passed():
                passed = True
            case Ignored():
                # A sub-flow that is demanded and in which nothing applied has proven nothing: it fails, as in Keycloak.
                if _is_demanded(child, now, gone_by=decided):
                    return Blocked(reason=f"nothing applied in required {_name(child)}")
            case _:
                return decision
    return Passed() if passed else Ignored()


def _is_demanded(node: Node, now: Circumstances, *, gone_by: bool) -> bool:
    if isinstance(node, Subflow) and node.requirement is Requirement.CONDITIONAL:
        return _applies(node, now, gone_by=gone_by)
    return node.requirement is Requirement.REQUIRED


def _alternatives(children: Sequence[Node], now: Circumstances, *, gone_by: bool) -> Decision:
    """ALTERNATIVE members: one suffices; a blocked one gives way to the next.

    Who has begun a way goes on with it; else the user's own order counts, and the flow's where there is none.
    """
    begun: list[Run] = []
    others: list[Run] = []
    setup: SetUp | None = None
    blocked: list[str] = []
    for child in children:
        decision = _decide(child, now, gone_by=gone_by)
        match decision:
            case Passed():
                return decision
            case Run():
                (begun if _succeeded_within(child, now) else others).append(decision)
            case SetUp():
                setup = setup or decision
            case Blocked():
                blocked.append(decision.reason)
            case Ignored():
                pass
    if begun or others:
        return _choose([*_flat(begun), *_preferred(_flat(others), now)], now.chosen)
    if setup is not None:
        return setup
    return Blocked(reason="; ".join(blocked)) if blocked else Ignored()


def _succeeded_within(node: Node, now: Circumstances) -> bool:
    return bool(now.progress) and any(now.progress.get(leaf.id) is Status.SUCCESS for leaf in leaves(node))


def _flat(ways: list[Run]) -> list[Execution]:
    return [execution for way in ways for execution in (way.execution, *way.alternatives)]


def _preferred(offered: list[Execution], now: Circumstances) -> list[Execution]:
    """Put the ways that rest on saved credentials into the user's order, in the places that they have; no other moves.

    A stable sort: of several steps for one kind of credential all stay, in the order of the flow (T-33).
    """
    if len(offered) == 1:
        return offered
    ranks = {execution.id: place for execution in offered if (place := now.rank(execution)) is not None}
    saved = iter(sorted((e for e in offered if e.id in ranks), key=lambda e: ranks[e.id]))
    return [next(saved) if execution.id in ranks else execution for execution in offered]


def _choose(offered: list[Execution], chosen: str | None) -> Run:
    first = next((execution for execution in offered if execution.id == chosen), offered[0])
    return Run(execution=first, alternatives=tuple(e for e in offered if e.id != first.id))


def _name(node: Node) -> str:
    return node.authenticator if isinstance(node, Execution) else f"sub-flow “{node.alias}”"
