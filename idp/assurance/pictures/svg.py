"""A picture as SVG: one file, nothing loaded, no script; its text can be selected and is told to screen readers.

Requirements differ by shape and word (square and round frames, diamonds), lines by a sign, a proof's way by its broken
thick line and its numbers: a picture printed in grey says the same (WCAG 2.2, 1.4.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from idp.assurance.pictures.blocks import Card, End, Picture, Split, Words
from idp.assurance.pictures.layout import (
    CARD,
    GAP,
    LEADING,
    LINE,
    PADDING,
    ROUND,
    SMALL,
    TEXT,
    TITLE,
    Box,
    Drawing,
    Placed,
    Point,
    Wire,
    drawn,
)
from idp.assurance.pictures.letters import broken, width
from idp.crypto.digest import digest

PAGE, PHONE = 820, 372
"""How wide a picture may be where there is room for ways side by side: on paper, and on a phone."""

_MARGIN = 20
_MOST_ROUND = 40
_STYLE = """
.fl text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:#13262b}
.fl .mono{font-family:ui-monospace,"SFMono-Regular",Menlo,"Noto Sans Mono",monospace;fill:#4d6068}
.fl .strong{font-weight:650}.fl .soft{fill:#4d6068}.fl .good{fill:#0f5132}.fl .gift{fill:#4b2a7b}.fl .warn{fill:#7a4a00}
.fl .bad{fill:#a3161d}
.fl .req{fill:#fff;stroke:#13262b;stroke-width:2}
.fl .alt{fill:#fff;stroke:#13262b;stroke-width:1.5;stroke-dasharray:7 4}
.fl .ask{fill:#fdf6e3;stroke:#7a4a00;stroke-width:1.5}.fl .one{fill:#eef3f4;stroke:#4d6068;stroke-width:1.2}
.fl .end{fill:#e8f3ec;stroke:#17643a;stroke-width:2}.fl .stop{fill:#fbeaea;stroke:#a3161d;stroke-width:2}
.fl .panel{fill:#f6f8f8;stroke:#c9d4d6;stroke-width:1}.fl .start{fill:#13262b}.fl .start-text{fill:#fff}
.fl .wire{fill:none;stroke:#4d6068;stroke-width:1.6}
.fl .way{fill:none;stroke:#a3161d;stroke-width:3.5;stroke-dasharray:9 4}
.fl .mark{fill:none;stroke:#a3161d;stroke-width:3.5;stroke-dasharray:9 4}
.fl .number{fill:#a3161d}.fl .number-text{fill:#fff;font-weight:700}
.fl .halo{stroke:#fff;stroke-width:4;paint-order:stroke;stroke-linejoin:round}
"""
_SIGNS = {"proves": ("✚", "good"), "gives": ("★", "gift"), "missing": ("○", "warn"), "quiet": ("", "soft")}


def svg(picture: Picture, words: Words, *, room: float = PAGE) -> str:
    """Return the SVG text; `room` is how wide it may be (it is wider only where it must be)."""
    return _Drawer(picture, words, room).text()


class _Drawer:
    """Writes one picture."""

    def __init__(self, picture: Picture, words: Words, room: float) -> None:
        self._picture = picture
        self._words = words
        # Its own in a page that holds many pictures, also of one flow.
        self._id = f"fl-{digest('|'.join((picture.title, picture.subtitle, repr(picture.proof), str(room))))[:8]}"
        self._way = picture.proof.blocks if picture.proof is not None else frozenset()
        self._numbers = {card: n for n, card in enumerate(picture.proof.cards, start=1)} if picture.proof else {}
        self._flow = drawn(picture.flow, room - 2 * _MARGIN)
        self._width = max(self._flow.left + self._flow.right, CARD + 40) + 2 * _MARGIN
        self._axis = _MARGIN + self._flow.left + max(0.0, (self._width - 2 * _MARGIN - self._reach) / 2)

    @property
    def _reach(self) -> float:
        return self._flow.left + self._flow.right

    def text(self) -> str:
        """Return the whole."""
        body: list[str] = []
        y = self._heading(body)
        y = self._body(body, y)
        y = self._panel(body, y)
        height = self._notes(body, y) + _MARGIN
        picture = self._picture
        told = escape("\n".join((picture.start + ".", *picture.told, *self._after_told())), quote=False)
        title = escape(f"{picture.title}: {picture.subtitle}", quote=False)
        wide, high = _number(self._width), _number(height)
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="fl" role="img" viewBox="0 0 {wide} {high}" '
            f'width="{wide}" height="{high}" style="max-width:100%;height:auto;background:#fff" '
            f'aria-labelledby="{self._id}-t" aria-describedby="{self._id}-d">'
        )
        names = f'<title id="{self._id}-t">{title}</title>\n<desc id="{self._id}-d">{told}</desc>'
        arrow = (
            f'<defs><marker id="{self._id}-a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="#4d6068"/></marker>'
            f'<marker id="{self._id}-w" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="13" markerHeight="13" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="#a3161d"/></marker></defs>'
        )
        return "\n".join((opening, names, f"<style>{_STYLE}</style>", arrow, *body, "</svg>")) + "\n"

    def _after_told(self) -> tuple[str, ...]:
        picture = self._picture
        proof = (picture.proof.title, *picture.proof.legend) if picture.proof is not None else ()
        after = (f"{picture.after_title}: {'; '.join(picture.after)}.",) if picture.after else ()
        return (*after, *((picture.off,) if picture.off else ()), *proof)

    def _heading(self, body: list[str]) -> float:
        room = self._width - 2 * _MARGIN
        y = float(_MARGIN)
        for line in broken(self._picture.title, 20, room, wide=1.06):
            y += 22
            body.append(_text(_MARGIN, y, line, 20, "strong"))
        for line in broken(self._picture.subtitle, TEXT, room):
            y += LEADING
            body.append(_text(_MARGIN, y, line, TEXT, "soft"))
        return y + 22

    def _body(self, body: list[str], y: float) -> float:
        words, height = self._picture.start, 32
        wide = width(words, TEXT) + 40
        left = self._axis - wide / 2
        body.append(
            f'<rect class="start" x="{_number(left)}" y="{_number(y)}" width="{_number(wide)}" '
            f'height="{height}" rx="16"/>'
        )
        body.append(_text(self._axis, y + 20.5, words, TEXT, "start-text", anchor="middle"))
        top = y + height + GAP
        leads = Wire(points=((self._axis, y + height), (self._axis, top)), onto=self._way)
        body.append(self._wire(leads))
        body.extend(self._placed(Placed(x=self._axis, y=top, drawing=self._flow)))
        return top + self._flow.height + GAP

    def _placed(self, placed: Placed) -> Iterator[str]:
        """Draw the lines first, so that no line lies over a word."""
        drawing: Drawing = placed.drawing
        yield f'<g transform="translate({_number(placed.x)} {_number(placed.y)})">'
        yield from map(self._wire, sorted(drawing.wires, key=self._is_way))
        for part in drawing.parts:
            yield from self._placed(part)
        for box in drawing.boxes:
            yield from self._box(box)
        for wire in drawing.wires:
            yield from self._label(wire)
        yield "</g>"

    def _is_way(self, wire: Wire) -> bool:
        return bool(wire.onto & self._way)

    def _wire(self, wire: Wire) -> str:
        is_way = self._is_way(wire)
        head = f' marker-end="url(#{self._id}-{"w" if is_way else "a"})"' if wire.arrow else ""
        return f'<path class="{"way" if is_way else "wire"}" d="{_path(wire.points)}"{head}/>'

    def _label(self, wire: Wire) -> Iterator[str]:
        x, y = wire.label_at
        for above, line in enumerate(reversed(wire.label)):
            yield _text(x, y - LINE * above, line, TEXT, "strong halo")

    def _box(self, box: Box) -> Iterator[str]:
        match box.block:
            case Card():
                yield from self._card(box, box.block)
            case Split():
                yield from self._split(box, box.block)
            case End():
                is_refusal = all(o.worth == self._words.say("refused") for o in box.block.outcomes)
                rounding = min(box.height / 2, _MOST_ROUND)
                yield _rect(box, "stop" if is_refusal else "end", rounding)
                yield from self._centred(box)
                if box.block.id in self._way:
                    yield _rect(box, "mark", rounding)

    def _card(self, box: Box, card: Card) -> Iterator[str]:
        shape = "stop" if card.ends else "alt" if card.optional else "req"
        rounding = 16 if card.optional else 2
        yield _rect(box, shape, rounding)
        x, y = -box.width / 2 + PADDING, float(PADDING - 3)
        for kind, line in box.texts:
            y += LEADING + (3 if kind == "title" else 0)
            tone = kind.removesuffix("-more")
            match kind:
                case "requirement":
                    yield _text(x, y - 4, line, 10, "soft strong")
                case "title":
                    yield _text(x, y - 4, line, TITLE, "strong")
                case "name":
                    yield _text(x, y - 4, line, SMALL, "mono")
                case _:
                    sign, style = _SIGNS[tone]
                    if sign and kind == tone:
                        yield _text(x, y - 1, sign, TEXT, style)
                    yield _text(x + (18 if sign else 0), y - 1, line, TEXT, style)
        if card.id in self._way:
            yield _rect(box, "mark", rounding)
        if card.id in self._numbers:
            yield from _badge(-box.width / 2, 0, self._numbers[card.id])

    def _split(self, box: Box, split: Split) -> Iterator[str]:
        half, middle = box.width / 2, box.height / 2
        if split.is_question:
            corners = (
                f"0,0 {_number(half)},{_number(middle)} 0,{_number(box.height)} {_number(-half)},{_number(middle)}"
            )
            yield f'<polygon class="ask" points="{corners}"/>'
        else:
            yield _rect(box, "one", ROUND)
        yield from self._centred(box)

    def _centred(self, box: Box) -> Iterator[str]:
        heights = [LEADING + (3 if kind == "worth" else 0) for kind, _ in box.texts]
        y = (box.height - sum(heights)) / 2
        for (kind, line), high in zip(box.texts, heights, strict=True):
            y += high
            size, style = {"worth": (TITLE, "strong"), "evidence": (TEXT, "good")}.get(kind, (TEXT, ""))
            yield _text(0, y - 4, line, size, style, anchor="middle")

    def _panel(self, body: list[str], y: float) -> float:
        picture = self._picture
        if not picture.after:
            return y
        room = self._width - 2 * _MARGIN - 2 * PADDING
        lines = [(line, "strong", 0) for line in broken(picture.after_title, TEXT, room, wide=1.12)]
        for number, thing in enumerate(picture.after, start=1):
            for position, line in enumerate(broken(thing, TEXT, room - 44)):
                lines.append((f"{number}. {line}" if position == 0 else line, "", 0 if position == 0 else 16))
        height = 2 * PADDING + LEADING * len(lines)
        wide = _number(self._width - 2 * _MARGIN)
        body.append(
            f'<rect class="panel" x="{_MARGIN}" y="{_number(y)}" width="{wide}" height="{_number(height)}" rx="6"/>'
        )
        for position, (line, style, indent) in enumerate(lines, start=1):
            body.append(_text(_MARGIN + PADDING + indent, y + PADDING + LEADING * position - 4, line, TEXT, style))
        return y + height + 10

    def _notes(self, body: list[str], y: float) -> float:
        room = self._width - 2 * _MARGIN
        picture = self._picture
        notes: list[tuple[str, str]] = []
        if picture.proof is not None:
            tone = "good" if picture.proof.holds else "bad"
            notes += [(picture.proof.title, f"{tone} strong"), *((line, tone) for line in picture.proof.legend)]
        notes += [(f"{_SIGNS[tone][0]} {text}", _SIGNS[tone][1]) for tone, text in picture.legend]
        shapes = " · ".join(self._words.say(f"shape:{shape}") for shape in ("required", "alternative", "question"))
        notes += [(shapes, "soft"), *([(picture.off, "soft")] if picture.off else [])]
        for text, style in notes:
            for line in broken(text, TEXT, room, wide=1.12 if "strong" in style else 1.0):
                y += LEADING
                body.append(_text(_MARGIN, y, line, TEXT, style))
        return y


def _badge(x: float, y: float, number: int) -> Iterable[str]:
    yield f'<circle class="number" cx="{_number(x)}" cy="{_number(y)}" r="11"/>'
    yield _text(x, y + 4.5, str(number), TEXT, "number-text", anchor="middle")


def _rect(box: Box, style: str, rounding: float) -> str:
    left, wide, high = _number(-box.width / 2), _number(box.width), _number(box.height)
    return f'<rect class="{style}" x="{left}" y="0" width="{wide}" height="{high}" rx="{_number(rounding)}"/>'


def _text(x: float, y: float, text: str, size: float, style: str, *, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    named = f' class="{style}"' if style else ""
    where = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}"'
    return f"<text {where}{named}{anchored}>{escape(text, quote=False)}</text>"


def _path(points: tuple[Point, ...]) -> str:
    """Return a line whose corners are rounded."""
    parts = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        arrive, leave = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{_number(arrive[0])} {_number(arrive[1])}")
        parts.append(f"Q{_number(corner[0])} {_number(corner[1])} {_number(leave[0])} {_number(leave[1])}")
    parts.append(f"L{_number(points[-1][0])} {_number(points[-1][1])}")
    return "".join(parts)


def _towards(corner: Point, other: Point) -> Point:
    distance = abs(corner[0] - other[0]) + abs(corner[1] - other[1])
    share = min(ROUND, distance / 2) / distance if distance else 0
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
