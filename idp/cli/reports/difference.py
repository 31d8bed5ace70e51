"""What a change means, for people, machines and auditors. A word and a shape for each direction: never colour alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import msgspec

from idp import __version__
from idp.assurance.changes.change import Change, Direction, Topic
from idp.assurance.changes.difference import Difference
from idp.cli.reports.paper import template

_WORDS = {
    Direction.WEAKER: ("▼", "Weaker"),
    Direction.STRONGER: ("▲", "Stronger"),
    Direction.NEUTRAL: ("●", "Neither"),
}

_TOPICS, _DIRECTIONS = list(Topic), list(Direction)


def text_report(found: Difference) -> str:
    """Return the changes for a terminal, the weaker ones first."""
    return "\n".join(_lines(found)) + "\n"


def json_report(found: Difference) -> str:
    """Return the changes for machines."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def html_report(found: Difference) -> str:
    """Return the changes as one page for an auditor."""
    page = template("difference.html")
    return page.render(found=found, directions=tuple(Direction), words=_WORDS, version=__version__)


FORMATS: Mapping[str, Callable[[Difference], str]] = {"text": text_report, "json": json_report, "html": html_report}


def _lines(found: Difference) -> Iterator[str]:
    yield f"{found.realm}: {found.labels[0]} → {found.labels[1]}"
    if not found.changes:
        yield "Nothing changes."
        return
    if found.unproven:
        yield f"What logins take was not compared, since the flows of one side do not compile: {found.unproven}"
    for topic, changes in groupby(sorted(found.changes, key=_order), key=lambda change: change.topic):
        yield f"{topic.value}:"
        for change in changes:
            shape, word = _WORDS[change.direction]
            yield f"  {shape} {word.lower():<8}  {change.text}"
            yield from _places(change)
    weaker = len(found.weaker)
    yield f"{weaker} change(s) make the realm weaker." if weaker else "Nothing becomes weaker."


def _places(change: Change) -> Iterator[str]:
    """Yield where a change stands, with its values, if its sentence does not say so."""
    if change.text == f"{change.pointer} changed":
        yield f"      before: {change.before or 'nothing'}"
        yield f"      after:  {change.after or 'nothing'}"
    elif change.pointer:
        yield f"      {change.pointer}"


def _order(change: Change) -> tuple[int, int]:
    return _TOPICS.index(change.topic), _DIRECTIONS.index(change.direction)
