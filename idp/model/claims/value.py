"""A text of a realm file or of a user → the JSON value that a mapper's `jsonType.label` promises."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from idp.model.claims.mapper import JsonType

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_BITS: dict[JsonType, int] = {"int": 31, "long": 63}


def converted(value: str, kind: JsonType) -> Any:
    """Return a text as a JSON value of that kind; None if it is not one."""
    match kind:
        case "String":
            return value or None
        case "boolean":
            return {"true": True, "false": False}.get(value.lower())
        case "JSON":
            return _json(value)
        case _:
            number = int(value) if _NUMBER.fullmatch(value) else None
            return number if number is not None and -(1 << _BITS[kind]) <= number < 1 << _BITS[kind] else None


def _json(value: str) -> Any:
    try:
        found = msgspec.json.decode(value)
        msgspec.json.encode(found)  # what can be read but not written again would stop a token
    except (ValueError, RecursionError, OverflowError):
        return None
    return found
