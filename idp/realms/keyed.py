"""Lists of a realm file as what they are: tables whose entries have names, so that their order says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_IDENTITIES = ("clientId", "alias", "username", "name", "clientScope", "client", "executor", "condition", "type")
"""What names an entry, in the order in which it is looked for: a client has a `name` too, which is only shown."""


def identity(*lists: Sequence[Any]) -> str | None:
    """Return the key that names every entry of all these lists, each entry of a list differently; None if none does."""
    if not any(lists):
        return None
    for key in _IDENTITIES:
        names = [[_name(entry, key) for entry in entries] for entries in lists]
        if all(None not in found and len(set(found)) == len(found) for found in names):
            return key
    return None


def named(entries: Sequence[Any], key: str) -> dict[str, tuple[int, Any]]:
    """Return the entries by the key that names them, each with its position."""
    return {str(entry[key]): (position, entry) for position, entry in enumerate(entries)}


def _name(entry: Any, key: str) -> str | None:
    name = entry.get(key) if isinstance(entry, Mapping) else None
    return name if isinstance(name, str) else None


def pointer_part(key: str | int) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901 §3)."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")
