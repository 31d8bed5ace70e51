"""The picture of a run: what each request costs, and how long it takes. SVG by hand, readable on light and on dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.contestants import COMPARED
from benchmarks.report import Report
from idp.model.struct import Frozen

_WIDTH = 900
_LEFT, _RIGHT = 290, 70  # of the lines: names, figures
_TOP = 84
_BAR, _LINE_GAP, _PANEL_GAP = 11, 12, 74
_TICKS = tuple(step * 10.0**power for power in range(-3, 5) for step in (1, 2, 5))  # milliseconds
_COLOURS = ("a", "b", "c", "d", "e", "f")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.small { font-size: 11px; }
.faint { fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.budget { stroke: #1f2328; stroke-width: 2; }
.whisker { stroke-width: 3; stroke-linecap: round; }
.a { fill: #0a58ca; stroke: #0a58ca; } .b { fill: #5aa9e6; stroke: #5aa9e6; } .c { fill: #137752; stroke: #137752; }
.d { fill: #5cb893; stroke: #5cb893; } .e { fill: #c8511b; stroke: #c8511b; } .f { fill: #7d5ba6; stroke: #7d5ba6; }
rect { stroke: none !important; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .faint { fill: #9198a1; } .grid { stroke: #3d444d; } .budget { stroke: #f0f6fc; }
  .a { fill: #4c94ff; stroke: #4c94ff; } .b { fill: #9cd0f7; stroke: #9cd0f7; } .c { fill: #2fa97b; stroke: #2fa97b; }
  .d { fill: #93dcbd; stroke: #93dcbd; } .e { fill: #ee8450; stroke: #ee8450; } .f { fill: #b497d6; stroke: #b497d6; }
}
"""


class Mark(Frozen, frozen=True, kw_only=True):
    """What one contestant has in one line; milliseconds."""

    contestant: str
    low: float
    """Where it begins: a bar at the left edge, a range at its smallest value. 0: at the left edge."""
    middle: float
    high: float
    label: str


class Line(Frozen, frozen=True, kw_only=True):
    """One scenario."""

    name: str
    marks: tuple[Mark, ...]
    budget: float | None = None


class Panel(Frozen, frozen=True, kw_only=True):
    """One half of the picture, with an axis of its own."""

    title: str
    lines: tuple[Line, ...]

    @property
    def height(self) -> float:
        """Pixels, without the axis."""
        return sum(len(line.marks) * _BAR + _LINE_GAP for line in self.lines)


class Axis(Frozen, frozen=True, kw_only=True):
    """A logarithmic axis between two numbers of milliseconds."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Return where a value lies, in pixels; what is beyond an end lies on it."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return _LEFT + min(1.0, share) * (_WIDTH - _LEFT - _RIGHT)

    @property
    def ticks(self) -> list[float]:
        """The round values within."""
        return [tick for tick in _TICKS if self.low <= tick <= self.high]


def drawn(report: Report) -> str:
    """Return the picture."""
    panels = [panel for panel in (_costs(report), _latencies(report)) if panel.lines]
    height = _TOP + sum(panel.height + _PANEL_GAP for panel in panels)
    classes = dict(zip(report.contestants, _COLOURS, strict=False))
    title = "Hyrja: CPU and latency of each request"
    body = [*_legend(classes), *_stacked(panels, classes)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="title description">\n'
        f'<title id="title">{title}</title>\n<desc id="description">{escape(_described(report))}</desc>\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def _described(report: Report) -> str:
    """Say in words what the picture shows, for whoever does not see it; the figures stand in the tables too."""
    sentences = [
        f"Bars on a logarithmic axis: CPU time of each request for {', '.join(report.contestants)}.",
        "A second panel shows latencies at a fixed rate, from the median to the 99th percentile.",
    ]
    for other in (name for name in COMPARED if name in report.contestants):
        ratios = report.ratios(other)
        below = sum(ratio <= 1 for ratio in ratios.values())
        sentences.append(f"{report.judged} costs no more than {other} in {below} of {len(ratios)} rows.")
    return " ".join(sentences)


def _costs(report: Report) -> Panel:
    budgets = {one.scenario: one.budget + one.signatures for one in report.judgements()}
    lines = []
    for scenario in report.scenarios:
        rows = [(name, report.row(name, scenario)) for name in report.contestants]
        marks = tuple(
            Mark(contestant=name, low=0.0, middle=cost, high=cost, label=_figure(cost))
            for name, row in rows
            if row is not None and (cost := row.cpu * 1000) > 0
        )
        budget = budgets.get(scenario)
        lines.append(Line(name=scenario, marks=marks, budget=None if budget is None else budget * 1000))
    title = f"CPU time for each, ms, one at a time. Line: the budget of {report.judged}, with its signatures"
    return Panel(title=title, lines=tuple(lines))


def _latencies(report: Report) -> Panel:
    lines = []
    for scenario in report.scenarios:
        found = [one for name in report.contestants if (one := report.latency(name, scenario)) is not None]
        marks = tuple(
            Mark(
                contestant=one.contestant,
                low=one.percentile(0.5) * 1000,
                middle=one.percentile(0.95) * 1000,
                high=one.percentile(0.99) * 1000,
                label=_figure(one.percentile(0.99) * 1000),
            )
            for one in found
            if one.kept_up
        )
        if marks:
            lines.append(Line(name=f"{scenario}, {found[0].rate:g}/s", marks=marks))
    title = "Latency at a fixed rate, ms: from p50 by p95 (dot) to p99 (figure)"
    return Panel(title=title, lines=tuple(lines))


def _figure(milliseconds: float) -> str:
    return (
        f"{milliseconds:.3f}"
        if milliseconds < 1
        else f"{milliseconds:.2f}"
        if milliseconds < 10
        else f"{milliseconds:.0f}"
    )


def _legend(classes: dict[str, str]) -> Iterator[str]:
    yield _text(16, 26, "title", "What a request costs, and how long it takes")
    x = 16.0
    for name, colour in classes.items():
        yield f'<rect class="{colour}" x="{x:.0f}" y="42" width="12" height="12" rx="2"/>'
        yield _text(x + 17, 52, "", name)
        x += 36 + 7.2 * len(name)


def _stacked(panels: Sequence[Panel], classes: dict[str, str]) -> Iterator[str]:
    top = float(_TOP)
    for panel in panels:
        yield from _panel(panel, classes, top)
        top += panel.height + _PANEL_GAP


def _panel(panel: Panel, classes: dict[str, str], top: float) -> Iterator[str]:
    values = [value for line in panel.lines for mark in line.marks for value in (mark.low or mark.high, mark.high)]
    axis = Axis(low=min(values) * 0.6, high=max(values) * 1.1)
    yield _text(16, top, "small faint", panel.title)
    begin, end = top + 12, top + 12 + panel.height
    for tick in axis.ticks:
        x = axis.x(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{begin:.0f}" x2="{x:.1f}" y2="{end:.0f}"/>'
        yield _text(x, end + 14, "small faint", f"{tick:g}", anchor="middle")
    y = begin + _LINE_GAP / 2
    for line in panel.lines:
        tall = len(line.marks) * _BAR
        yield _text(_LEFT - 10, y + tall / 2 + 4, "", line.name, anchor="end")
        for place, mark in enumerate(line.marks):
            yield from _mark(mark, classes.get(mark.contestant, "f"), axis, y + place * _BAR)
        if line.budget is not None:
            x = axis.x(line.budget)
            yield f'<line class="budget" x1="{x:.1f}" y1="{y - 2:.1f}" x2="{x:.1f}" y2="{y + tall + 1:.1f}"/>'
        y += tall + _LINE_GAP


def _mark(mark: Mark, colour: str, axis: Axis, y: float) -> Iterator[str]:
    end = axis.x(mark.high)
    if mark.low:
        middle = y + _BAR / 2
        start = axis.x(mark.low)
        yield (f'<line class="whisker {colour}" x1="{start:.1f}" y1="{middle:.1f}" x2="{end:.1f}" y2="{middle:.1f}"/>')
        yield f'<circle class="{colour}" cx="{axis.x(mark.middle):.1f}" cy="{middle:.1f}" r="3.5"/>'
    else:
        yield f'<rect class="{colour}" x="{_LEFT}" y="{y:.1f}" width="{end - _LEFT:.1f}" height="{_BAR - 1}"/>'
    yield _text(end + 6, y + _BAR - 1.5, "small faint", mark.label)


def _text(x: float, y: float, style: str, words: str, *, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
