"""Histories, drafts and findings as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idp.cli.terminal import moment
from idp.flows.versions.publishing import Judgement
from idp.model.finding import Finding
from idp.model.version import Confirmation, Draft, Publication

_SHORT = 12  # characters of an id that a person reads


def history_rows(
    lines: Sequence[Publication],
    confirmations: Mapping[int, Confirmation],
    *,
    sessions: Mapping[str, int],
    logins: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Return what there is to say about each line, the newest first. Who stands on a version is counted once."""
    rows: list[dict[str, Any]] = []
    counted: set[str] = set()
    for line in lines:
        confirmed = confirmations.get(line.number)
        first = line.version not in counted
        counted.add(line.version)
        rows.append(
            {
                "number": line.number,
                "version": line.version,
                "parent": line.parent,
                "author": line.author,
                "at": line.at,
                "reason": line.reason,
                "source": line.source.value,
                "confirm_by": line.confirm_by,
                "confirmed_by": None if confirmed is None else confirmed.by,
                "waits": line is lines[0] and line.confirm_by is not None and confirmed is None,
                "sessions": sessions.get(line.version, 0) if first else 0,
                "logins": logins.get(line.version, 0) if first else 0,
            }
        )
    return rows


def history_lines(realm: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return a history as a person reads it."""
    text = [f"History of {realm}, the newest first"]
    for position, row in enumerate(rows):
        mark = "live → " if position == 0 else "       "
        text.append(f"{mark}{row['number']:>3}  {row['version'][:_SHORT]}  {moment(row['at'])}  {row['source']}")
        text.append(f"            by {row['author']}: {row['reason']}")
        if row["waits"]:
            text.append(f"            WAITS to be confirmed until {moment(row['confirm_by'])}")
        elif row["confirmed_by"] is not None:
            text.append(f"            confirmed by {row['confirmed_by']}")
        if row["sessions"] or row["logins"]:
            text.append(f"            {row['sessions']} session(s), {row['logins']} login(s) in progress stand on it")
    return "\n".join(text) + "\n"


def draft_lines(drafts: Sequence[Draft]) -> str:
    """Return the drafts as a person reads them."""
    if not drafts:
        return "There are no drafts.\n"
    return "".join(
        f"{draft.name}  {draft.version[:_SHORT]}, made from {draft.base[:_SHORT]} by {draft.author}, "
        f"{moment(draft.at)}\n"
        for draft in drafts
    )


def finding_lines(judgement: Judgement) -> str:
    """Return what is said against a document: its errors, and what the version before does not have."""
    text = "".join(f"{_finding(finding)}\n" for finding in judgement.errors)
    if judgement.news:
        text += "New, compared with the version before:\n"
        text += "".join(f"{_finding(finding)}\n" for finding in judgement.news)
    return text


def _finding(finding: Finding) -> str:
    place = f"  {finding.severity.value:<12} {finding.rule}  {finding.pointer or '/'}"
    return f"{place}\n      {finding.problem} {finding.repair}"
