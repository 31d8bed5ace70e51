"""Reviews for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from idp.cli.reports.review import ORDER, Remark, Review
from idp.cli.terminal import printable
from idp.model.finding import Severity

_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.ACKNOWLEDGED: "magenta",
    Severity.NOTE: "dim",
}


def write_text(reviews: Sequence[Review], file: TextIO) -> None:
    """Write the findings, the gravest first, and whether each realm starts."""
    console = Console(file=file, highlight=False)
    for review in reviews:
        console.print(Text(printable(review.file), style="bold"), soft_wrap=True)
        for remark in review.remarks:
            _print(console, remark)
        counts = ", ".join(f"{count} {severity.value}" for severity in ORDER if (count := review.count(severity)))
        if counts:
            console.print(Text(f"  {counts}", style="dim"))
        errors = review.count(Severity.ERROR)
        verdict = f"  {errors} error(s): this realm does not start." if errors else "  This realm starts."
        console.print(Text(verdict, style="bold red" if errors else "bold green"))


def _print(console: Console, remark: Remark) -> None:
    finding = remark.finding
    line = Text("  ")
    line.append(f"{finding.severity.value:<13}", style=_STYLES[finding.severity])
    line.append(f"{finding.rule}  ", style="bold")
    line.append(printable(finding.pointer or "/"), style="cyan")
    if remark.region is not None:
        line.append(f"  line {remark.region.line}", style="dim")
    console.print(line, soft_wrap=True)
    console.print(Text(printable(f"      {finding.problem} {finding.repair}")), soft_wrap=True)
    if remark.rule.references:
        console.print(Text(f"      {'; '.join(remark.rule.references)}", style="dim"), soft_wrap=True)
