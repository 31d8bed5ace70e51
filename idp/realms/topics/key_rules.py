"""Rules about the life of a realm's keys: attributes that cannot be read, and an overlap that would be too short."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding, Severity
from idp.model.policies.keys import LONGEST_DAYS, OVERLAP_ATTRIBUTE, ROTATION_ATTRIBUTE, days, longest_life
from idp.model.realm import Realm

_DAY = 86400


def key_findings(realm: Realm) -> Iterator[Finding]:
    """Yield every finding about `hyrja.keyRotationDays` and `hyrja.keyOverlapDays`."""
    for name in (ROTATION_ATTRIBUTE, OVERLAP_ATTRIBUTE):
        if name in realm.attributes and days(realm.attributes, name) is None:
            yield _finding(
                "K-DAYS",
                Severity.ERROR,
                name,
                problem=f"“{realm.attributes[name]}” is not a number of days from 1 to {LONGEST_DAYS}.",
                repair="Write a whole number, for instance 90, or leave it out.",
            )
    overlap, life = days(realm.attributes, OVERLAP_ATTRIBUTE), longest_life(realm)
    if overlap is not None and overlap * _DAY < life:
        yield _finding(
            "K-OVERLAP",
            Severity.WARNING,
            OVERLAP_ATTRIBUTE,
            problem=f"A token of this realm can be good for {life} seconds; keys are kept for as long, not shorter.",
            repair=f"Set {-(-life // _DAY)} or more.",
        )


def _finding(rule: str, severity: Severity, attribute: str, *, problem: str, repair: str) -> Finding:
    return Finding(rule=rule, severity=severity, pointer=f"/attributes/{attribute}", problem=problem, repair=repair)
