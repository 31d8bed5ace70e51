"""What a picture of a flow consists of, before anybody thinks of coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from idp.flows.step import Factor
from idp.flows.tree import Execution, Subflow
from idp.model.struct import Frozen

Tone = Literal["proves", "gives", "missing", "quiet"]


class Words(Protocol):
    """The words of one language."""

    def say(self, key: str, **values: str) -> str:
        """Say one of a picture's phrases."""

    def step(self, authenticator: str) -> str:
        """Name a step or a required action as a person knows it."""

    def factor(self, factor: Factor) -> str:
        """Name a factor with its category and its channel."""

    def credential(self, name: str) -> str:
        """Name what a person needs to prove a factor."""

    def evidence(self, name: str) -> str:
        """Name what was proven."""

    def condition(self, condition: Execution, guarded: Subflow) -> str:
        """Ask a condition as a question."""


class Line(Frozen, frozen=True):
    """One thing that is said of a page; the tone has a sign of its own, so that colour is not needed."""

    tone: Tone
    text: str


class Card(Frozen, frozen=True, kw_only=True):
    """One step: what a person meets, its technical name, and what it proves, gives and does without a credential.

    `ends`: nobody gets past it. `may_wait`: whoever lacks its credential goes on, and sets it up at the end.
    """

    id: str
    title: str
    authenticator: str
    requirement: str
    optional: bool
    lines: tuple[Line, ...] = ()
    ends: bool = False
    may_wait: bool = False


class Outcome(Frozen, frozen=True, kw_only=True):
    """One way to arrive: what was proven, in words, and what it is worth. A path that proved nothing is refused."""

    evidence: str
    worth: str


class End(Frozen, frozen=True, kw_only=True):
    """Where paths end, each outcome once."""

    id: str
    outcomes: tuple[Outcome, ...]


class Nothing(Frozen, frozen=True, kw_only=True):
    """A way past: nothing is asked."""

    id: str


class Branch(Frozen, frozen=True, kw_only=True):
    """One way at a split."""

    label: str
    block: Block


class Split(Frozen, frozen=True, kw_only=True):
    """Where ways part: a person's choice, or a question that the realm answers (its first branch is *yes*)."""

    id: str
    title: str
    alias: str
    is_question: bool
    branches: tuple[Branch, ...]


class Series(Frozen, frozen=True, kw_only=True):
    """One after the other."""

    blocks: tuple[Block, ...]


Block = Card | End | Nothing | Split | Series


class Shown(Frozen, frozen=True, kw_only=True):
    """What a proof says of this flow: a title, its legend, and the blocks and pages of the way that it found."""

    title: str
    legend: tuple[str, ...] = ()
    blocks: frozenset[str] = frozenset()
    cards: tuple[str, ...] = ()
    holds: bool = False


class Picture(Frozen, frozen=True, kw_only=True):
    """A whole flow. `after` are the things still due when it is passed, `off` the steps that are switched off."""

    title: str
    subtitle: str
    start: str
    flow: Block
    after_title: str
    after: tuple[str, ...]
    off: str
    told: tuple[str, ...]
    legend: tuple[tuple[str, str], ...] = ()
    proof: Shown | None = None


def cards(block: Block) -> Iterator[Card]:
    """Yield every page of a block, in reading order."""
    match block:
        case Card():
            yield block
        case Series():
            for inner in block.blocks:
                yield from cards(inner)
        case Split():
            for branch in block.branches:
                yield from cards(branch.block)
        case _:
            pass


def ends(block: Block) -> Iterator[End]:
    """Yield every end of a block."""
    match block:
        case End():
            yield block
        case Series():
            for inner in block.blocks:
                yield from ends(inner)
        case Split():
            for branch in block.branches:
                yield from ends(branch.block)
        case _:
            pass
