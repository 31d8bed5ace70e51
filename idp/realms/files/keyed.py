"""Lists of a realm file as what they are: tables whose entries have names, so that their order says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NAMES = ("clientId", "alias", "name", "clientScope", "client", "executor", "condition", "id")
"""What names an entry, in the order in which it is looked for: a client has a `name` too, which is only shown."""


def identity(*lists: Sequence[Any]) -> str | None:
    """Return the key that names every entry of all these lists, each entry of a list differently; None if none does."""
    return next((key for key in _NAMES if all(_named_by(entries, key) for entries in lists)), None)


def named(entries: Sequence[Any], key: str) -> dict[str, tuple[int, Any]]:
    """Return the entries by the key that names them, each with its position."""
    return {str(entry[key]): (position, entry) for position, entry in enumerate(entries)}


def _named_by(entries: Sequence[Any], key: str) -> bool:
    names = [entry.get(key) if isinstance(entry, Mapping) else None for entry in entries]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
