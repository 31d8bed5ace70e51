"""Where the blocks of a picture stand.

Every block is drawn around an axis (x = 0) from its top (y = 0): what leads to it arrives there, what follows leaves at
the bottom of the same axis. Ways stand side by side while there is room, and below each other where there is not, as on
a phone. Units are CSS pixels at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from idp.assurance.pictures.blocks import Block, Branch, Card, End, Nothing, Series, Split
from idp.assurance.pictures.letters import broken, shortened
from idp.model.struct import Frozen

CARD, TITLE, TEXT, SMALL = 286, 15, 12.5, 11
PADDING, LEADING = 12, 17
GAP, LABELLED, BESIDE, RAIL = 30, 44, 26, 20
LINE = 14  # of a label
ROUND = 9
_DIAMONDS, _FEW_LINES = (250, 286, 320, 356, 400, 460), 3

Point = tuple[float, float]


class Box(Frozen, frozen=True, kw_only=True):
    """A block that is seen, around x = 0; `texts` are its broken lines, by what they are."""

    block: Card | End | Split
    width: float
    height: float
    texts: tuple[tuple[str, str], ...]


class Wire(Frozen, frozen=True, kw_only=True):
    """A line that leads into a block. The last line of `label` stands at `label_at`; `onto` is what it leads to."""

    points: tuple[Point, ...]
    onto: frozenset[str]
    arrow: bool = True
    label: tuple[str, ...] = ()
    label_at: Point = (0, 0)


class Placed(Frozen, frozen=True, kw_only=True):
    """A drawing within another one."""

    x: float
    y: float
    drawing: Drawing


class Drawing(Frozen, frozen=True, kw_only=True):
    """A block with its place. `left` and `right` are how far it reaches from its axis; `goes_on` unless it ends."""

    left: float
    right: float
    height: float
    goes_on: bool
    boxes: tuple[Box, ...] = ()
    wires: tuple[Wire, ...] = ()
    parts: tuple[Placed, ...] = ()


def drawn(block: Block, room: float) -> Drawing:
    """Place a block and everything in it, within `room` if that can be."""
    match block:
        case Card():
            return _boxed(_card(block), goes_on=not block.ends)
        case End():
            return _boxed(_end(block), goes_on=False)
        case Nothing():
            return Drawing(left=0, right=0, height=0, goes_on=True)
        case Series():
            return _series(block.blocks, room)
        case Split():
            beside = _beside(block, room)
            fits = beside.left + beside.right <= room
            return beside if fits or _is_way_past(block) else _below(block, room)


def _is_way_past(split: Split) -> bool:
    """Tell whether a question only lets somebody pass by: that takes hardly any room."""
    return split.is_question and isinstance(split.branches[1].block, Nothing)


def _boxed(box: Box, *, goes_on: bool) -> Drawing:
    return Drawing(left=box.width / 2, right=box.width / 2, height=box.height, goes_on=goes_on, boxes=(box,))


def _card(card: Card) -> Box:
    inside = CARD - 2 * PADDING
    texts = [("requirement", card.requirement)]
    texts += [("title", line) for line in broken(card.title, TITLE, inside, wide=1.06)]
    texts += [("name", line) for line in broken(card.authenticator, SMALL, inside, wide=1.12)]
    for line in card.lines:
        sign = 0 if line.tone == "quiet" else 18
        for position, text in enumerate(broken(line.text, TEXT, inside - sign)):
            texts.append((line.tone if position == 0 else f"{line.tone}-more", text))
    return Box(block=card, width=CARD, height=_height(texts), texts=tuple(texts))


def _end(end: End) -> Box:
    inside = CARD - 4 * PADDING
    texts: list[tuple[str, str]] = []
    worth = ""
    for outcome in end.outcomes:
        if outcome.worth != worth:
            texts += [("worth", line) for line in broken(outcome.worth, TITLE, inside, wide=1.06)]
        worth = outcome.worth
        texts += [("evidence", line) for line in broken(outcome.evidence, TEXT, inside)]
    return Box(block=end, width=CARD, height=_height(texts), texts=tuple(texts))


def _height(texts: Sequence[tuple[str, str]]) -> float:
    return 2 * PADDING + sum(LEADING + (3 if kind in {"title", "worth"} else 0) for kind, _ in texts)


def _head(split: Split) -> Box:
    if not split.is_question:
        texts = tuple(("choice", line) for line in broken(split.title, TEXT, CARD - 30))
        return Box(block=split, width=CARD, height=16 + LEADING * len(texts), texts=texts)
    # A diamond is wide only in its middle: it grows until its lines fit.
    width, lines = next(
        ((width, lines) for width in _DIAMONDS if len(lines := broken(split.title, TEXT, width * 0.56)) <= _FEW_LINES),
        (_DIAMONDS[-1], broken(split.title, TEXT, _DIAMONDS[-1] * 0.56)),
    )
    height = max(78.0, LEADING * len(lines) * 2.1)
    return Box(block=split, width=width, height=height, texts=tuple(("question", line) for line in lines))


def _series(blocks: Sequence[Block], room: float) -> Drawing:
    parts: list[Placed] = []
    wires: list[Wire] = []
    bottom = 0.0
    goes_on = True
    for block in blocks:
        drawing = drawn(block, room)
        top = bottom
        if parts and goes_on:
            top = bottom + GAP
            wires.append(Wire(points=((0, bottom), (0, top)), onto=_first(block)))
        elif parts:
            top = bottom + GAP
        parts.append(Placed(x=0, y=top, drawing=drawing))
        bottom, goes_on = top + drawing.height, drawing.goes_on
    return Drawing(
        left=max((part.drawing.left for part in parts), default=0),
        right=max((part.drawing.right for part in parts), default=0),
        height=bottom,
        goes_on=goes_on,
        wires=tuple(wires),
        parts=tuple(parts),
    )


def _beside(split: Split, room: float) -> Drawing:
    """Put the ways side by side."""
    head = _head(split)
    within = room - 2 * BESIDE if _is_way_past(split) else room
    drawings = [drawn(branch.block, within) for branch in split.branches]
    labels = [_label(split, branch, drawing) for branch, drawing in zip(split.branches, drawings, strict=True)]
    xs = _axes(split, head, drawings)
    top = head.height + LABELLED + LINE * (max(map(len, labels)) - 1)
    bottom = top + max(drawing.height for drawing in drawings)
    wires: list[Wire] = []
    for branch, drawing, label, x in zip(split.branches, drawings, labels, xs, strict=True):
        wires.append(_way_in(split, branch, label, head, x, top))
        if drawing.goes_on:
            meeting = bottom + GAP / 2
            down = top + drawing.height
            points = ((x, down), (x, meeting), (0, meeting)) if x else ((0, down), (0, meeting))
            onto = frozenset({branch.block.id}) if isinstance(branch.block, Nothing) else _all(branch.block)
            wires.append(Wire(points=points, onto=onto, arrow=False))
    goes_on = any(drawing.goes_on for drawing in drawings)
    half = head.width / 2
    return Drawing(
        left=max(half, *(drawing.left - x for drawing, x in zip(drawings, xs, strict=True))),
        right=max(half, *(drawing.right + x for drawing, x in zip(drawings, xs, strict=True))),
        height=bottom + (GAP / 2 if goes_on else 0),
        goes_on=goes_on,
        boxes=(head,),
        wires=tuple(wires),
        parts=tuple(Placed(x=x, y=top, drawing=d) for x, d in zip(xs, drawings, strict=True)),
    )


def _label(split: Split, branch: Branch, drawing: Drawing) -> tuple[str, ...]:
    """Break a label into two lines at most; there is more room beside a way that stands alone on its axis."""
    room = max(drawing.right, CARD / 2) + (BESIDE if split.is_question else 0) - 14
    first, *more = broken(branch.label, TEXT, room, wide=1.12) or ("",)
    return (first, shortened(" ".join(more), TEXT, room / 1.12)) if more else (first,)


def _axes(split: Split, head: Box, drawings: Sequence[Drawing]) -> list[float]:
    """Return the axis of each way: a choice is balanced, *yes* stays on the axis."""
    if split.is_question:
        yes, no = drawings
        return [0, max(head.width / 2 + RAIL, yes.right + BESIDE + no.left)]
    xs = [0.0]
    for before, after in pairwise(drawings):
        xs.append(xs[-1] + before.right + BESIDE + after.left)
    middle = xs[-1] / 2
    return [x - middle for x in xs]


def _way_in(split: Split, branch: Branch, label: tuple[str, ...], head: Box, x: float, top: float) -> Wire:
    onto = frozenset({branch.block.id}) if isinstance(branch.block, Nothing) else _first(branch.block)
    is_seen = not isinstance(branch.block, Nothing)
    if split.is_question and x:
        half = head.height / 2
        start = (head.width / 2, half)
        return Wire(
            points=(start, (x, half), (x, top)),
            onto=onto,
            arrow=is_seen,
            label=label,
            label_at=(head.width / 2 + 4, half - 6),
        )
    turn = head.height + 14
    points = ((0, head.height), (0, turn), (x, turn), (x, top)) if x else ((0, head.height), (0, top))
    return Wire(points=points, onto=onto, arrow=is_seen, label=label, label_at=(x + 8, top - 10))


def _below(split: Split, room: float) -> Drawing:
    """Put the ways below each other: a rail on the left leads into them, one on the right out of them."""
    head = _head(split)
    drawings = [drawn(branch.block, room - 2 * RAIL) for branch in split.branches]
    left = max(head.width / 2, *(drawing.left for drawing in drawings)) + RAIL
    right = max(head.width / 2, *(drawing.right for drawing in drawings)) + RAIL
    parts: list[Placed] = []
    wires: list[Wire] = []
    leaving: list[tuple[float, frozenset[str]]] = []
    bottom = head.height
    for position, (branch, drawing) in enumerate(zip(split.branches, drawings, strict=True)):
        label = _label(split, branch, drawing)
        top = bottom + LABELLED + LINE * (len(label) - 1)
        onto = frozenset({branch.block.id}) if isinstance(branch.block, Nothing) else _first(branch.block)
        wires.append(_rail_in(split, head, branch, label, onto=onto, first=position == 0, rails=(left, right), top=top))
        parts.append(Placed(x=0, y=top, drawing=drawing))
        bottom = top + drawing.height
        if drawing.goes_on:
            leaving.append((bottom, _all(branch.block) or onto))
            bottom += GAP / 2
    for at, onto in leaving:
        is_last = at + GAP / 2 == bottom
        around = ((0, at), (0, at + 8), (right, at + 8), (right, bottom), (0, bottom))
        wires.append(Wire(points=((0, at), (0, bottom)) if is_last else around, onto=onto, arrow=False))
    outer = left if not split.is_question else left - RAIL
    return Drawing(
        left=outer,
        right=right,
        height=bottom,
        goes_on=bool(leaving),
        boxes=(head,),
        wires=tuple(wires),
        parts=tuple(parts),
    )


def _rail_in(
    split: Split,
    head: Box,
    branch: Branch,
    label: tuple[str, ...],
    *,
    onto: frozenset[str],
    first: bool,
    rails: tuple[float, float],
    top: float,
) -> Wire:
    half, turn = head.height / 2, top - 14 - LINE * len(label)
    if first:
        points: tuple[Point, ...] = ((0, head.height), (0, top))
    else:
        side, rail = (head.width / 2, rails[1]) if split.is_question else (-head.width / 2, -rails[0])
        points = ((side, half), (rail, half), (rail, turn), (0, turn), (0, top))
    is_seen = not isinstance(branch.block, Nothing)
    return Wire(points=points, onto=onto, arrow=is_seen, label=label, label_at=(8, top - 10))


def _first(block: Block) -> frozenset[str]:
    """Return the block that a line into `block` reaches."""
    while isinstance(block, Series):
        if not block.blocks:
            return frozenset()
        block = block.blocks[0]
    return frozenset({block.id})


def _all(block: Block) -> frozenset[str]:
    """Return the last blocks of `block`, by which it is left."""
    match block:
        case Series():
            return _all(block.blocks[-1]) if block.blocks else frozenset()
        case _:
            return frozenset({block.id})
