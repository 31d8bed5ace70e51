"""The configuration of a condition or an executor, read one way: exports write flags and numbers as text too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


class Configuration:
    """One `configuration` object of a realm file."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a switch."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        return value is True or value == "true"

    def number(self, name: str, *, default: int) -> int:
        """Return a number of seconds; what is none counts as the default."""
        value = self._values.get(name)
        if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
            return int(value)
        return value if type(value) is int and value >= 0 else default

    def text(self, name: str, *, default: str = "") -> str:
        """Return one word."""
        value = self._values.get(name)
        return value if isinstance(value, str) and value else default

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of words; one word alone is a list of one."""
        value = self._values.get(name)
        if isinstance(value, str):
            return (value,) if value else ()
        return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list | tuple) else ()

    def table(self, name: str) -> tuple[tuple[str, str], ...] | None:
        """Return Keycloak's list of keys and values, as JSON or as its text; None where it cannot be read."""
        value = self._values.get(name)
        try:
            rows = json.loads(value) if isinstance(value, str) else value
            if isinstance(rows, Mapping):
                rows = [{"key": key, "value": item} for key, item in rows.items()]
            pairs = tuple((row["key"], row["value"]) for row in rows or ())
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return pairs if all(isinstance(part, str) for pair in pairs for part in pair) else None
