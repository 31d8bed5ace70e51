"""A run as tables for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.budgets import BUDGETS, Verdict, judged
from benchmarks.burst import Burst
from benchmarks.contestants import COMPARED
from benchmarks.report import PERCENTILES, AtRest, Judgement, Report
from benchmarks.scenarios import DISCOVERY, FLOOR
from benchmarks.sessions import Growth

_NAMES, _NAMES_AND_RATES, _COLUMN = 38, 51, 20  # characters: of the first column, of each other
_A_HASH = 0.001  # seconds: what is less is no password hash
_MUCH = 0.1  # of the measurements disturbed: worth a word
_COLOURS = {Verdict.OK: "green", Verdict.SLOW: "yellow", Verdict.OVER: "bold red"}


def show(report: Report, console: Console) -> None:
    """Print the run."""
    factor = f"Reference loop {report.reference * 1000:.1f} ms: machine factor {report.machine_factor:.2f}."
    console.print(f"\n[dim]{report.machine}.\n{factor}[/]\n")
    for table in tables(report, width=console.width):
        console.print(table)
        console.print()
    for line in remarks(report):
        console.print(line)


def tables(report: Report, *, width: int) -> list[Table]:
    """Return everything that was found, for a terminal of that width."""
    found = [_judgements(judgements, report.judged)] if (judgements := report.judgements()) else []
    timed = tuple(name for name in report.contestants if name not in report.untimed)
    found += _beside_each_other("CPU for each, ms, alone", report, report.contestants, _cost, width=width)
    found += _beside_each_other(f"a second, {report.widths[1]} at a time", report, timed, _rate, width=width)
    found += _beside_each_other(
        "p50 / p95 / p99, ms, at a fixed rate",
        report,
        tuple(dict.fromkeys(one.contestant for one in report.latencies)),
        _latency,
        width=width,
    )
    found += _beside_each_other(
        "CPU of the stores' own processes, ms, alone",
        report,
        tuple(dict.fromkeys(row.contestant for row in report.rows if row.stores)),
        _stores,
        width=width,
    )
    found += [_beside(report, other) for other in COMPARED if report.ratios(other)]
    if report.at_rest is not None:
        found.append(_node(report.at_rest, report.burst, report.growth, factor=report.machine_factor))
    return found


def remarks(report: Report) -> list[str]:
    """Return what must be known to read the tables."""
    lines = [_LEGEND]
    if (above := _above_floor(report)) is not None:
        lines.append(f"One discovery costs {above:.1f} times the floor.")
    lines += [
        f"{name}: MongoDB was the stand-in of the tests. Only our own CPU means anything, and no time."
        for name in report.untimed
    ]
    lines += [f"[yellow]Not measured: {name}. {reason}.[/]" for name, reason in report.absent.items()]
    if report.disturbed > _MUCH:
        lines.append(f"[yellow]Other work kept the machine busy at {report.disturbed:.0%} of the measurements.[/]")
    return lines


_LEGEND = (
    "[dim]Medians of the rounds. alone: one request at a time; company: several at a time, whose writes share their "
    "commits. Password hashing is in no CPU figure of ours but its own; Keycloak's is in its figures. slow: over the "
    "budget, but not once divided by the machine factor. Latencies count from the moment a request was due; behind: "
    "the server did not keep up with the rate.[/]"
)


def _judgements(found: Sequence[Judgement], name: str) -> Table:
    table = _table(f"{name}, µs of CPU", "alone", "company", "signing", "budget", "verdicts")
    for one in found:
        table.add_row(
            one.scenario,
            *(f"{seconds * 1e6:,.0f}" for seconds in (one.alone, one.company, one.signatures, one.budget)),
            " / ".join(f"[{_COLOURS[verdict]}]{verdict.value}[/]" for verdict in one.verdicts),
        )
    return table


Cell = Callable[[Report, str, str], str]
"""What a contestant's column says of a scenario."""


def _beside_each_other(title: str, report: Report, names: Sequence[str], cell: Cell, *, width: int) -> Iterator[Table]:
    """Return a table with a column for each contestant, or several where the terminal is too narrow."""
    names_width = _NAMES_AND_RATES if cell is _latency else _NAMES
    most = max(1, (width - names_width) // _COLUMN)
    for start in range(0, len(names), most):
        chosen = names[start : start + most]
        table = _table(title, *(name.replace(", ", ",\n") for name in chosen))
        for scenario in report.scenarios:
            cells = [cell(report, name, scenario) for name in chosen]
            if any(cells):
                table.add_row(_line(report, scenario) if cell is _latency else scenario, *cells)
        if cell is _cost:
            table.add_row("one password hash", *(_hash(report, name) for name in chosen))
        yield table


def _cost(report: Report, name: str, scenario: str) -> str:
    row = report.row(name, scenario)
    return "" if row is None else f"{row.cpu * 1000:.3f} ±{row.spread:.0%}"


def _hash(report: Report, name: str) -> str:
    found = [row.hashing for row in report.rows if row.contestant == name and row.hashing > _A_HASH]
    return f"{median(found) * 1000:.1f}" if found else ""


def _rate(report: Report, name: str, scenario: str) -> str:
    row = report.row(name, scenario, company=True)
    return "" if row is None else f"{row.rate:,.0f}"


def _stores(report: Report, name: str, scenario: str) -> str:
    row = report.row(name, scenario)
    return "" if row is None else f"{row.stores * 1000:.3f}"


def _latency(report: Report, name: str, scenario: str) -> str:
    found = report.latency(name, scenario)
    if found is None:
        return ""
    if not found.kept_up:
        return "behind"
    return " / ".join(_short(found.percentile(share) * 1000) for share in PERCENTILES)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:.0f}"


def _line(report: Report, scenario: str) -> str:
    """Name a scenario with the rate at which it was asked."""
    rate = next(one.rate for one in report.latencies if one.scenario == scenario)
    return f"{scenario}, {rate:g} a second"


def _beside(report: Report, other: str) -> Table:
    table = _table(f"Beside {other}, CPU in ms", "ours", "theirs", "ours / theirs")
    for scenario, ratio in report.ratios(other).items():
        ours, theirs = report.row(report.judged, scenario), report.row(other, scenario)
        assert ours is not None
        assert theirs is not None
        colour = "green" if ratio <= 1 else "bold red"
        costs = (f"{row.cpu * 1000:.3f}" for row in (ours, theirs))
        table.add_row(scenario, *costs, f"[{colour}]{ratio:.2f}[/]")
    return table


def _above_floor(report: Report) -> float | None:
    """Compare what was measured in the same round, so that a slow round does not count."""
    ours = report.row(report.judged, DISCOVERY.name)
    floor = next((row for row in report.rows if row.scenario == FLOOR.name and row.width == report.widths[0]), None)
    if ours is None or floor is None:
        return None
    return median(one.cpu / least.cpu for one, least in zip(ours.windows, floor.windows, strict=True))


def _node(rest: AtRest, burst: Burst | None, growth: Growth | None, *, factor: float) -> Table:
    budget = BUDGETS.node
    table = _table("A node with the demo's realms", "", "budget", "")
    for name, seconds in (("with an empty store", rest.first_start), ("again", median(rest.starts))):
        verdict = judged(seconds, budget.start_seconds, factor=factor)
        _figure(table, f"start to first answer, {name}", f"{seconds:.2f} s", f"{budget.start_seconds:g} s", verdict)
    resident = rest.memory.resident / 1e6
    verdict = judged(resident, budget.resident_megabytes)
    _figure(table, "resident at rest", f"{resident:.0f} MB", f"{budget.resident_megabytes:g} MB", verdict)
    if rest.memory.unique is not None:
        table.add_row("  of it shared with no other process", f"{rest.memory.unique / 1e6:.0f} MB")
    if growth is not None:
        verdict = judged(growth.megabytes, budget.growth_megabytes)
        name = f"what {growth.sessions:,} live sessions add"
        _figure(table, name, f"{growth.megabytes:.1f} MB", f"{budget.growth_megabytes:g} MB", verdict)
    table.add_row("CPU of doing nothing", f"{rest.cpu * 1000:.1f} ms/s")
    if burst is not None:
        waited, most = burst.p99 * 1000, budget.discovery_p99_milliseconds
        name = f"p99 of discovery while {burst.logins - burst.refused:,} logins wait"
        _figure(table, name, f"{waited:.1f} ms", f"{most:g} ms", judged(waited, most, factor=factor))
        table.add_row("  the last of them was answered after", f"{burst.lasted:.1f} s")
        if burst.refused:
            table.add_row("  told to come back later", f"{burst.refused:,}")
    return table


def _figure(table: Table, name: str, found: str, budget: str, verdict: Verdict) -> None:
    table.add_row(name, found, budget, f"[{_COLOURS[verdict]}]{verdict.value}[/]")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
