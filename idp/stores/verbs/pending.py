"""Requests that wait for somebody's decision, over a kernel: found from two sides, taken once."""

from __future__ import annotations

import msgspec

from idp.model.pending import PendingAuthorization, PendingState
from idp.ports import Replayed, Taken
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf

REMEMBERED = 600
"""Seconds for which an expired request is still known, so that a late poll hears `expired_token` (RFC 8628 §3.5)."""


class KernelPendingAuthorizations:
    """Implements `idp.ports.PendingAuthorizations`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("pending-authorization", realm, PendingAuthorization)
        self._tickets = Shelf("pending-ticket", realm, str)

    async def create(self, pending: PendingAuthorization) -> bool:
        """Store a new request; false if its ticket is in use."""

        def work(tx: Transaction) -> bool:
            if not self._tickets.add(tx, pending.ticket, pending.key, expires_at=pending.expires_at):
                return False
            self._shelf.create(tx, pending.key, pending, expires_at=pending.expires_at + REMEMBERED)
            return True

        return await self._kernel.transact(work)

    async def get(self, key: str) -> PendingAuthorization | None:
        """Return a request, also for a while after it expired."""
        return await self._shelf.find(self._kernel, key)

    async def by_ticket(self, ticket: str) -> PendingAuthorization | None:
        """Return the request that a person's ticket means, until it expires."""
        key = await self._tickets.find(self._kernel, ticket)
        return None if key is None else await self._shelf.find(self._kernel, key)

    async def replace(self, pending: PendingAuthorization) -> bool:
        """Compare and set on `revision`."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, pending.key)
            if stored is None or stored.revision != pending.revision:
                return False
            self._put(tx, pending)
            return True

        return await self._kernel.transact(work)

    async def take(self, key: str) -> Taken[PendingAuthorization] | Replayed[PendingAuthorization] | None:
        """Take an approved request: one winner; the others see `Replayed`."""

        def work(tx: Transaction) -> Taken[PendingAuthorization] | Replayed[PendingAuthorization] | None:
            stored = self._shelf.get(tx, key)
            if stored is None or stored.state not in {PendingState.APPROVED, PendingState.TAKEN}:
                return None
            if stored.state is PendingState.TAKEN:
                return Replayed(value=stored)
            self._put(tx, msgspec.structs.replace(stored, state=PendingState.TAKEN))
            return Taken(value=stored)

        return await self._kernel.transact(work)

    def _put(self, tx: Transaction, pending: PendingAuthorization) -> None:
        after = msgspec.structs.replace(pending, revision=pending.revision + 1)
        self._shelf.put(tx, pending.key, after, expires_at=pending.expires_at + REMEMBERED)
