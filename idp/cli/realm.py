"""`idp realm check FILE…`: every finding of realm files, without a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from idp.cli.terminal import printable
from idp.flows.compiler import compile_realm
from idp.model.finding import Finding, Severity
from idp.realms.loading import RealmUnreadableError, load_file
from idp.realms.placeholders import Surroundings

_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.ACKNOWLEDGED: "magenta",
    Severity.NOTE: "dim",
}
_UNCHECKED_SECRET = "a secret of the vault, which this check does not open"  # noqa: S105 - stands in for one


def check(files: Sequence[Path], *, as_json: bool) -> int:
    """Print the findings; return 1 if a realm would not start."""
    findings = {str(path): _findings(path) for path in files}
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode() + "\n")
    else:
        console = Console(highlight=False)
        for name, found in findings.items():
            _print(console, name, found)
    return int(any(f.severity is Severity.ERROR for found in findings.values() for f in found))


def _findings(path: Path) -> list[Finding]:
    # Without a server there is no vault, so what it would give is taken as given; the environment is this process's.
    surroundings = Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
    try:
        loaded = load_file(path, surroundings=surroundings)
    except RealmUnreadableError as error:
        return list(error.findings)
    order = list(_STYLES)
    found = (*loaded.findings, *compile_realm(loaded.realm)[1])
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _print(console: Console, name: str, findings: list[Finding]) -> None:
    console.print(Text(name, style="bold"))
    for finding in findings:
        line = Text("  ")
        line.append(f"{finding.severity.value:<13}", style=_STYLES[finding.severity])
        line.append(f"{finding.rule}  ", style="bold")
        line.append(printable(finding.pointer or "/"), style="cyan")
        console.print(line, soft_wrap=True)
        console.print(Text(printable(f"      {finding.problem} {finding.repair}")), soft_wrap=True)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    verdict = f"  {errors} error(s): this realm does not start." if errors else "  This realm starts."
    console.print(Text(verdict, style="bold red" if errors else "bold green"))
