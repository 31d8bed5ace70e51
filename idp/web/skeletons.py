"""Pages that are shown again and again: rendered once with a mark where a person's own texts go, then only filled in.

A template asks of such a text at most whether there is one. So a page follows from everything else that it is given,
which is its *shape*: one rendering serves all who have the same shape, and each text is escaped as the template's own
`{{ }}` escapes it. The login page costs a fifth of its rendering so.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from markupsafe import escape

from idp.model.struct import Frozen

OFTEN = frozenset({"login.html", "otp.html"})
"""The pages of every login. None that shows a secret may be here: a skeleton is kept."""

_PRINTED = frozenset({"action", "username", "request", "href"})
_PRINTED_ALL = frozenset({"links"})
"""Of these every member is printed."""
_MOST = 256  # skeletons; a page's message is part of its shape
# Private-use characters: they belong to nobody's language, and who types one has a page rendered for them alone.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")

Fields = Mapping[str, Any]


class _UncommonError(Exception):
    """The fields have something that a shape cannot hold."""


class Skeleton(Frozen, frozen=True, kw_only=True):
    """A page's bytes in pieces; `places` are those that a text takes, each with the text's name."""

    pieces: tuple[bytes, ...]
    places: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, page: str) -> Skeleton:
        """Cut a page at its marks."""
        parts = _MARK.split(page)  # text, name, text, name, …, text
        places = tuple((place, parts[place]) for place in range(1, len(parts), 2))
        return cls(pieces=tuple(part.encode() for part in parts), places=places)

    def filled(self, texts: Mapping[str, str]) -> bytes:
        """Return the page with these texts in their places."""
        escaped = {name: str(escape(text)).encode() for name, text in texts.items()}
        pieces = list(self.pieces)
        for place, name in self.places:
            pieces[place] = escaped[name]
        return b"".join(pieces)


class Skeletons:
    """The skeletons of the pages that were shown lately, at most `most`."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._kept: OrderedDict[Hashable, Skeleton] = OrderedDict()
        self._most = most

    def filled(self, rendered: Callable[[Fields], str], of: Hashable, fields: Fields) -> bytes:
        """Return a page; `rendered` makes one of any fields, and `of` is all that it depends on beside them."""
        texts: dict[str, str] = {}
        try:
            key = (of, _shape(fields, texts))
        except _UncommonError:
            return rendered(fields).encode()
        skeleton = self._kept.get(key)
        if skeleton is None:
            skeleton = self._kept[key] = Skeleton.of(rendered(_marked(fields)))
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return skeleton.filled(texts)


def _shape(fields: Fields, texts: dict[str, str], above: str = "") -> Hashable:
    """Return what a page follows from, and put the texts that it only prints into `texts`, by their places."""
    return tuple([(name, _shape_of(name, value, texts, above)) for name, value in fields.items()])


def _shape_of(name: str, value: object, texts: dict[str, str], above: str) -> Hashable:
    if type(value) is str:  # ready-made markup is no text
        if value and _is_printed(name, above):
            texts[f"{above}{name}"] = value
            return ...
        if _OPEN in value:
            raise _UncommonError
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return _shape(value, texts, f"{above}{name}.")
    if isinstance(value, list | tuple):
        return tuple([_shape_of(str(place), one, texts, f"{above}{name}.") for place, one in enumerate(value)])
    raise _UncommonError


def _marked(fields: Fields, above: str = "") -> dict[str, Any]:
    """Return the fields with marks in the places of the texts that a page only prints."""
    return {name: _marked_of(name, value, above) for name, value in fields.items()}


def _marked_of(name: str, value: object, above: str) -> object:
    if isinstance(value, str):
        return f"{_OPEN}{above}{name}{_CLOSE}" if value and _is_printed(name, above) else value
    if isinstance(value, Mapping):
        return _marked(value, f"{above}{name}.")
    if isinstance(value, list | tuple):
        return [_marked_of(str(place), one, f"{above}{name}.") for place, one in enumerate(value)]
    return value


def _is_printed(name: str, above: str) -> bool:
    return name in _PRINTED if not above else name == "href" or above[:-1] in _PRINTED_ALL
