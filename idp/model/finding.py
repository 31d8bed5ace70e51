"""A finding: something an administrator should know about a realm's configuration."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class Severity(Enum):
    """How much a finding matters; a realm with an `ERROR` does not start."""

    ERROR = "error"
    WARNING = "warning"
    ACKNOWLEDGED = "acknowledged"
    NOTE = "note"


class Finding(Frozen, frozen=True, kw_only=True):
    """One problem at one place.

    `pointer` is an RFC 6901 JSON pointer; `problem` says what is wrong and `repair` what to do, a sentence each.
    """

    rule: str
    severity: Severity
    pointer: str
    problem: str
    repair: str

    def __str__(self) -> str:
        return f"{self.severity.value:<12} {self.pointer or '/'}  [{self.rule}] {self.problem} {self.repair}"
