"""Realm files for the tests of this folder: the demo's, and changes to it."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp.flows.compiler import compile_realm
from idp.model.finding import Finding, Severity
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import LoadedRealm, load

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
Change = Callable[[Document], object]
SECRET = "a secret of the vault, long enough"
SURROUNDINGS = Surroundings(vault=lambda _realm, _key: SECRET)
ACKNOWLEDGED = "F-25-2-c-i"


@functools.cache
def _demo() -> Document:
    document: Document = json.loads((ROOT / "realms" / "small-business.json").read_text(encoding="utf-8"))
    return document


def demo(change: Change | None = None) -> Document:
    """Return the realm of the demo, changed."""
    document = copy.deepcopy(_demo())
    if change is not None:
        change(document)
    return document


def loaded(document: object, surroundings: Surroundings = SURROUNDINGS) -> LoadedRealm:
    return load(json.dumps(document), surroundings=surroundings)


def findings(change: Change) -> list[Finding]:
    """Return the findings that a change of the demo's realm brings: about the file, not about its flows."""
    return [finding for finding in loaded(demo(change)).findings if finding.severity is not Severity.ACKNOWLEDGED]


def every_finding(change: Change) -> list[Finding]:
    """Return all findings with which a changed realm would be judged at a start."""
    found = loaded(demo(change))
    return [*found.findings, *compile_realm(found.realm)[1]]


def brief(found: list[Finding]) -> list[tuple[str, Severity, str]]:
    return [(finding.rule, finding.severity, finding.pointer) for finding in found]
