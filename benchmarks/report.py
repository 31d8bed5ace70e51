"""What was found: as a table for a person, as JSON for whatever compares runs."""

from __future__ import annotations

import platform
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.accounting import NOMINAL_REFERENCE, Memory
from benchmarks.measuring import Row
from benchmarks.peer import PREFIX
from benchmarks.scenarios import DISCOVERY, SCENARIOS
from idp.model.struct import Frozen

START_BUDGET = 1.5  # seconds
MEMORY_BUDGET = 120 * 10**6  # bytes
_MUCH = 0.1  # of the measurements disturbed: worth a word
FLOOR = "floor: discovery's bytes, nothing else"


class AtRest(Frozen, frozen=True, kw_only=True):
    """A node with the demo's realms that has only just started."""

    first_start: float
    """Seconds from the process's start to its first answer, with an empty store: keys are made, customers let in."""
    starts: tuple[float, ...]
    """The same with the store that the first start left."""
    memory: Memory
    cpu: float
    """CPU seconds that a second of doing nothing costs."""


class Report(Frozen, frozen=True, kw_only=True):
    """One run."""

    reference: float
    at_rest: AtRest
    rows: tuple[Row, ...]
    disturbed: float
    """The share of the measurements that began although others kept the machine busy."""
    no_peer: str | None = None
    """Why nothing was compared with node-oidc-provider, if nothing was."""

    @property
    def machine_factor(self) -> float:
        """How much slower than the machine of docs/performance.md this one was: divide by it to compare."""
        return self.reference / NOMINAL_REFERENCE


def show(report: Report, console: Console) -> None:
    """Print the run."""
    machine = f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}"
    factor = f"reference loop {report.reference * 1000:.1f} ms: machine factor {report.machine_factor:.2f}"
    console.print(f"\n[bold]Hyrja, CPU time of the server process[/]\n[dim]{machine}; {factor}[/]\n")
    console.print(_costs(report))
    console.print(f"[dim]One discovery costs {_above_floor(report):.1f} times the floor.[/]\n")
    if report.no_peer is None:
        console.print(_beside_peer(report))
        console.print()
    else:
        console.print(f"[yellow]Nothing was compared with node-oidc-provider: {report.no_peer}.[/]\n")
    console.print(_rest(report.at_rest, factor=report.machine_factor))
    console.print(_LEGEND)
    if report.disturbed > _MUCH:
        console.print(f"[yellow]Other work kept the machine busy at {report.disturbed:.0%} of the measurements.[/]")


_LEGEND = (
    "\n[dim]Medians of the rounds, ± the farthest of them. alone: one request at a time; company: several at a time, "
    "whose writes share their commits; per s: these, a second of wall time, the client's own work included. "
    "The hash is in no number but its own. slow: over the budget, but not once divided by the machine factor.[/]"
)


def _costs(report: Report) -> Table:
    table = _table("CPU for each, ms", "alone", "±", "company", "per s", "budget")
    rows = {(row.name, row.width): row for row in report.rows}
    budgets = {scenario.name: scenario.budget for scenario in SCENARIOS}
    widths = sorted({row.width for row in report.rows})
    for name in dict.fromkeys(row.name for row in report.rows if not row.name.startswith(PREFIX)):
        alone, company = rows[name, widths[0]], rows[name, widths[-1]]
        table.add_row(
            name,
            _milliseconds(alone.cpu),
            f"{alone.spread:.0%}",
            _milliseconds(company.cpu),
            f"{company.rate:,.0f}",
            _judged(alone.cpu, budgets.get(name), factor=report.machine_factor),
        )
    hashing = [row.hashing for row in report.rows if row.hashing > 0]
    if hashing:
        table.add_row("one password hash (Argon2id)", _milliseconds(median(hashing)))
    return table


def ratios(report: Report) -> dict[str, float]:
    """Return our cost over node-oidc-provider's, for each thing that both were asked, one request at a time.

    Rounds are compared one by one, so that a slow moment of the machine falls on both.
    """
    width = min(row.width for row in report.rows)
    windows = {row.name: row.windows for row in report.rows if row.width == width}
    return {
        name: median(our.cpu / their.cpu for our, their in zip(ours, windows[PREFIX + name], strict=True))
        for name, ours in windows.items()
        if PREFIX + name in windows
    }


def _beside_peer(report: Report) -> Table:
    table = _table("Beside node-oidc-provider, ms", "ours", "theirs", "ours / theirs")
    width = min(row.width for row in report.rows)
    costs = {row.name: row.cpu for row in report.rows if row.width == width}
    for name, ratio in ratios(report).items():
        colour = "green" if ratio <= 1 else "bold red"
        theirs = _milliseconds(costs[PREFIX + name])
        table.add_row(name, _milliseconds(costs[name]), theirs, f"[{colour}]{ratio:.2f}[/]")
    return table


def _above_floor(report: Report) -> float:
    """Compare what was measured in the same round, so that a slow round does not count."""
    windows = {(row.name, row.width): row.windows for row in report.rows}
    width = min(row.width for row in report.rows)
    pairs = zip(windows[DISCOVERY.name, width], windows[FLOOR, width], strict=True)
    return median(ours.cpu / floor.cpu for ours, floor in pairs)


def _rest(rest: AtRest, *, factor: float) -> Table:
    table = _table("A node with the demo's realms", "", "budget")
    for name, seconds in (("with an empty store", rest.first_start), ("again", median(rest.starts))):
        table.add_row(f"start to first answer, {name}", f"{seconds:.2f} s", _mark(seconds, START_BUDGET, "s", factor))
    resident = rest.memory.resident / 1e6
    table.add_row("resident at rest", f"{resident:.0f} MB", _mark(resident, MEMORY_BUDGET / 1e6, "MB"))
    if rest.memory.unique is not None:
        table.add_row("  of it shared with no other process", f"{rest.memory.unique / 1e6:.0f} MB")
    table.add_row("CPU of doing nothing", f"{rest.cpu * 1000:.1f} ms/s")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _judged(cost: float, budget: float | None, *, factor: float) -> str:
    return "" if budget is None else _mark(cost * 1000, budget * 1000, "", factor)


def _mark(found: float, budget: float, unit: str, factor: float = 1.0) -> str:
    """Judge a figure. One that only a machine slower than usual takes over its budget is `slow`, not `over`."""
    if found < budget:
        verdict = "[green]  ok[/]"
    elif found / factor < budget:
        verdict = "[yellow]slow[/]"
    else:
        verdict = "[bold red]over[/]"
    return f"{budget:g} {unit}".strip() + f" {verdict}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f}"


def as_json(report: Report) -> bytes:
    """Return the run with every round of it, in seconds and bytes."""
    rows = [
        {"cpu": row.cpu, "hashing": row.hashing, "per_second": row.rate, **msgspec.to_builtins(row)}
        for row in report.rows
    ]
    content = {
        "python": platform.python_version(),
        "machine_factor": report.machine_factor,
        "reference": report.reference,
        "at_rest": msgspec.to_builtins(report.at_rest),
        "rows": rows,
        "beside_node_oidc_provider": ratios(report),
        "disturbed": report.disturbed,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
