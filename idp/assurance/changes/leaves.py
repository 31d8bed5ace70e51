"""Two documents → the places at which they differ. Lists whose entries have names are compared by them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from idp.model.struct import Frozen
from idp.realms.exchange.secret_places import MASK, is_secret, masked, without_secrets
from idp.realms.files.keyed import identity, named
from idp.realms.files.reading import escaped
from idp.realms.loading import LoadedRealm

_LONGEST = 300  # characters of a value that somebody is shown


class Leaf(Frozen, frozen=True, kw_only=True):
    """One difference. `path` has the names of entries where `pointer` has their positions. None: nothing was there."""

    path: tuple[str, ...]
    pointer: str
    before: Any
    after: Any

    @property
    def secret(self) -> bool:
        """Tell whether this is a secret, which nobody is shown."""
        return any(is_secret(key, str(value)) for key in self.path for value in (self.before, self.after) if value)

    def said(self, value: Any) -> str | None:
        """Return a value as somebody may see it."""
        if value is None:
            return None
        shown = MASK if self.secret else without_secrets({"value": value}, masked)["value"]
        text = json.dumps(shown, ensure_ascii=False, sort_keys=True)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def leaves_of(before: LoadedRealm, after: LoadedRealm) -> Iterator[Leaf]:
    """Yield every difference between two configurations.

    Known keys are compared with their defaults, so that to write a default down is no change; the others as written.
    """
    known = _known(before), _known(after)
    yield from _differences(*known, path=(), pointer="")
    for leaf in _differences(_written(before), _written(after), path=(), pointer=""):
        if not any(_knows(document, leaf.path) for document in known):
            yield leaf


def _known(loaded: LoadedRealm) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(loaded.representation)
    return {key: value for key, value in document.items() if key != "users"}


def _written(loaded: LoadedRealm) -> Any:
    return json.loads(loaded.document)


def _differences(before: Any, after: Any, *, path: tuple[str, ...], pointer: str) -> Iterator[Leaf]:
    if _same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            place = f"{pointer}/{escaped(key)}"
            yield from _differences(before.get(key), after.get(key), path=(*path, key), pointer=place)
    elif (keyed := _tables(before, after)) is not None:
        for name in dict.fromkeys((*keyed[0], *keyed[1])):
            (there, was), (here, now) = keyed[0].get(name, (0, None)), keyed[1].get(name, (0, None))
            place = f"{pointer}/{there if now is None else here}"
            yield from _differences(was, now, path=(*path, name), pointer=place)
    elif not _same_set(before, after):
        yield Leaf(path=path, pointer=pointer, before=before, after=after)


def _tables(before: Any, after: Any) -> tuple[dict[str, tuple[int, Any]], dict[str, tuple[int, Any]]] | None:
    if not isinstance(before, list | tuple) or not isinstance(after, list | tuple):
        return None
    key = identity(before, after)
    return None if key is None else (named(before, key), named(after, key))


def _same(before: Any, after: Any) -> bool:
    """Compare as text: in Python true equals 1, and in a realm file it does not."""
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def _same_set(before: Any, after: Any) -> bool:
    """Tell whether two lists of words have the same words: their order says nothing."""
    if not isinstance(before, list | tuple) or not isinstance(after, list | tuple):
        return False
    return all(isinstance(one, str) for one in (*before, *after)) and sorted(before) == sorted(after)


def _knows(document: Any, path: tuple[str, ...]) -> bool:
    """Tell whether a path leads somewhere in a document of known keys."""
    for key in path:
        if isinstance(document, Mapping):
            if key not in document:
                return False
            document = document[key]
        elif isinstance(document, list | tuple) and (name := identity(document)) is not None:
            entries = named(document, name)
            if key not in entries:
                return False
            document = entries[key][1]
        else:
            return True  # inside a value that is compared as a whole
    return True
