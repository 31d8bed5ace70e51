"""What is written to a person's terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text without anything that a terminal would obey: names of a realm file are somebody else's words."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
