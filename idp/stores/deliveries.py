"""Logouts that clients are still to be told of, over a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from idp.model.logout import LogoutDelivery
from idp.model.struct import Frozen
from idp.stores.kernel import Kernel, Transaction
from idp.stores.shelf import Shelf

_MINUTE = 60


class StoredDelivery(Frozen, frozen=True, kw_only=True):
    """A delivery, and when it is given up."""

    delivery: LogoutDelivery
    expires_at: int


class KernelLogoutDeliveries:
    """Implements `idp.ports.LogoutDeliveries`.

    A delivery's owner is the minute it is due in. So asking what is due reads the minutes that have come and nothing
    else, although a client that is down for an hour may leave very many waiting. `_oldest` remembers the first minute
    that may still hold one.
    """

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("logout-delivery", realm, StoredDelivery)
        self._oldest: int | None = None

    async def put(self, delivery: LogoutDelivery, *, expires_at: int) -> None:
        """Keep a delivery until it is done, or until `expires_at`; the first of an id stays."""
        stored = StoredDelivery(delivery=delivery, expires_at=expires_at)

        def work(tx: Transaction) -> None:
            if self._shelf.get(tx, delivery.id) is None:
                self._put(tx, stored)

        await self._kernel.transact(work)
        if self._oldest is not None:
            self._oldest = min(self._oldest, delivery.next_at // _MINUTE)

    async def due(self, *, now: int, limit: int) -> Sequence[LogoutDelivery]:
        """Return at most that many whose `next_at` has come, the longest waiting first."""
        present = now // _MINUTE
        if self._oldest is None:
            every = self._shelf.every(self._kernel).values()
            self._oldest = min((stored.delivery.next_at // _MINUTE for stored in every), default=present)
        found: list[LogoutDelivery] = []
        for minute in range(self._oldest, present + 1):
            waiting = [stored.delivery for stored in self._shelf.owned(self._kernel, str(minute))]
            if not waiting and not found and minute < present:
                self._oldest = minute + 1
            found += [delivery for delivery in waiting if delivery.next_at <= now]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda delivery: (delivery.next_at, delivery.id))[:limit]

    async def claim(self, delivery: LogoutDelivery, *, next_at: int) -> LogoutDelivery | None:
        """Count an attempt; one winner gets the delivery."""

        def work(tx: Transaction) -> LogoutDelivery | None:
            stored = self._shelf.get(tx, delivery.id)
            if stored is None or stored.delivery.attempts != delivery.attempts:
                return None
            counted = msgspec.structs.replace(stored.delivery, attempts=delivery.attempts + 1, next_at=next_at)
            self._put(tx, StoredDelivery(delivery=counted, expires_at=stored.expires_at))
            return counted

        return await self._kernel.transact(work)

    async def done(self, delivery_id: str) -> bool:
        """Forget a delivery; true for the caller that did."""
        return await self._kernel.transact(lambda tx: self._shelf.delete(tx, delivery_id))

    def _put(self, tx: Transaction, stored: StoredDelivery) -> None:
        delivery = stored.delivery
        owner = str(delivery.next_at // _MINUTE)
        self._shelf.put(tx, delivery.id, stored, expires_at=stored.expires_at, owner=owner)
