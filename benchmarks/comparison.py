"""A run beside an earlier one, with the machine's speed taken out of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from benchmarks.report import FORMAT, Report, as_json
from idp.model.struct import Frozen

THRESHOLD = 1.3
"""Rows of one version differ by a quarter between runs on a machine that is not quiet."""


class NotComparableError(Exception):
    """The file holds no run that this one can be compared with; the text says why."""


class Cost(Frozen, frozen=True, kw_only=True):
    """A row of a run: what its key says, and CPU seconds for each journey."""

    contestant: str
    scenario: str
    width: int
    cpu: float

    @property
    def key(self) -> tuple[str, str, int]:
        """By which rows of two runs are the same."""
        return self.contestant, self.scenario, self.width


class Summary(Frozen, frozen=True, kw_only=True):
    """What of a run's JSON is compared."""

    format: int
    machine_factor: float
    rows: tuple[Cost, ...]


class Change(Frozen, frozen=True, kw_only=True):
    """A row in both runs."""

    now: Cost
    ratio: float
    """What it costs now over what it cost then, each divided by its machine factor."""

    @property
    def name(self) -> str:
        """The row in words."""
        return f"{self.now.contestant}: {self.now.scenario}, {self.now.width} at a time"


def read(path: Path) -> Summary:
    """Read what `--json` wrote; raises `NotComparableError`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Summary)
    except OSError as error:
        raise NotComparableError(f"{path} cannot be read: {error.strerror}.") from None
    except msgspec.MsgspecError as error:
        raise NotComparableError(f"{path} is no run of the benchmarks: {error}.") from None
    if found.format != FORMAT:
        raise NotComparableError(f"{path} is of format {found.format}, this program writes {FORMAT}.")
    return found


def summary(report: Report) -> Summary:
    """Return what of a run is compared."""
    return msgspec.json.decode(as_json(report), type=Summary)


def changes(before: Summary, now: Summary) -> list[Change]:
    """Return the rows that both have, in the order of this run."""
    then = {cost.key: cost.cpu / before.machine_factor for cost in before.rows}
    return [
        Change(now=cost, ratio=cost.cpu / now.machine_factor / then[cost.key]) for cost in now.rows if cost.key in then
    ]


def slower(found: Sequence[Change], *, threshold: float) -> list[Change]:
    """Return the rows that cost more than they may, the worst first."""
    worse = (change for change in found if change.ratio > threshold)
    return sorted(worse, key=lambda change: change.ratio, reverse=True)


def table(found: Sequence[Change], *, threshold: float) -> Table:
    """Return the comparison for a person: every row alone, and whatever got slower."""
    lines = Table(box=None, pad_edge=False, header_style="bold")
    lines.add_column("Compared with the earlier run, machine factors taken out", no_wrap=True)
    lines.add_column("now / then", justify="right")
    lines.add_column("")
    for change in found:
        verdict = "[bold red]slower[/]" if change.ratio > threshold else ""
        lines.add_row(change.name, f"{change.ratio:.2f}", verdict)
    worse = slower(found, threshold=threshold)
    lines.add_row("")
    if not found:
        lines.add_row("[yellow]The runs have no row in common.[/]")
    elif worse:
        lines.add_row(f"[bold red]Slower by more than {threshold - 1:.0%}: {len(worse)} rows.[/]")
    else:
        lines.add_row(f"[green]Nothing is slower by more than {threshold - 1:.0%}.[/]")
    return lines
