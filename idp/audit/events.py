"""Recording events: one line of structured log and one durable row for each."""

from __future__ import annotations

import asyncio
from contextvars import Context

from structlog.typing import FilteringBoundLogger

from idp.audit.floods import Floods
from idp.model.event import Event
from idp.ports import Events, Observer, StoreUnavailableError, Unobserved

_SOON = 0.1  # seconds
_MOST_NOTED = 512
_AT_ONCE = 32  # so many rows make nobody else wait long


class Recorder:
    """Records the events of one realm; the observer hears of each."""

    def __init__(self, events: Events, log: FilteringBoundLogger, observer: Observer | None = None) -> None:
        self._events = events
        self._log = log
        self._observer = observer or Unobserved()
        self._noted: list[Event] = []
        self._floods = Floods()
        self._keeping: asyncio.Task[None] | None = None

    async def record(self, event: Event) -> None:
        """Write the log line, then store the event; raises `StoreUnavailableError` if it cannot be kept.

        The line comes first: when the store fails, the log still tells what was tried.
        """
        self._log.info("event", **_members(event))
        self._observer.event(event)
        if rows := self._floods.rows(event):
            await self._events.record(*rows)

    async def note(self, event: Event) -> None:
        """Write the log line now and store the row within a moment, together with others.

        For what happens often, is nobody's login and is told by the log line alone (a client's own token): a flush of
        the disk for each would cost more than the token. Who floods it waits for the disk after all.
        """
        if len(self._noted) >= _MOST_NOTED:
            await self.record(event)
            return
        self._log.info("event", **_members(event))
        self._observer.event(event)
        self._noted += self._floods.rows(event)
        if self._keeping is None:
            # In a context of its own: it is for events of many transactions, whoever happened to be the first.
            self._keeping = asyncio.get_running_loop().create_task(self._keep_soon(), context=Context())

    async def keep_noted(self) -> None:
        """Store what was noted, some at a time. What cannot be stored is said in the log, where its line already is."""
        noted, self._noted = self._noted, []
        while noted:
            some, noted = noted[:_AT_ONCE], noted[_AT_ONCE:]
            try:
                await self._events.record(*some)
            except StoreUnavailableError as error:
                self._log.error("events not stored", count=len(some), reason=type(error).__name__)

    async def close(self) -> None:
        """Store what was noted, and how many failures were left out."""
        self._noted += self._floods.ended()
        await self.keep_noted()

    async def _keep_soon(self) -> None:
        await asyncio.sleep(_SOON)
        self._keeping = None
        await self.keep_noted()


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
