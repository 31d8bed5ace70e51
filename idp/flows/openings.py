"""How many logins one subscriber may have begun lately: what is begun is kept, so a flood would fill the store.

Counted in the process's own memory: it is the disk that is guarded, not a secret, and a write for each page would
itself be what a flood is after. Far above what customers behind one address do.
"""

from __future__ import annotations

from typing import Final

from idp.flows.networks import subscriber_of

WINDOW: Final = 1800
"""Seconds that are counted together: about as long as a login that nobody goes on with is kept."""
MOST: Final = 100_000
"""Logins of one subscriber in a window; some 250 MB. With as many processes as serve, as many times that."""
MOST_SUBSCRIBERS: Final = 50_000
"""Subscribers that are told apart in a window; the rest count as one, so that counting itself stays small."""


class Openings:
    """Counts the logins that were begun in the present window."""

    def __init__(self, *, most: int = MOST, most_subscribers: int = MOST_SUBSCRIBERS) -> None:
        self._most = most
        self._most_subscribers = most_subscribers
        self._window = 0
        self._counts: dict[str, int] = {}

    def admits(self, address: str, now: int) -> bool:
        """Count one more login; false if its subscriber has begun too many."""
        if now // WINDOW != self._window:
            self._window, self._counts = now // WINDOW, {}
        subscriber = subscriber_of(address)
        if subscriber not in self._counts and len(self._counts) >= self._most_subscribers:
            subscriber = ""
        count = self._counts[subscriber] = self._counts.get(subscriber, 0) + 1
        return count <= self._most
