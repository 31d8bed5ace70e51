"""A file and everything that is to be said about it, in the order in which it matters."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from idp.cli.reports.positions import Places, Region
from idp.flows.compiler import compile_realm
from idp.model.finding import Finding, Severity
from idp.model.struct import Frozen
from idp.realms.catalogue import CATALOGUE
from idp.realms.catalogue.rule import Rule
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import RealmUnreadableError, load_files

ORDER = (Severity.ERROR, Severity.WARNING, Severity.ACKNOWLEDGED, Severity.NOTE)
_UNCHECKED_SECRET = "a secret of the vault, which this check does not open"  # noqa: S105 - stands in for one


class Remark(Frozen, frozen=True, kw_only=True):
    """A finding with its rule, and where it stands in the file; no region if the file is no JSON."""

    finding: Finding
    rule: Rule
    region: Region | None


class Review(Frozen, frozen=True, kw_only=True):
    """What is said about one file. `sha256` is of its bytes: the same file can be recognised, an edited one too.

    `whole` is false for a file that is no realm: most rules have had nothing to look at.
    """

    file: str
    whole: bool
    sha256: str
    remarks: tuple[Remark, ...]

    def count(self, severity: Severity) -> int:
        """Count the remarks of one severity."""
        return sum(remark.finding.severity is severity for remark in self.remarks)

    def of(self, severity: Severity) -> tuple[Remark, ...]:
        """Return the remarks of one severity."""
        return tuple(remark for remark in self.remarks if remark.finding.severity is severity)

    @property
    def starts(self) -> bool:
        """A realm with an error is never served."""
        return not self.count(Severity.ERROR)


def review(path: Path) -> Review:
    """Review a realm file; one that cannot be read is a finding too."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    places = Places(content.decode("utf-8", errors="replace").replace("\r\n", "\n"))
    findings, whole = _findings(path, listed=content.lstrip().startswith(b"["))
    found = sorted(findings, key=lambda finding: ORDER.index(finding.severity))
    return Review(
        file=str(path),
        whole=whole,
        sha256=hashlib.sha256(content).hexdigest() if content else "",
        remarks=tuple(
            Remark(finding=finding, rule=CATALOGUE[finding.rule], region=places.region(finding.pointer))
            for finding in found
        ),
    )


def _findings(path: Path, *, listed: bool) -> tuple[tuple[Finding, ...], bool]:
    # Without a server there is no vault, so what it would give is taken as given; the environment is this process's.
    surroundings = Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
    try:
        loaded = load_files(path, surroundings=surroundings)
    except RealmUnreadableError as error:
        return error.findings, False
    of_realms = [(*found.findings, *compile_realm(found.realm)[1]) for found in loaded]
    if len(of_realms) == 1 and not listed:
        return of_realms[0], True
    return tuple(_at(n, finding) for n, found in enumerate(of_realms) for finding in found), True


def _at(position: int, finding: Finding) -> Finding:
    """Return a finding with its place in a file that is a list of realms."""
    return msgspec.structs.replace(finding, pointer=f"/{position}{finding.pointer}")
