"""What a store holds, as it lies there: for a copy into another store, and for looking whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from idp.model.struct import Frozen
from idp.stores.kernel import EventRow, Kernel

T = TypeVar("T")

UNFINISHED_COPY = "unfinished-copy"
"""The kind of the record that a store has as long as a copy into it is not finished."""

SWEEPING = "sweeping"
"""The kind of the record that names the process which sweeps (`idp.stores.upkeep.sweeping`)."""

OF_THIS_STORE = frozenset({UNFINISHED_COPY, "health", SWEEPING})
"""Kinds that say something of the store itself. They stay where they are."""


class KeptRecord(Frozen, frozen=True, kw_only=True):
    """A record with everything that is known of it."""

    kind: str
    realm: str
    key: str
    value: bytes
    expires_at: float | None = None
    owner: str | None = None


class KeptEvent(Frozen, frozen=True, kw_only=True):
    """An event with everything that is known of it."""

    realm: str
    row: EventRow


class Portion(Frozen, Generic[T], frozen=True, kw_only=True):
    """Some of what lies in a store, and from where to go on: None after the last ones."""

    items: Sequence[T]
    after: str | None


class Portable(Kernel, Protocol):
    """A kernel that gives out everything it holds.

    What is written meanwhile may be missing. A record may come twice where a store has no order (Redis); an event
    comes once, behind those that were recorded before it in its realm.
    """

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return about `limit` records, also expired ones that are still there. `after` is empty at the beginning."""

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return about `limit` events, those of a realm the oldest first. `after` is empty at the beginning."""
