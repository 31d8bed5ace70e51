"""What an embedded store must be able to do: read at once, and run a small function atomically.

Every verb of the ports is written once, as a pure function of a `Transaction`; a kernel decides only where the records
lie. A kernel serves one event loop: reads return without waiting, and writing waits in `transact` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from idp.model.struct import Frozen
from idp.ports import StoreUnavailableError

T = TypeVar("T")


class StoreInUseError(StoreUnavailableError):
    """Another process serves from this store. The text says what to do."""


class SchemaTooNewError(StoreUnavailableError):
    """The store was written by a newer version of the program. The text says what to do."""


class EventRow(Frozen, frozen=True, kw_only=True):
    """One event as a kernel keeps it: what it is searched by, and the event itself, encoded."""

    at: int
    type: str
    transaction_id: str
    user_id: str | None
    value: bytes


class Records(Protocol):
    """Records and events as they can be read. An expired record does not exist for any of these."""

    def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one record."""

    def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every record of an owner, by key."""

    def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every record of a kind, by key."""

    def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""


class Transaction(Records, Protocol):
    """Reads and writes that happen together or not at all, with nobody in between."""

    @property
    def now(self) -> float:
        """The moment this transaction lives in (epoch seconds); every expiry in it is judged by this."""

    def put(
        self,
        kind: str,
        realm: str,
        key: str,
        value: bytes,
        *,
        expires_at: float | None = None,
        owner: str | None = None,
    ) -> None:
        """Write a record, in place of any that has the same kind, realm and key."""

    def delete(self, kind: str, realm: str, key: str) -> bool:
        """Remove a live record; false if there is none."""

    def append(self, realm: str, event: EventRow) -> None:
        """Write an event after all others."""

    def remove_expired(self, limit: int) -> int:
        """Remove at most that many expired records, the oldest first; return how many."""

    def remove_events(self, *, before: float, limit: int) -> int:
        """Remove at most that many events older than `before`, the oldest first; return how many."""


class Kernel(Records, Protocol):
    """An embedded store, beneath its verbs."""

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` atomically; what it wrote is as durable as this kernel makes anything when this returns.

        An exception of `work` undoes its writes and is raised here. `work` may run on another thread, so it touches
        nothing but its transaction. A caller that is cancelled meanwhile does not know whether it happened.
        """

    async def close(self) -> None:
        """Finish every transaction that was begun, then let go of everything."""
