"""The results in `docs/performance.md`: a run replaces what stands between the markers, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from benchmarks.report import Report
from benchmarks.tables import show

PICTURE = Path("images") / "performance.svg"
"""Beside the page."""
BEGIN = "<!-- results of `make bench` -->"
END = "<!-- end of the results -->"
_WIDTH = 160


class NoPlaceError(Exception):
    """The page has no markers, so the results have no place in it."""


def write(page: Path, report: Report, *, now: float) -> None:
    """Put a run into the page; raises `NoPlaceError`."""
    page.write_text(placed(page.read_text(encoding="utf-8"), results(report, now=now)), encoding="utf-8")


def placed(text: str, block: str) -> str:
    """Return the page with the block between its markers; raises `NoPlaceError`."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise NoPlaceError(f"The page has no place for the results, between {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{block}\n{END}{after}"


def results(report: Report, *, now: float) -> str:
    """Return a run as the page shows it: the picture, and the tables as the terminal shows them."""
    written = StringIO()
    show(report, Console(file=written, width=_WIDTH, no_color=True, highlight=False))
    lines = "\n".join(line.rstrip() for line in written.getvalue().strip().splitlines())
    day = datetime.fromtimestamp(now, tz=UTC).date()
    picture = f"![What a request costs, and how long it takes: the figures of the tables below]({PICTURE.as_posix()})"
    return f"Measured on {day}.\n\n{picture}\n\n```text\n{lines}\n```\n"
