"""Three-way merging of realm documents: what was imported last, what is live, and what comes in now.

A change that only one side made is taken; where both changed one place in different ways there is a conflict, named by
its JSON pointer. Lists whose members have names are merged member by member; others, such as the executions of a flow,
whose order is their meaning, are one value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from idp.model.struct import Frozen
from idp.realms.exchange.secret_places import MASK, is_secret
from idp.realms.files.keyed import identity
from idp.realms.files.reading import escaped

Side = Literal["ours", "theirs"]
_MISSING: Any = object()


class Merged(Frozen, frozen=True, kw_only=True):
    """The merged document, the pointers where both sides changed something, and the secrets that nobody knows."""

    document: dict[str, Any]
    conflicts: tuple[str, ...]
    unknown_secrets: tuple[str, ...] = ()


def merged(base: Any, live: Mapping[str, Any], incoming: Mapping[str, Any], *, prefer: Side | None) -> Merged:
    """Merge the incoming document into the live one. `prefer` says whose change counts in a conflict.

    Without it the live one's stands in the result, which is then not to be published.
    """
    walk = _Walk(prefer)
    document = walk.merge(base, live, incoming, "")
    return Merged(document=document, conflicts=tuple(walk.conflicts))


def with_kept_secrets(document: Any, live: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a document with each masked secret as it is in the live one, and the pointers where there is none."""
    unknown: list[str] = []
    return _unmasked(document, live, "", "", unknown), tuple(unknown)


class _Walk:
    def __init__(self, prefer: Side | None) -> None:
        self._prefer = prefer
        self.conflicts: list[str] = []

    def merge(self, base: Any, live: Any, incoming: Any, pointer: str) -> Any:
        if _same(incoming, base) or _same(incoming, live):
            return live
        if _same(live, base):
            return incoming
        if isinstance(live, Mapping) and isinstance(incoming, Mapping):
            return self._objects(base, live, incoming, pointer)
        if isinstance(live, list) and isinstance(incoming, list):
            key = identity(live, incoming, *([base] if isinstance(base, list) else []))
            if key is not None:
                return self._named(base, live, incoming, pointer, key)
        self.conflicts.append(pointer)
        return incoming if self._prefer == "theirs" else live

    def _objects(self, base: Any, live: Mapping[str, Any], incoming: Mapping[str, Any], pointer: str) -> Any:
        former = base if isinstance(base, Mapping) else {}
        keys = dict.fromkeys((*live, *incoming))
        found = {
            key: self.merge(
                former.get(key, _MISSING),
                live.get(key, _MISSING),
                incoming.get(key, _MISSING),
                f"{pointer}/{escaped(key)}",
            )
            for key in keys
        }
        return {key: value for key, value in found.items() if value is not _MISSING}

    def _named(self, base: Any, live: list[Any], incoming: list[Any], pointer: str, key: str) -> list[Any]:
        """Merge member by member. The order is the incoming one's; what only the live list has stands behind."""
        places = {item[key]: f"{pointer}/{position}" for position, item in enumerate(live)}
        places |= {item[key]: f"{pointer}/{position}" for position, item in enumerate(incoming)}
        former, ours, theirs = (
            {item[key]: item for item in items} for items in (base if isinstance(base, list) else [], live, incoming)
        )
        found = [
            self.merge(former.get(name, _MISSING), ours.get(name, _MISSING), theirs.get(name, _MISSING), places[name])
            for name in dict.fromkeys((*theirs, *ours))
        ]
        return [value for value in found if value is not _MISSING]


def _unmasked(value: Any, live: Any, key: str, pointer: str, unknown: list[str]) -> Any:
    if isinstance(value, Mapping):
        known = live if isinstance(live, Mapping) else {}
        return {
            name: _unmasked(inner, known.get(name), name, f"{pointer}/{escaped(name)}", unknown)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        counterparts = _counterparts(value, live)
        return [
            _unmasked(inner, counterparts[position], key, f"{pointer}/{position}", unknown)
            for position, inner in enumerate(value)
        ]
    if value != MASK or not is_secret(key, value):
        return value
    if isinstance(live, str) and live != MASK:
        return live
    unknown.append(pointer)
    return value


def _counterparts(items: list[Any], live: Any) -> list[Any]:
    """Return for each member of a list the one that it is in the live list."""
    present = live if isinstance(live, list) else []
    key = identity(items, present)
    if key is None:
        return [present[position] if position < len(present) else None for position in range(len(items))]
    by_name = {item[key]: item for item in present}
    return [by_name.get(item[key]) for item in items]


def _same(one: Any, other: Any) -> bool:
    if one is _MISSING or other is _MISSING:
        return one is other
    # As text: in Python true equals 1, and in a realm file it does not.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
