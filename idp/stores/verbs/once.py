"""What may happen once, over a kernel: first uses, counters that only move forward, values replaced by later ones."""

from __future__ import annotations

import hmac

from idp.ports import StoreUnavailableError
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf, storable

CLOCKS_APART = 30
"""Seconds by which the clocks of two nodes may differ: one saw the value used, another saw that it was forgotten."""


class KernelFirstUse:
    """Implements `idp.ports.FirstUse`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm

    async def first_use(self, purpose: str, value: str, *, ttl: int, usable_since: int = 0) -> bool:
        """Return true for exactly one caller within `ttl` seconds."""
        shelf, key = self._shelf(purpose), storable(value)
        self._refuse_forgotten(purpose, usable_since)  # before anything is spent
        first = await self._kernel.transact(lambda tx: shelf.add(tx, key, True, expires_at=tx.now + ttl))
        # And again: that it lost its memory may be what the kernel has just found out.
        self._refuse_forgotten(purpose, usable_since)
        return first

    async def seen(self, purpose: str, value: str) -> bool:
        """Tell whether it was used."""
        return await self._shelf(purpose).find(self._kernel, storable(value)) is not None

    def _refuse_forgotten(self, purpose: str, usable_since: int) -> None:
        forgot_at = self._kernel.forgot_at(_kind(purpose))
        if forgot_at and usable_since <= forgot_at + CLOCKS_APART:
            raise StoreUnavailableError("What was used once was forgotten: this could have been used before.")

    def _shelf(self, purpose: str) -> Shelf[bool]:
        return Shelf(_kind(purpose), self._realm, bool)


def _kind(purpose: str) -> str:
    return f"first-use/{purpose}"


class KernelCounters:
    """Implements `idp.ports.Counters`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("counter", realm, int)

    async def burn(self, key: str, counter: int, *, ttl: int | None = None) -> bool:
        """Use up everything to `counter`; true for exactly one caller (RFC 6238 §5.2)."""

        def work(tx: Transaction) -> bool:
            last = self._shelf.get(tx, key)
            if last is not None and counter <= last:
                return False
            self._shelf.put(tx, key, counter, expires_at=None if ttl is None else tx.now + ttl)
            return True

        return await self._kernel.transact(work)


class KernelLatestValues:
    """Implements `idp.ports.LatestValues`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm

    async def set(self, purpose: str, key: str, value: str, *, ttl: int) -> None:
        """Make `value` the only one that can be taken."""
        shelf = self._shelf(purpose)
        await self._kernel.transact(lambda tx: shelf.put(tx, key, value, expires_at=tx.now + ttl))

    async def take(self, purpose: str, key: str, value: str) -> bool:
        """Take the latest value; a wrong one takes nothing away."""
        shelf = self._shelf(purpose)

        def work(tx: Transaction) -> bool:
            latest = shelf.get(tx, key)
            if latest is None or not hmac.compare_digest(latest.encode(), storable(value).encode()):
                return False
            return shelf.delete(tx, key)

        return await self._kernel.transact(work)

    def _shelf(self, purpose: str) -> Shelf[str]:
        return Shelf(f"latest/{purpose}", self._realm, str)
