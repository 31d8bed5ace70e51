"""JSON pointers → places in the text of a file, so that a finding can be clicked on."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass

from idp.model.struct import Frozen
from idp.realms.files.reading import escaped

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Region(Frozen, frozen=True):
    """From one character to behind another; lines and columns count from 1, columns in characters."""

    line: int
    column: int
    end_line: int
    end_column: int


class Places:
    """Where the values of a JSON text stand. A text that is no JSON has no places."""

    def __init__(self, text: str) -> None:
        self._spans = spans(text)
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def region(self, pointer: str) -> Region | None:
        """Return where a value stands; for one that is missing, where what should hold it begins."""
        span = self._spans.get(pointer)
        if span is not None:
            return Region(*self._place(span[0]), *self._place(span[1]))
        while pointer and pointer not in self._spans:
            pointer = pointer.rpartition("/")[0]
        holder = self._spans.get(pointer)
        if holder is None:
            return None
        line, column = self._place(holder[0])
        return Region(line, column, line, column + 1)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1


@dataclass
class _Open:
    """An object or array whose end is not reached. `key` is the name or number of the value that comes next."""

    pointer: str
    start: int
    is_object: bool
    key: str
    awaits_name: bool


def spans(text: str) -> dict[str, tuple[int, int]]:
    """Return the first character of each value and the one behind it, by pointer; nothing for what is no JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, tuple[int, int]] = {}
    stack: list[_Open] = []  # and no recursion: how deep a file is, somebody else decides
    for match in _TOKEN.finditer(text):
        sign, within = match.group(), stack[-1] if stack else None
        if sign in {"}", "]"}:
            ended = stack.pop()
            found[ended.pointer] = (ended.start, match.end())
        elif within is not None and sign == ",":
            within.awaits_name = within.is_object
            within.key = within.key if within.is_object else str(int(within.key) + 1)
        elif within is not None and sign == ":":
            within.awaits_name = False
        elif within is not None and within.awaits_name:
            within.key = escaped(json.loads(sign))
        else:
            pointer = "" if within is None else f"{within.pointer}/{within.key}"
            if sign in {"{", "["}:
                stack.append(_Open(pointer, match.start(), sign == "{", "0", sign == "{"))
            else:
                found[pointer] = match.span()
    return found
