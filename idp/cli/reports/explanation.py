"""The events of one reference, in words: what was asked, what was seen, why it ended as it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from idp.cli.terminal import moment
from idp.flows.trace import Considered
from idp.model.event import Event

_OF_LOGINS = frozenset({"LOGIN_ERROR", "ERROR_PAGE"})
_SAID_ELSEWHERE = frozenset({"reason", "flow", "realm_version", "path", "at", "considered"})


def explanation(reference: str, events: Sequence[Event]) -> str:
    """Return what happened, in its order, and why the last thing that was refused was refused."""
    return "\n".join(_lines(reference, events)) + "\n"


def _lines(reference: str, events: Sequence[Event]) -> Iterator[str]:
    first = events[0]
    yield f"Reference {reference}, realm {first.realm}, {moment(first.at)}"
    for name in ("client_id", "user_id", "sid", "address"):
        values = dict.fromkeys(str(value) for e in events if (value := getattr(e, name)) is not None)
        if values:
            yield f"  {name}: {', '.join(values)}"
    for name, words in (("flow", "flow"), ("realm_version", "version of the configuration"), ("path", "steps taken")):
        said = [event.detail[name] for event in events if event.detail.get(name)]
        if said:
            yield f"  {words}: {said[-1].replace(' ', ' → ') if name == 'path' else said[-1]}"
    yield ""
    yield "What happened:"
    for event in events:
        yield f"  {moment(event.at)}  {_event(event)}"
    refused = [event for event in events if event.detail.get("reason") and event.error]
    if refused:
        yield ""
        yield from _refusal(refused[-1], refused)


def _event(event: Event) -> str:
    error = f" {event.error}" if event.error else ""
    told = ", ".join(
        f"{name}: {value}" for name, value in event.detail.items() if name not in _SAID_ELSEWHERE and value
    )
    reason = f": {event.detail['reason']}" if event.detail.get("reason") else ""
    return f"{event.type}{error}{reason}" + (f" ({told})" if told else "")


def _refusal(last: Event, refused: Sequence[Event]) -> Iterator[str]:
    # The same refusal is told by the page and by the flow; the flow knows the place.
    of_login = [event for event in refused if last.type in _OF_LOGINS and "considered" in event.detail]
    placed = of_login[-1] if of_login else last
    yield f"Why: {placed.detail['reason']}"
    if placed.detail.get("at"):
        yield f"  refused by: {placed.detail['at']}"
    looked_at = msgspec.json.decode(placed.detail.get("considered", "[]"), type=tuple[Considered, ...])
    if looked_at:
        yield "  What the flow looked at then (values of a person's attributes are never kept):"
    for one in looked_at:
        kind = "condition" if one.condition else one.requirement
        yield f"    “{one.within}”: {one.authenticator} ({kind}): {one.answer}"
        for name, value in one.inputs.items():
            yield f"        {name}: {value}"
