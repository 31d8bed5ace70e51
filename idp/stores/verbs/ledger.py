"""What a realm keeps for good, over a kernel: sealed secrets, and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from idp.model.event import Event
from idp.stores.kernel import EventRow, Kernel, Transaction
from idp.stores.verbs.shelf import Shelf


class KernelSecrets:
    """Implements `idp.ports.KeptSecrets`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm
        self._revisions = Shelf("secret-revision", realm, int)

    async def all(self, purpose: str) -> Mapping[str, bytes]:
        """Return every sealed secret kept for a purpose, by its id."""
        return await self._shelf(purpose).every(self._kernel)

    async def keep(self, purpose: str, secret_id: str, sealed: bytes) -> bool:
        """Keep a new one; false if that id exists."""
        shelf = self._shelf(purpose)

        def work(tx: Transaction) -> bool:
            return shelf.add(tx, secret_id, sealed) and self._counted(tx, purpose)

        return await self._kernel.transact(work)

    async def replace(self, purpose: str, secret_id: str, sealed: bytes, *, expected: bytes) -> bool:
        """Put `sealed` in the place of `expected`; false if that is not what is kept."""
        shelf = self._shelf(purpose)

        def work(tx: Transaction) -> bool:
            if shelf.get(tx, secret_id) != expected:
                return False
            shelf.put(tx, secret_id, sealed)
            return self._counted(tx, purpose)

        return await self._kernel.transact(work)

    async def revision(self, purpose: str) -> int:
        """Return a number that grows with every change of a purpose."""
        return await self._revisions.find(self._kernel, purpose) or 0

    def _counted(self, tx: Transaction, purpose: str) -> bool:
        self._revisions.put(tx, purpose, (self._revisions.get(tx, purpose) or 0) + 1)
        return True

    def _shelf(self, purpose: str) -> Shelf[bytes]:
        return Shelf(f"secret/{purpose}", self._realm, bytes)


class KernelEvents:
    """Implements `idp.ports.Events`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Event).decode

    async def record(self, *events: Event) -> None:
        """Record events, all of them or none; they are durable when this returns."""
        rows = [self._row(event) for event in events]

        def work(tx: Transaction) -> None:
            for row in rows:
                tx.append(self._realm, row)

        await self._kernel.transact(work)

    async def recent(self, *, limit: int, transaction_id: str | None = None) -> Sequence[Event]:
        """Return the newest events first."""
        rows = await self._kernel.recent(self._realm, limit=limit, transaction_id=transaction_id)
        return [self._decode(row) for row in rows]

    def _row(self, event: Event) -> EventRow:
        return EventRow(
            at=event.at,
            type=event.type,
            transaction_id=event.transaction_id,
            user_id=event.user_id,
            value=self._encode(event),
        )
