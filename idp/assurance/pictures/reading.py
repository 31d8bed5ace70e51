"""A compiled flow → the picture that a person reads.

What a step does without a credential is asked of the step itself, at its place, for a customer who has nothing. What is
proven on the way to an end follows the engine's meaning: every member of a level, or any one of its alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from idp.assurance.pictures.blocks import (
    Block,
    Branch,
    Card,
    End,
    Line,
    Nothing,
    Outcome,
    Picture,
    Series,
    Split,
    Words,
    cards,
    ends,
)
from idp.flows.assembly import AssembledRealm
from idp.flows.compiler import CompiledFlow
from idp.flows.engine import Usability
from idp.flows.registry import ACTIONS
from idp.flows.step import Factor, StepContract
from idp.flows.strength.blocks import LEVEL_CONDITION, blocks_of
from idp.flows.strength.levels import TWO_FACTORS, acr_of, level_of
from idp.flows.tree import Execution, Node, Subflow
from idp.model.flow import Evidence, Requirement
from idp.model.flow_kind import FlowKind
from idp.model.struct import Frozen
from idp.model.user import User

COOKIE, DENY, USER_CONFIGURED = "auth-cookie", "deny-access-authenticator", "conditional-user-configured"
_LEVEL = "level:"  # stands among factors for a block of a level that was gone through
_SESSION = "session"  # stands among factors for what the session that answers was made with
_MOST_OUTCOMES = 6

Proven = tuple[str, ...]  # factors in the order in which they were proven, each once


class Arriving(Frozen, frozen=True, kw_only=True):
    """Who comes to a place: what each may have proven, and the credentials that all of them surely have."""

    ways: tuple[Proven, ...] = ((),)
    has: frozenset[str] = frozenset()


def read(
    assembled: AssembledRealm,
    flow: CompiledFlow,
    words: Words,
    *,
    kind: FlowKind,
    client: str = "",
    is_bound: bool = True,
) -> Picture:
    """Return the picture of a flow of a realm; `client` overrides the realm's flow of that `kind` with it."""
    reader = _Reader(assembled, words, ends_in_session=kind.ends_in_session)
    block = reader.read(flow.root)
    bound = words.say("for_client", client=client) if client else words.say("for_realm")
    who = bound if is_bound else words.say("unbound")
    after = tuple(reader.after()) if kind.ends_in_session else ()
    off = ", ".join(dict.fromkeys(reader.off(flow.root)))
    return Picture(
        title=flow.alias,
        subtitle=f"{assembled.realm.title} · {words.say(f'kind:{kind.value}')} · {who}",
        start=words.say("start"),
        flow=block,
        after_title=words.say("after"),
        after=after,
        off=words.say("off", steps=off) if off else "",
        told=tuple(_told(block, words)),
        legend=tuple((tone, words.say(f"sign:{tone}")) for tone in _tones(block)),
    )


class _Reader:
    """Reads one flow from its beginning; numbers the blocks in reading order."""

    def __init__(self, assembled: AssembledRealm, words: Words, *, ends_in_session: bool) -> None:
        self._assembled = assembled
        self._words = words
        self._ends_in_session = ends_in_session
        self._factors: dict[str, Factor] = {}
        self._blocks: dict[str, int] = {}
        self._numbers = 0
        self._nobody = User(id="nobody", username="nobody", created_at=0)

    def read(self, root: Subflow) -> Block:
        """Return the blocks of a whole flow."""
        self._blocks = {block.node.id: block.level for block in blocks_of(root)}
        return self._content(root, Arriving(), tail=True)[0]

    def after(self) -> Iterator[str]:
        """Yield what may still be due when the flow is passed, in the order in which it is asked."""
        known = [s for s in self._assembled.realm.required_actions if s.enabled and s.alias in ACTIONS]
        for setting in sorted(known, key=lambda s: (s.priority, s.alias)):
            when = "action_everybody" if setting.default_action else "action_due"
            name = self._words.step(setting.alias)
            yield self._words.say(when, action=setting.name or name, alias=setting.alias)
        yield self._words.say("consent")

    def off(self, node: Node) -> Iterator[str]:
        """Yield what is switched off."""
        if node.requirement is Requirement.DISABLED:
            yield node.authenticator if isinstance(node, Execution) else f"“{node.alias}”"
        elif isinstance(node, Subflow):
            for child in (*node.conditions, *node.children):
                yield from self.off(child)

    def _node(self, node: Node, before: Arriving, *, tail: bool) -> tuple[Block, Arriving]:
        if isinstance(node, Execution):
            return self._step(node, before, tail=tail)
        if node.requirement is Requirement.CONDITIONAL:
            return self._question(node, before, tail=tail)
        return self._content(node, before, tail=tail)

    def _content(self, node: Subflow, before: Arriving, *, tail: bool) -> tuple[Block, Arriving]:
        enabled = [child for child in node.children if child.requirement is not Requirement.DISABLED]
        if len(enabled) > 1 and any(child.requirement is Requirement.ALTERNATIVE for child in enabled):
            return self._choice(node, enabled, before, tail=tail)
        blocks: list[Block] = []
        for child in enabled:
            block, before = self._node(child, before, tail=tail and child is enabled[-1])
            blocks.append(block)
        return Series(blocks=tuple(_flat(blocks))), before

    def _choice(self, node: Subflow, ways: list[Node], before: Arriving, *, tail: bool) -> tuple[Block, Arriving]:
        number = self._number()
        branches: list[Branch] = []
        after: list[Arriving] = []
        for position, way in enumerate(ways, start=1):
            block, arriving = self._node(way, before, tail=tail)
            label = str(position) if isinstance(way, Execution) else f"{position} · {way.alias}"
            branches.append(Branch(label=label, block=block))
            after.append(arriving)
        split = Split(
            id=number,
            title=self._words.say("one_of"),
            alias=node.alias,
            is_question=False,
            branches=tuple(branches),
        )
        return split, _met(after)

    def _question(self, node: Subflow, before: Arriving, *, tail: bool) -> tuple[Block, Arriving]:
        asked = [c for c in node.conditions if c.requirement is not Requirement.DISABLED]
        if [c.authenticator for c in asked] == [LEVEL_CONDITION] and self._blocks[node.id] == min(
            self._blocks.values()
        ):
            # The lowest level of a flow is proven by everybody, whatever is asked for: there is no question.
            return self._content(node, self._guarded(node, asked, before), tail=tail)
        number = self._number()
        title = f" {self._words.say('and')} ".join(self._words.condition(condition, node) for condition in asked)
        yes, after = self._content(node, self._guarded(node, asked, before), tail=tail)
        no: Block = self._end(before.ways) if tail else Nothing(id=self._number())
        split = Split(
            id=number,
            title=title,
            alias=node.alias,
            is_question=True,
            branches=(
                Branch(label=f"{self._words.say('yes')} · {node.alias}", block=yes),
                Branch(label=self._words.say("no"), block=no),
            ),
        )
        return split, _met([after, before])

    def _guarded(self, node: Subflow, asked: list[Execution], before: Arriving) -> Arriving:
        """Return who gets past a question: those who have set up what it asks for surely have it."""
        if node.id in self._blocks:
            before = replace(before, ways=tuple((*way, f"{_LEVEL}{self._blocks[node.id]}") for way in before.ways))
        if all(condition.authenticator != USER_CONFIGURED for condition in asked):
            return before
        required = [child for child in node.children if child.requirement is Requirement.REQUIRED]
        needed = required or [child for child in node.children if child.requirement is not Requirement.DISABLED]
        steps = [child for child in needed if isinstance(child, Execution)] if required or len(needed) == 1 else []
        proven = (self._assembled.contract(step.id).proves for step in steps)
        return replace(before, has=before.has | {factor.name for factor in proven if factor is not None})

    def _step(self, step: Execution, before: Arriving, *, tail: bool) -> tuple[Block, Arriving]:
        contract = self._assembled.contract(step.id)
        ends_here = step.authenticator == DENY
        card = Card(
            id=self._number(),
            title=self._words.step(step.authenticator),
            authenticator=step.authenticator,
            requirement=step.requirement.value,
            optional=step.requirement is not Requirement.REQUIRED,
            lines=tuple(self._lines(step, contract, before)),
            ends=ends_here,
            may_wait=self._without(step, before) is Usability.SETUP,
        )
        if ends_here:
            return card, Arriving(ways=())
        after = self._passed(step, contract, before)
        return (Series(blocks=(card, self._end(after.ways))) if tail else card), after

    def _passed(self, step: Execution, contract: StepContract, before: Arriving) -> Arriving:
        if step.authenticator == COOKIE:
            return Arriving(ways=((_SESSION,),))
        if contract.holders_of is not None:
            return replace(before, has=before.has | {contract.holders_of})
        if contract.proves is None:
            return before
        self._factors |= contract.factors
        proven = [_added(one, way) for one in before.ways for way in contract.ways]
        if self._without(step, before) is Usability.SETUP:
            # The credential is made at the end of the login: nothing is proven by it in this one.
            return replace(before, ways=_each_once([*before.ways, *proven]))
        return Arriving(ways=_each_once(proven), has=before.has | {contract.proves.name})

    def _lines(self, step: Execution, contract: StepContract, before: Arriving) -> Iterator[Line]:
        say = self._words.say
        if step.authenticator == COOKIE:
            yield Line("quiet", say("no_page"))
            return
        if contract.identifies:
            yield Line("quiet", say("identifies"))
        if contract.sends_message:
            yield Line("quiet", say("sends"))
        for position, way in enumerate(way for way in contract.ways if way):
            factors = f" {say('and')} ".join(map(self._words.factor, way))
            yield Line("proves", say("or_proves" if position else "proves", factor=factors))
        if contract.changes is not None:
            yield Line("gives", say("gives", credential=self._words.credential(contract.changes.credential)))
        if contract.holders_of is not None:
            yield Line("missing", say("without:stops", credential=self._words.credential(contract.holders_of)))
        elif contract.proves is not None:
            yield from self._line_without(step, contract, self._words.credential(contract.proves.name), before)

    def _line_without(
        self, step: Execution, contract: StepContract, credential: str, before: Arriving
    ) -> Iterator[Line]:
        say = self._words.say
        match self._without(step, before):
            case Usability.SETUP:
                action = contract.setup_action or ""
                yield Line("missing", say("without:set_up", credential=credential, action=action))
            case Usability.NO:
                key = "without:refused" if step.requirement is Requirement.REQUIRED else "without:not_offered"
                yield Line("missing", say(key, credential=credential))
            case Usability.READY:
                pass

    def _without(self, step: Execution, before: Arriving) -> Usability:
        """Ask the step itself what becomes of a customer who has only what everybody here surely has."""
        proves = self._assembled.contract(step.id).proves
        if proves is not None and proves.name in before.has:
            return Usability.READY
        return self._assembled.usable(step, self._nobody)

    def _end(self, arriving: tuple[Proven, ...]) -> End:
        told = [self._outcome(proven) for proven in sorted(arriving, key=lambda p: (self._level(p), len(p), p))]
        shown = told[:_MOST_OUTCOMES]
        if len(told) > len(shown):
            shown.append(Outcome(evidence=self._words.say("more", count=str(len(told) - len(shown))), worth=""))
        return End(id=self._number(), outcomes=tuple(shown))

    def _outcome(self, proven: Proven) -> Outcome:
        say = self._words.say
        if proven == (_SESSION,):
            return Outcome(evidence=say("of_session"), worth=say("level_of_session"))
        things = [name for name in proven if not name.startswith(_LEVEL)]
        evidence = " + ".join(say("of_session") if name == _SESSION else self._words.evidence(name) for name in things)
        if not things:
            return Outcome(evidence=say("nothing_proven"), worth=say("refused"))
        if not self._ends_in_session:
            return Outcome(evidence=evidence, worth=say("back_to_login"))
        level = self._level(proven)
        acr = acr_of(self._assembled.realm, level)
        worth = say("level", level=str(level)) if acr == str(level) else say("level_acr", level=str(level), acr=acr)
        return Outcome(evidence=evidence, worth=worth)

    def _level(self, proven: Proven) -> int:
        """Return what the engine gives for this (`idp.flows.strength.blocks.reached_level`)."""
        by_evidence = level_of(_evidence(self._factors[name]) for name in proven if name in self._factors)
        blocks = [int(name.removeprefix(_LEVEL)) for name in proven if name.startswith(_LEVEL)]
        reached = [level for level in blocks if level < TWO_FACTORS or by_evidence >= TWO_FACTORS]
        without = by_evidence if not self._blocks else min(by_evidence, next(iter(self._blocks.values())))
        return max(reached, default=without)

    def _number(self) -> str:
        self._numbers += 1
        return f"n{self._numbers}"


def _evidence(factor: Factor) -> Evidence:
    return Evidence(
        execution="",
        factor=factor.name,
        category=factor.category,
        channel=factor.channel,
        amr=factor.amr,
        at=0,
        ceremony="",
    )


def _added(proven: Proven, factors: Iterable[Factor]) -> Proven:
    return tuple(dict.fromkeys((*proven, *(factor.name for factor in factors))))


def _met(arriving: list[Arriving]) -> Arriving:
    """Return who comes to a place where ways meet."""
    ways = [way for one in arriving for way in one.ways]
    # A way that nobody leaves takes nothing from what the others surely have.
    has = [one.has for one in arriving if one.ways]
    return Arriving(ways=_each_once(ways), has=frozenset.intersection(*has) if has else frozenset())


def _each_once(proven: Iterable[Proven]) -> tuple[Proven, ...]:
    """Leave out what was proven before in another order."""
    return tuple({frozenset(one): one for one in reversed(list(proven))}.values())[::-1]


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Series):
            yield from _flat(block.blocks)
        else:
            yield block


def _tones(block: Block) -> tuple[str, ...]:
    used = {line.tone for card in cards(block) for line in card.lines}
    return tuple(tone for tone in ("proves", "gives", "missing") if tone in used)


def _told(block: Block, words: Words, depth: int = 0) -> Iterator[str]:
    """Yield the picture in sentences, for those who do not see it."""
    indent = "  " * depth
    match block:
        case Card():
            lines = "".join(f" {line.text}." for line in block.lines)
            yield f"{indent}{block.title} ({block.authenticator}, {block.requirement}).{lines}"
        case End():
            for outcome in block.outcomes:
                yield f"{indent}{words.say('end')}: {outcome.evidence}" + (
                    f": {outcome.worth}." if outcome.worth else "."
                )
        case Nothing():
            yield f"{indent}{words.say('goes_on')}"
        case Split():
            yield f"{indent}{block.title} ({block.alias})"
            for branch in block.branches:
                yield f"{indent}{branch.label}:"
                yield from _told(branch.block, words, depth + 1)
        case Series():
            for inner in block.blocks:
                yield from _told(inner, words, depth)


def all_outcomes(picture: Picture) -> frozenset[Outcome]:
    """Return every outcome that a picture shows."""
    return frozenset(outcome for end in ends(picture.flow) for outcome in end.outcomes)
