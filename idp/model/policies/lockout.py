"""How often a user failed at a factor, and what follows. Pure: the store applies these to its record atomically."""

from __future__ import annotations

from idp.model.policies.credentials import BruteForcePolicy
from idp.model.struct import Frozen


class FactorLock(Frozen, frozen=True, kw_only=True):
    """Attempts at one factor since its last success. `not_before` is when the temporary lock ends (epoch seconds).

    `total` is what no pause forgives: the attempts since the last success, however long ago they were.
    """

    attempts: int = 0
    last_attempt_at: int = 0
    not_before: int = 0
    temporary_lockouts: int = 0
    permanent: bool = False
    total: int = 0

    def locked(self, now: int) -> bool:
        """Tell whether an attempt would be refused at `now`."""
        return self.permanent or now < self.not_before


class Locks(Frozen, frozen=True, kw_only=True):
    """The locks of one user, by factor: failing at the password must not lock the soft token."""

    factors: dict[str, FactorLock] = {}

    def locked(self, now: int) -> bool:
        """Tell whether any factor of the user is locked."""
        return any(lock.locked(now) for lock in self.factors.values())

    def of(self, factor: str) -> FactorLock:
        """Return the lock of one factor."""
        return self.factors.get(factor, FactorLock())


class Attempt(Frozen, frozen=True, kw_only=True):
    """What counting one attempt found: whether it may be evaluated, and whether it was the last before a lock."""

    admitted: bool
    lock: FactorLock
    newly_locked: bool = False


def count_attempt(locks: Locks, factor: str, policy: BruteForcePolicy, now: int) -> tuple[Locks, Attempt]:
    """Count one attempt *before* it is checked (RTS (EU) 2018/389 Art. 4(3)(b)); a success calls `clear`.

    The attempt that reaches the limit is still evaluated; the lock it sets is lifted if it was right.
    """
    lock = locks.of(factor)
    if lock.locked(now):
        return locks, Attempt(admitted=False, lock=lock)
    if not policy.protected:
        return locks, Attempt(admitted=True, lock=lock)
    after = _after_attempt(lock, policy, now)
    newly_locked = after.locked(now)
    return _with(locks, factor, after), Attempt(admitted=True, lock=after, newly_locked=newly_locked)


def clear(locks: Locks, factor: str) -> Locks:
    """Forget the failures of a factor that was just proven."""
    return Locks(factors={name: lock for name, lock in locks.factors.items() if name != factor})


def _with(locks: Locks, factor: str, lock: FactorLock) -> Locks:
    return Locks(factors={**locks.factors, factor: lock})


def _after_attempt(lock: FactorLock, policy: BruteForcePolicy, now: int) -> FactorLock:
    # A long pause forgives temporary failures, never those that count towards a permanent lock (bank.md 3.9:
    # "total since last success"), or slow guessing would never end.
    paused = now - lock.last_attempt_at > policy.max_delta_time
    attempts = 1 if paused and not policy.permanent_lockout else lock.attempts + 1
    total = max(lock.total, lock.attempts) + 1
    spent = policy.permanent_after > 0 and total >= policy.permanent_after
    lockouts = lock.temporary_lockouts
    if attempts >= policy.failure_factor:
        lockouts += 1
        spent = spent or (policy.permanent_lockout and lockouts > policy.max_temporary_lockouts)
        not_before = now + min(_wait(attempts, policy), policy.max_failure_wait)
    elif _is_quick(lock, policy, now):  # Keycloak's: no lockout is counted for it
        not_before = now + min(policy.minimum_quick_login_wait, policy.max_failure_wait)
    else:
        not_before = 0
    return FactorLock(
        attempts=attempts,
        last_attempt_at=now,
        not_before=not_before,
        temporary_lockouts=lockouts,
        permanent=spent,
        total=total,
    )


def _is_quick(lock: FactorLock, policy: BruteForcePolicy, now: int) -> bool:
    """Tell whether two attempts came faster than a person types; a second is the least that is told apart here."""
    return lock.attempts > 0 and (now - lock.last_attempt_at) * 1000 < policy.quick_login_check


def _wait(attempts: int, policy: BruteForcePolicy) -> int:
    """Seconds to lock after that many attempts, at least `failure_factor` (Keycloak's MULTIPLE and LINEAR)."""
    if policy.strategy == "LINEAR":
        return policy.wait_increment * (1 + attempts - policy.failure_factor)
    return policy.wait_increment * (attempts // policy.failure_factor)
