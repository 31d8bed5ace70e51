"""A value that must never be printed."""

from __future__ import annotations

import hashlib
import hmac


class Secret:
    """Text that has no readable representation: neither `repr`, `str` nor a traceback's locals show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself; the name makes each use visible in a review."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Compare in constant time, on digests of equal length."""
        ours = hashlib.sha256(self._value.encode()).digest()
        theirs = hashlib.sha256(candidate.encode()).digest()
        return hmac.compare_digest(ours, theirs)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.reveal())

    def __hash__(self) -> int:
        return hash(self._value)
