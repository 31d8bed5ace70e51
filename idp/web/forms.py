"""Parameters of OAuth requests: each at most once but for those that are lists, strictly UTF-8, bounded."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

_MOST_FIELDS = 64
_LONGEST_NAME = 64  # characters of a name that is shown to a person
_LARGEST_FORM = 64 * 1024  # bytes


class FormError(Exception):
    """Parameters that cannot be read in one way only. The text names no value; `name` is that of a repeated one."""

    def __init__(self, text: str, *, name: str = "") -> None:
        super().__init__(text)
        self.name = name[:_LONGEST_NAME]


def single_values(body: bytes) -> dict[str, str]:
    """Parse `application/x-www-form-urlencoded` parameters.

    A repeated parameter is refused (RFC 6749 §3.1 and §3.2): two readers that choose differently between its values
    is how checks are bypassed (CVE-2026-9689).
    """
    return values_with_lists(body, frozenset())[0]


def values_with_lists(body: bytes, repeatable: frozenset[str]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Parse parameters as `single_values` does; those named in `repeatable` are lists, in the order they stand there.

    Every repeatable name is in the second dictionary, and none is in the first.
    """
    if len(body) > _LARGEST_FORM:
        raise FormError("The form is too large.")
    pieces = [piece for piece in body.split(b"&") if piece]
    if len(pieces) > _MOST_FIELDS:
        raise FormError("The form has too many fields.")
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = dict.fromkeys(repeatable, ())
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        key = _text(name)
        if key in lists:
            lists[key] = (*lists[key], _text(value))
            continue
        if key in values:
            raise FormError("A parameter is repeated.", name=key)
        values[key] = _text(value)
    return values, lists


def _text(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise FormError("A parameter is not UTF-8.") from None
