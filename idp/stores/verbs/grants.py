"""Codes, pushed requests and refresh families, over a kernel: what a client may exchange, and exchange once."""

from __future__ import annotations

import hmac

import msgspec

from idp.model.clients.request_object import PushedRequest
from idp.model.oauth import AuthorizationCode, RefreshFamily
from idp.model.struct import Frozen
from idp.ports import Replayed, Reused, Rotated, Taken
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf

TOMBSTONE = 600
"""Seconds for which a taken code is recognised after it would have expired (RFC 6749 §4.1.2)."""


class StoredCode(Frozen, frozen=True, kw_only=True):
    """A code, and whether somebody took it: a taken code is its own tombstone."""

    code: AuthorizationCode
    taken: bool = False


class KernelAuthorizationCodes:
    """Implements `idp.ports.AuthorizationCodes`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("authorization-code", realm, StoredCode)

    async def put(self, key: str, code: AuthorizationCode) -> None:
        """Keep a code until its `expires_at`."""

        def work(tx: Transaction) -> None:
            self._shelf.create(tx, key, StoredCode(code=code), expires_at=code.expires_at)

        await self._kernel.transact(work)

    async def take(self, key: str) -> Taken[AuthorizationCode] | Replayed[AuthorizationCode] | None:
        """Take a code: one winner; the others see `Replayed`, until long after the code would have expired."""

        def work(tx: Transaction) -> Taken[AuthorizationCode] | Replayed[AuthorizationCode] | None:
            stored = self._shelf.get(tx, key)
            if stored is None:
                return None
            if stored.taken:
                return Replayed(value=stored.code)
            tombstone = StoredCode(code=stored.code, taken=True)
            self._shelf.put(tx, key, tombstone, expires_at=stored.code.expires_at + TOMBSTONE)
            return Taken(value=stored.code)

        return await self._kernel.transact(work)


class KernelPushedRequests:
    """Implements `idp.ports.PushedRequests`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("pushed-request", realm, PushedRequest)

    async def put(self, key: str, request: PushedRequest, *, kept_until: int) -> None:
        """Keep a request until `kept_until`."""
        await self._kernel.transact(lambda tx: self._shelf.create(tx, key, request, expires_at=kept_until))

    async def get(self, key: str) -> PushedRequest | None:
        """Return a request that nobody has taken."""
        return await self._shelf.find(self._kernel, key)

    async def take(self, key: str) -> PushedRequest | None:
        """Remove and return a request; one winner."""

        def work(tx: Transaction) -> PushedRequest | None:
            request = self._shelf.get(tx, key)
            return request if request is not None and self._shelf.delete(tx, key) else None

        return await self._kernel.transact(work)


class KernelRefreshFamilies:
    """Implements `idp.ports.RefreshFamilies`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("refresh-family", realm, RefreshFamily)

    async def create(self, family: RefreshFamily) -> None:
        """Store a new family until its `expires_at`."""

        def work(tx: Transaction) -> None:
            self._shelf.create(tx, family.id, family, expires_at=family.expires_at)

        await self._kernel.transact(work)

    async def get(self, family_id: str) -> RefreshFamily | None:
        """Return a live family."""
        return await self._shelf.find(self._kernel, family_id)

    async def rotate(
        self, family_id: str, *, presented: str, successor: str, now: int, expires_at: int
    ) -> Rotated | Reused | None:
        """Make `successor` current if `presented` is; otherwise end the family."""

        def work(tx: Transaction) -> Rotated | Reused | None:
            return self._use(tx, family_id, presented, successor=successor, now=now, expires_at=expires_at)

        return await self._kernel.transact(work)

    async def touch(self, family_id: str, *, presented: str, now: int, expires_at: int) -> Rotated | Reused | None:
        """Keep `presented` current if it is; otherwise end the family."""

        def work(tx: Transaction) -> Rotated | Reused | None:
            return self._use(tx, family_id, presented, successor=presented, now=now, expires_at=expires_at)

        return await self._kernel.transact(work)

    async def end(self, family_id: str) -> bool:
        """End a family; true for the caller that did."""
        return await self._kernel.transact(lambda tx: self._shelf.delete(tx, family_id))

    def _use(
        self, tx: Transaction, family_id: str, presented: str, *, successor: str, now: int, expires_at: int
    ) -> Rotated | Reused | None:
        family = self._shelf.get(tx, family_id)
        if family is None:
            return None
        if not hmac.compare_digest(family.current.encode(), presented.encode()):
            # Either the thief or the owner holds the newer token; nobody can tell which (RFC 9700 §4.14.2).
            self._shelf.delete(tx, family_id)
            return Reused(family=family)
        used = msgspec.structs.replace(family, current=successor, last_used_at=now, expires_at=expires_at)
        self._shelf.put(tx, family_id, used, expires_at=expires_at)
        return Rotated(family=used)
