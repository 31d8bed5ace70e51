"""Authorization details (RFC 9396) as a person reads them: every field of them, and nothing that stands elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

_WITHIN = "."


def described(details: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the page says of each: its `type`, and its `lines` of a `name` and a `text`, in their order.

    Drawn from the object itself: whatever will stand in the token has been shown, whether or not the realm has words
    for it.
    """
    return [
        {"type": detail["type"], "lines": [{"name": name, "text": text} for name, text in _lines(detail, ())]}
        for detail in details
    ]


def _lines(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name, member in value.items():
                if (*place, name) != ("type",):
                    yield from _lines(member, (*place, name))
        case list() if any(isinstance(member, dict | list) for member in value):
            for number, member in enumerate(value, start=1):
                yield from _lines(member, (*place, str(number)))
        case list():
            yield _WITHIN.join(place), ", ".join(map(_text, value))
        case _:
            yield _WITHIN.join(place), _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
