"""Attempts and budgets, over a kernel: what was counted stays counted, whoever asks at the same time."""

from __future__ import annotations

from idp.model.policies import lockout
from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Attempt, Locks
from idp.model.struct import Frozen
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf, storable

ATTEMPTS_KEPT = 30 * 86400
"""Seconds for which attempts are remembered after the last one, where they do not count for ever."""


class StoredLocks(Frozen, frozen=True, kw_only=True):
    """The locks of one user and when they may be forgotten (None: never)."""

    locks: Locks = Locks()
    expires_at: int | None = 0


class KernelAttempts:
    """Implements `idp.ports.Attempts`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("locks", realm, StoredLocks)

    async def hit(self, subject: str, factor: str, *, policy: BruteForcePolicy, now: int) -> Attempt:
        """Count one attempt and say whether it may be evaluated."""

        def work(tx: Transaction) -> Attempt:
            stored = self._shelf.get(tx, subject) or StoredLocks()
            locks, attempt = lockout.count_attempt(stored.locks, factor, policy, now)
            if locks is not stored.locks:
                self._keep(tx, subject, StoredLocks(locks=locks, expires_at=_expiry(stored, locks, policy, now)))
            return attempt

        return await self._kernel.transact(work)

    async def clear(self, subject: str, factor: str) -> None:
        """Forget the failures of a factor that was just proven."""

        def work(tx: Transaction) -> None:
            stored = self._shelf.get(tx, subject)
            if stored is None or factor not in stored.locks.factors:
                return
            remaining = lockout.clear(stored.locks, factor)
            if remaining.factors:
                self._keep(tx, subject, StoredLocks(locks=remaining, expires_at=stored.expires_at))
            else:
                self._shelf.delete(tx, subject)

        await self._kernel.transact(work)

    async def forgive(self, subject: str) -> bool:
        """Forget every failure and lock of a user."""
        return await self._kernel.transact(lambda tx: self._shelf.delete(tx, subject))

    async def locks(self, subject: str) -> Locks:
        """Return the present locks of a user."""
        return (await self._shelf.find(self._kernel, subject) or StoredLocks()).locks

    def _keep(self, tx: Transaction, subject: str, stored: StoredLocks) -> None:
        self._shelf.put(tx, subject, stored, expires_at=stored.expires_at)


def _expiry(stored: StoredLocks, locks: Locks, policy: BruteForcePolicy, now: int) -> int | None:
    # Attempts that count towards a permanent lock are never forgotten: a guesser who pauses for a month would
    # otherwise begin again at zero (bank.md 3.9, "total since last success"). So a permanent lock stays as well.
    if stored.expires_at is None or policy.permanent_lockout or policy.permanent_after:
        return None
    locked_until = max(lock.not_before for lock in locks.factors.values())
    return max(locked_until, now + max(ATTEMPTS_KEPT, policy.max_delta_time))


class Spent(Frozen, frozen=True, kw_only=True):
    """How much of a budget was used since its window began, and when the window ends."""

    uses: int
    ends_at: float


class KernelThrottle:
    """Implements `idp.ports.Throttle`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm

    async def hit(self, purpose: str, key: str, *, limit: int, window: int, cost: int = 1) -> bool:
        """Count a use; false if it would exceed `limit` within `window` seconds of the first."""
        shelf = Shelf(f"throttle/{purpose}", self._realm, Spent)

        def work(tx: Transaction) -> bool:
            spent = shelf.get(tx, storable(key)) or Spent(uses=0, ends_at=tx.now + window)
            if spent.uses + cost > limit:
                return False
            counted = Spent(uses=spent.uses + cost, ends_at=spent.ends_at)
            shelf.put(tx, storable(key), counted, expires_at=spent.ends_at)
            return True

        return await self._kernel.transact(work)
