"""Clients that registered themselves, and the tokens that let them, over a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from idp.model.clients.registration import InitialToken, RegisteredClient
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf

_ONLY = ""


class KernelRegisteredClients:
    """Implements `idp.ports.RegisteredClients`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("registered-client", realm, RegisteredClient)
        self._revisions = Shelf("registered-client-revision", realm, int)
        self._numbers = Shelf("registered-client-number", realm, int)

    async def create(self, client: RegisteredClient, *, most: int) -> bool:
        """Store a new client, unless there are `most` already."""

        def work(tx: Transaction) -> bool:
            number = self._numbers.get(tx, _ONLY) or 0
            if number >= most:
                return False
            self._shelf.create(tx, client.client_id, client)
            self._numbers.put(tx, _ONLY, number + 1)
            return self._counted(tx)

        return await self._kernel.transact(work)

    async def get(self, client_id: str) -> RegisteredClient | None:
        """Return a registered client."""
        return await self._shelf.find(self._kernel, client_id)

    async def all(self) -> Sequence[RegisteredClient]:
        """Return every registered client."""
        return list((await self._shelf.every(self._kernel)).values())

    async def replace(self, client: RegisteredClient) -> bool:
        """Compare and set on `revision`."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, client.client_id)
            if stored is None or stored.revision != client.revision:
                return False
            self._shelf.put(tx, client.client_id, msgspec.structs.replace(client, revision=client.revision + 1))
            return self._counted(tx)

        return await self._kernel.transact(work)

    async def remove(self, client_id: str) -> bool:
        """Remove a client; true for the caller that did."""

        def work(tx: Transaction) -> bool:
            if not self._shelf.delete(tx, client_id):
                return False
            self._numbers.put(tx, _ONLY, (self._numbers.get(tx, _ONLY) or 1) - 1)
            return self._counted(tx)

        return await self._kernel.transact(work)

    async def revision(self) -> int:
        """Return a number that grows with every change."""
        return await self._revisions.find(self._kernel, _ONLY) or 0

    def _counted(self, tx: Transaction) -> bool:
        self._revisions.put(tx, _ONLY, (self._revisions.get(tx, _ONLY) or 0) + 1)
        return True


class KernelInitialTokens:
    """Implements `idp.ports.InitialTokens`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("initial-token", realm, InitialToken)

    async def create(self, key: str, token: InitialToken) -> None:
        """Keep a new token until its `expires_at`."""
        await self._kernel.transact(lambda tx: self._shelf.create(tx, key, token, expires_at=token.expires_at))

    async def get(self, key: str) -> InitialToken | None:
        """Return a token that can still be used."""
        return await self._shelf.find(self._kernel, key)

    async def take(self, key: str) -> bool:
        """Take one of its uses; true for as many callers as it has."""

        def work(tx: Transaction) -> bool:
            token = self._shelf.get(tx, key)
            if token is None:
                return False
            if token.remaining <= 1:
                return self._shelf.delete(tx, key)
            left = msgspec.structs.replace(token, remaining=token.remaining - 1)
            self._shelf.put(tx, key, left, expires_at=token.expires_at)
            return True

        return await self._kernel.transact(work)
