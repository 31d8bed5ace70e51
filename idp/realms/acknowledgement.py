"""Findings that a bank has decided to live with, said in the realm file itself.

`attributes["hyrja.acknowledgedFindings"]` is the JSON text of a list of
`{"rule": …, "reason": …, "approvedBy": [two different people], "date": …}`. An acknowledged finding stays in every
report; only findings that a bank may decide about can be acknowledged.
"""

from __future__ import annotations

import json

import msgspec

from idp.model.finding import Finding, Severity
from idp.model.realm import Realm
from idp.model.struct import Frozen

ATTRIBUTE = "hyrja.acknowledgedFindings"
DECIDABLE = frozenset({"F-25-2-c-i"})
_APPROVERS = 2


class Acknowledgement(Frozen, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Who decided to live with which finding, when and why."""

    rule: str
    reason: str
    approved_by: tuple[str, ...]
    date: str


def acknowledged(findings: list[Finding], realm: Realm) -> tuple[Finding, ...]:
    """Return the findings with the acknowledged ones marked, and with what is wrong with the acknowledgements."""
    text = realm.attributes.get(ATTRIBUTE)
    if text is None:
        return tuple(findings)
    try:
        given = msgspec.convert(json.loads(text), tuple[Acknowledgement, ...])
    except (ValueError, msgspec.ValidationError) as error:
        return (*findings, _problem(f"The acknowledgements cannot be read: {error}."))
    decided = {a.rule for a in given if a.rule in DECIDABLE and _people(a) >= _APPROVERS and a.reason.strip()}
    refused = [_refused(a) for a in given if a.rule not in decided]
    marked = [
        msgspec.structs.replace(finding, severity=Severity.ACKNOWLEDGED) if finding.rule in decided else finding
        for finding in findings
    ]
    return (*marked, *refused)


def _people(given: Acknowledgement) -> int:
    """Count the people; one name in two spellings is one person."""
    return len({" ".join(name.split()).casefold() for name in given.approved_by} - {""})


def _refused(given: Acknowledgement) -> Finding:
    if given.rule not in DECIDABLE:
        return _problem(f"The finding “{given.rule}” cannot be acknowledged.")
    if not given.reason.strip():
        return _problem(f"The acknowledgement of “{given.rule}” gives no reason.")
    return _problem(f"The acknowledgement of “{given.rule}” needs two different people in approvedBy.")


def _problem(problem: str) -> Finding:
    return Finding(
        rule="R-ACKNOWLEDGEMENT",
        severity=Severity.ERROR,
        pointer=f"/attributes/{ATTRIBUTE}",
        problem=problem,
        repair="Write a list of rule, reason, approvedBy (two people) and date, or remove it.",
    )
