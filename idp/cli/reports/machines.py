"""Reviews for machines: JSON of our own, and SARIF 2.1.0, which code hosts and review tools read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from idp import __version__
from idp.cli.reports.review import Remark, Review
from idp.model.finding import Severity
from idp.realms.catalogue import CATALOGUE
from idp.realms.catalogue.rule import Rule

_RULES = {rule: position for position, rule in enumerate(CATALOGUE)}
# SARIF 2.1.0 §3.27.10. What is acknowledged is still wrong; it is marked as suppressed.
_LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.ACKNOWLEDGED: "error",
    Severity.NOTE: "note",
}


def json_text(reviews: Sequence[Review]) -> str:
    """Return an object with a list of findings for each file."""
    return _written({review.file: [_plain(remark) for remark in review.remarks] for review in reviews})


def _plain(remark: Remark) -> dict[str, Any]:
    place = {} if remark.region is None else {"line": remark.region.line, "column": remark.region.column}
    rule = {"title": remark.rule.title, "why": remark.rule.why, "references": remark.rule.references}
    found: dict[str, Any] = msgspec.to_builtins(remark.finding)
    return found | place | rule


def sarif_text(reviews: Sequence[Review]) -> str:
    """Return one SARIF log with one run over all files."""
    driver = {
        "name": "Hyrja",
        "fullName": "Hyrja realm check",
        "version": __version__,
        "rules": [_rule(rule) for rule in CATALOGUE.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [_artifact(review) for review in reviews],
        "results": [
            _result(review, position, remark) for position, review in enumerate(reviews) for remark in review.remarks
        ],
    }
    return _written({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    asks = f" ({'; '.join(rule.references)})" if rule.references else ""
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.title}. {rule.why}{asks}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["security", *rule.references]},
    }


def _artifact(review: Review) -> dict[str, Any]:
    artifact: dict[str, Any] = {"location": {"uri": _uri(review.file)}, "mimeType": "application/json"}
    return artifact | ({"hashes": {"sha-256": review.sha256}} if review.sha256 else {})


def _result(review: Review, position: int, remark: Remark) -> dict[str, Any]:
    finding, region = remark.finding, remark.region
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(review.file), "index": position}}
    if region is not None:
        place["region"] = {
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _RULES[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.problem} {finding.repair}"},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"fullyQualifiedName": finding.pointer or "/", "kind": "value"}],
            }
        ],
        # Lines move with every edit; the same finding is known again by its rule and pointer.
        "partialFingerprints": {
            "ruleAndPointer/v1": hashlib.sha256(f"{finding.rule}\n{finding.pointer}".encode()).hexdigest()
        },
    }
    if finding.severity is Severity.ACKNOWLEDGED:
        said = "Acknowledged by two people in the realm file (hyrja.acknowledgedFindings)."
        result["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": said}]
    return result


def _uri(file: str) -> str:
    """Return a path as a URI reference (RFC 3986): relative ones stay relative, so that a report can be moved."""
    path = Path(file)
    if path.is_absolute():
        return path.as_uri()
    return path.absolute().as_uri().removeprefix(f"{Path.cwd().as_uri()}/")


def _written(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
