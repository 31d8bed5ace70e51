"""Text messages on their way, over a kernel."""

from __future__ import annotations

import msgspec

from idp.crypto.digest import digest
from idp.model.messages.message import DeliveryState, MessageDelivery, merged
from idp.model.struct import Frozen
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf, storable


class StoredMessage(Frozen, frozen=True, kw_only=True):
    """What is known of a message, and when it is forgotten."""

    delivery: MessageDelivery
    expires_at: float


class KernelMessageDeliveries:
    """Implements `idp.ports.MessageDeliveries`. The ids are a gateway's, hence of any form: their digests are kept."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("message-delivery", realm, StoredMessage)

    async def sent(self, gateway: str, message_id: str, delivery: MessageDelivery, *, ttl: int) -> MessageDelivery:
        """Keep whose message it is; return that with what a faster receipt has told of it."""
        key = _key(gateway, message_id)

        def work(tx: Transaction) -> MessageDelivery:
            stored = self._shelf.get(tx, key)
            state = delivery.state if stored is None else merged(stored.delivery.state, delivery.state)
            kept = msgspec.structs.replace(delivery, state=state)
            self._keep(tx, key, StoredMessage(delivery=kept, expires_at=tx.now + ttl))
            return kept

        return await self._kernel.transact(work)

    async def get(self, gateway: str, message_id: str) -> MessageDelivery | None:
        """Return what is known of a message."""
        stored = await self._shelf.find(self._kernel, _key(gateway, message_id))
        return None if stored is None else stored.delivery

    async def tell(self, gateway: str, message_id: str, state: DeliveryState, *, ttl: int) -> MessageDelivery | None:
        """Merge a receipt; return what is known now, or None if it was no news."""
        key = _key(gateway, message_id)

        def work(tx: Transaction) -> MessageDelivery | None:
            stored = self._shelf.get(tx, key) or StoredMessage(delivery=MessageDelivery(), expires_at=tx.now + ttl)
            after = merged(stored.delivery.state, state)
            if after is stored.delivery.state:
                return None
            kept = msgspec.structs.replace(stored.delivery, state=after)
            self._keep(tx, key, StoredMessage(delivery=kept, expires_at=stored.expires_at))
            return kept

        return await self._kernel.transact(work)

    def _keep(self, tx: Transaction, key: str, stored: StoredMessage) -> None:
        self._shelf.put(tx, key, stored, expires_at=stored.expires_at)


def _key(gateway: str, message_id: str) -> str:
    return digest(storable(f"{gateway}|{message_id}"))
