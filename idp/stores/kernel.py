"""What a store must be able to do: read, and run a small function atomically.

Every verb of the ports is written once, as a pure function of a `Transaction`; a kernel decides only where the records
lie, and what makes a transaction one: a lock (memory, SQLite), or a comparison at its end (MongoDB, Redis). A kernel
serves one event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from idp.model.struct import Frozen
from idp.ports import PartHealth, StoreUnavailableError

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


class Transaction(Protocol):
    """Reads and writes that happen together or not at all, with nobody in between.

    It reads single records only: a range could not be compared at the end of an optimistic transaction, and what
    somebody adds to it meanwhile would go unseen.
    """

    @property
    def now(self) -> float:
        """The moment this transaction lives in (epoch seconds); every expiry in it is judged by this."""

    def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one record, unless it expired."""

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


class Kernel(Protocol):
    """A store, beneath its verbs. An expired record does not exist for any of these."""

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one record."""

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every record of an owner, by key."""

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every record of a kind, by key."""

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        """Return the first records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` atomically; what it wrote is as durable as this kernel makes anything when this returns.

        An exception of `work` undoes its writes and is raised here. `work` may run on another thread, and more than
        once if others were faster, so it touches nothing but its transaction. A caller that is cancelled meanwhile does
        not know whether it happened.
        """

    def together(self) -> AbstractAsyncContextManager[None]:
        """Return a block inside which `transact` may return before what it wrote is durable; at its end all is."""

    async def settled(self) -> None:
        """Wait until everything is durable that the block around has written so far; without one, all of it is."""

    async def sweep(self, *, events_before: float, limit: int) -> int:
        """Remove at most `limit` expired records, and as many events older than that, the oldest first; count both."""

    def forgot_at(self, kind: str) -> float:
        """Return the moment before which records of a kind may have been forgotten before their time; 0 if never.

        To be asked after a transaction: what was written before this kernel knew that it forgot is not acknowledged.
        """

    async def health(self) -> Sequence[PartHealth]:
        """Ask every part whether it serves; never raises, and never waits long."""

    async def close(self) -> None:
        """Finish every transaction that was begun, then let go of everything."""
