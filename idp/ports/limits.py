"""What is counted, and what may happen once."""

from __future__ import annotations

from typing import Protocol

from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Attempt, Locks


class Attempts(Protocol):
    """Attempts per user and factor, across tabs, sessions, grants and restarts."""

    async def hit(self, subject: str, factor: str, *, policy: BruteForcePolicy, now: int) -> Attempt:
        """Count one attempt atomically (`idp.model.policies.lockout`) and say whether it may be evaluated."""

    async def clear(self, subject: str, factor: str) -> None:
        """Forget the failures of a factor that was just proven."""

    async def forgive(self, subject: str) -> bool:
        """Forget every failure and lock of a user, permanent ones too; true for the caller that did."""

    async def locks(self, subject: str) -> Locks:
        """Return the present locks of a user."""


class Throttle(Protocol):
    """Budgets of anything that costs: messages, pages, registrations."""

    async def hit(self, purpose: str, key: str, *, limit: int, window: int, cost: int = 1) -> bool:
        """Count a use of that `cost` within `window` seconds of the first; false if it would exceed `limit`.

        What is refused is not counted.
        """


class FirstUse(Protocol):
    """What may be seen once: token ids, assertions, transactions."""

    async def first_use(self, purpose: str, value: str, *, ttl: int, usable_since: int = 0) -> bool:
        """Return true for exactly one caller within `ttl` seconds.

        `usable_since` is the earliest moment at which a node could have accepted it, by that node's clock. A store that
        has lost its memory refuses what could have been used before that (`StoreUnavailableError`). So every purpose
        whose values live minutes tells it: to be usable at any time means to be refused ever after.
        """

    async def seen(self, purpose: str, value: str) -> bool:
        """Tell whether it was used."""


class Counters(Protocol):
    """Counters that only move forward: the last time step a soft token was accepted at (RFC 6238 §5.2)."""

    async def burn(self, key: str, counter: int, *, ttl: int | None = None) -> bool:
        """Use up everything to `counter`; true for exactly one caller, false if it is not above the last one burnt.

        It is remembered for ever, or for `ttl` seconds after the last time: where old ones are refused by then anyway.
        """


class LatestValues(Protocol):
    """Values of which only the latest under a purpose and key counts: an SMS transaction kills the one before it."""

    async def set(self, purpose: str, key: str, value: str, *, ttl: int) -> None:
        """Make `value` the only one that can be taken."""

    async def take(self, purpose: str, key: str, value: str) -> bool:
        """Take the latest value; true for exactly one caller, and only if it equals `value`."""
