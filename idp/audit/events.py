"""Recording events: one line of structured log and one durable row for each."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from idp.model.event import Event
from idp.ports import Events


class Recorder:
    """Records the events of one realm."""

    def __init__(self, events: Events, log: FilteringBoundLogger) -> None:
        self._events = events
        self._log = log

    async def record(self, event: Event) -> None:
        """Write the log line, then store the event; raises `StoreUnavailableError` if it cannot be kept.

        The line comes first: when the store fails, the log still tells what was tried.
        """
        self._log.info("event", **_members(event))
        await self._events.record(event)


def _members(event: Event) -> dict[str, object]:
    """Return what is known of the event; `at` is left out, since the log has a time of its own."""
    members: dict[str, object | None] = {
        "type": event.type,
        "realm": event.realm,
        "transaction_id": event.transaction_id,
        "user_id": event.user_id,
        "client_id": event.client_id,
        "sid": event.sid,
        "address": event.address,
        "error": event.error,
        "detail": event.detail or None,
    }
    return {name: value for name, value in members.items() if value is not None}
