"""What is written to a person's terminal."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str) -> str:
    """Return the text without anything that a terminal would obey: names of a realm file are somebody else's words."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def moment(at: int) -> str:
    """Return a time (epoch seconds) as a person reads it, in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")
