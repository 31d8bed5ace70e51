"""Logouts that clients are still to be told of, over a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from idp.model.clients.logout import LogoutDelivery
from idp.model.struct import Frozen
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf


class StoredDelivery(Frozen, frozen=True, kw_only=True):
    """A delivery, and when it is given up."""

    delivery: LogoutDelivery
    expires_at: int


class KernelLogoutDeliveries:
    """Implements `idp.ports.LogoutDeliveries`.

    Deliveries lie in the order in which they are due, so asking what is due reads nothing else, although a client that
    is down for an hour may leave very many waiting. A second shelf tells where the delivery of an id lies.
    """

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._waiting = Shelf("logout-delivery", realm, StoredDelivery)
        self._places = Shelf("logout-delivery-place", realm, str)

    async def put(self, delivery: LogoutDelivery, *, expires_at: int) -> None:
        """Keep a delivery until it is done, or until `expires_at`; the first of an id stays."""
        stored = StoredDelivery(delivery=delivery, expires_at=expires_at)

        def work(tx: Transaction) -> None:
            if self._places.get(tx, delivery.id) is None:
                self._put(tx, stored)

        await self._kernel.transact(work)

    async def due(self, *, now: int, limit: int) -> Sequence[LogoutDelivery]:
        """Return at most that many whose `next_at` has come, the longest waiting first."""
        first = await self._waiting.page(self._kernel, limit=limit)
        return [stored.delivery for stored in first.values() if stored.delivery.next_at <= now]

    async def claim(self, delivery: LogoutDelivery, *, next_at: int) -> LogoutDelivery | None:
        """Count an attempt; one winner gets the delivery."""

        def work(tx: Transaction) -> LogoutDelivery | None:
            place = self._places.get(tx, delivery.id)
            stored = None if place is None else self._waiting.get(tx, place)
            if place is None or stored is None or stored.delivery.attempts != delivery.attempts:
                return None
            self._waiting.delete(tx, place)
            counted = msgspec.structs.replace(stored.delivery, attempts=delivery.attempts + 1, next_at=next_at)
            self._put(tx, StoredDelivery(delivery=counted, expires_at=stored.expires_at))
            return counted

        return await self._kernel.transact(work)

    async def done(self, delivery_id: str) -> bool:
        """Forget a delivery; true for the caller that did."""

        def work(tx: Transaction) -> bool:
            place = self._places.get(tx, delivery_id)
            if place is None:
                return False
            self._places.delete(tx, delivery_id)
            return self._waiting.delete(tx, place)

        return await self._kernel.transact(work)

    def _put(self, tx: Transaction, stored: StoredDelivery) -> None:
        place = f"{stored.delivery.next_at:012d}.{stored.delivery.id}"
        self._waiting.put(tx, place, stored, expires_at=stored.expires_at)
        self._places.put(tx, stored.delivery.id, place, expires_at=stored.expires_at)
