"""Who sweeps a store, and how often.

Of several processes that serve from one store, one sweeps: the others would look for the same records and find them
gone. The same record tells `idp store copy` that somebody serves.
"""

from __future__ import annotations

from idp.stores.kernel import Kernel, Transaction
from idp.stores.portable import SWEEPING
from idp.stores.verbs.shelf import Shelf

SWEPT_AT_ONCE = 500
"""How many records, and how many events, one sweep removes at most: a sweep never stalls a login."""

LEASE = 60
"""Seconds after which another process sweeps, if the one that did is silent."""

_SELDOM, _OFTEN = 5.0, 0.25

_LEASES = Shelf(SWEEPING, "", str)
_ONLY = ""


def pause_after(removed: int) -> float:
    """Return the seconds until the next sweep.

    While there is a full load of what has expired, the next one comes soon: 2,000 records a second are more than a
    node's logins leave behind. The pause in between belongs to the logins.
    """
    return _OFTEN if removed >= SWEPT_AT_ONCE else _SELDOM


async def may_sweep(kernel: Kernel, name: str) -> bool:
    """Take or keep the lease for the process of that name; false if another one has it."""

    def work(tx: Transaction) -> bool:
        if _LEASES.get(tx, _ONLY) not in {None, name}:
            return False
        _LEASES.put(tx, _ONLY, name, expires_at=tx.now + LEASE)
        return True

    return await kernel.transact(work)


async def leave(kernel: Kernel, name: str) -> None:
    """Give the lease back, if the process of that name has it."""
    await kernel.transact(lambda tx: _LEASES.get(tx, _ONLY) == name and _LEASES.delete(tx, _ONLY))


async def sweeper(kernel: Kernel) -> str | None:
    """Return the name of the process that sweeps, if one does."""
    return await _LEASES.find(kernel, _ONLY)
