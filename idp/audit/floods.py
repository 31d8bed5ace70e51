"""Failures of nobody in particular, when there are very many of them: an attacker must not fill the disk with rows.

Each has its line in the log. Of the rows so many are kept in a minute; then one row says how many more there were.
What concerns a known user is always kept: their locks bound it.
"""

from __future__ import annotations

from msgspec.structs import replace

from idp.model.event import Event

MOST_A_MINUTE = 600
"""Rows of one type that one process keeps in a minute for a realm. 350 MB a day, if somebody keeps on for a day."""

OMITTED = "omitted"
"""The member of `detail` that says how many events of the type have no row."""

_MINUTE = 60


class Floods:
    """Counts the failures of one realm, by type, in the present minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._kept: dict[str, int] = {}
        self._omitted: dict[str, Event] = {}

    def rows(self, event: Event) -> tuple[Event, ...]:
        """Return what is to be kept now: what was left out before this minute, and the event if it has its place."""
        told = self.ended(event.at // _MINUTE)
        if not _is_of_nobody(event):
            return (*told, event)
        kept = self._kept[event.type] = self._kept.get(event.type, 0) + 1
        if kept <= MOST_A_MINUTE:
            return (*told, event)
        number = kept - MOST_A_MINUTE
        self._omitted[event.type] = replace(
            event, transaction_id="", client_id=None, address=None, error=None, detail={OMITTED: str(number)}
        )
        return told

    def ended(self, minute: int | None = None) -> tuple[Event, ...]:
        """Return how many were left out, if a minute has ended; without a minute: whatever was left out."""
        if minute == self._minute:
            return ()
        told = tuple(self._omitted.values())
        self._minute = self._minute if minute is None else minute
        self._kept, self._omitted = {}, {}
        return told


def _is_of_nobody(event: Event) -> bool:
    return event.user_id is None and (event.type.endswith("_ERROR") or event.type == "ERROR_PAGE")
