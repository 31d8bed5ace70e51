"""Around the places where records lie: how long each call took, told to the observer. Nothing else is changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from idp.ports import Observer, PartHealth, StoreUnavailableError
from idp.stores.kernel import Kernel, Transaction
from idp.stores.optimistic import Commit, Place, RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord, Portion

T = TypeVar("T")


class _Watch:
    """Looks at the clock before and after a call to one part of the store."""

    __slots__ = ("_observer", "_part", "_timer")

    def __init__(self, part: str, observer: Observer, timer: Callable[[], float]) -> None:
        self._part = part
        self._observer = observer
        self._timer = timer

    async def __call__(self, verb: str, call: Awaitable[T]) -> T:
        timer = self._timer
        began, failed = timer(), False
        try:
            return await call
        except StoreUnavailableError:  # anything else is what a work decided, and was carried out
            failed = True
            raise
        finally:
            self._observer.round_trip(self._part, verb, timer() - began, failed=failed)


class ObservedKernel:
    """Implements `idp.stores.kernel.Kernel` by another one, which is one part of the store."""

    def __init__(self, kernel: Kernel, *, part: str, observer: Observer, timer: Callable[[], float]) -> None:
        self._kernel = kernel
        self._watch = _Watch(part, observer, timer)

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one record."""
        return await self._watch("get", self._kernel.get(kind, realm, key))

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every record of an owner, by key."""
        return await self._watch("owned", self._kernel.owned(kind, realm, owner))

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every record of a kind, by key."""
        return await self._watch("every", self._kernel.every(kind, realm))

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        """Return the first records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""
        return await self._watch("page", self._kernel.page(kind, realm, prefix=prefix, after=after, limit=limit))

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        return await self._watch("recent", self._kernel.recent(realm, limit=limit, transaction_id=transaction_id))

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` atomically."""
        return await self._watch("commit", self._kernel.transact(work))

    def together(self) -> AbstractAsyncContextManager[None]:
        """Return a block whose writes are durable when it ends."""
        return self._kernel.together()

    async def settled(self) -> None:
        """Wait until what the block around has written is durable."""
        await self._kernel.settled()

    async def sweep(self, *, events_before: float, limit: int) -> int:
        """Remove what expired."""
        return await self._watch("sweep", self._kernel.sweep(events_before=events_before, limit=limit))

    def forgot_at(self, kind: str) -> float:
        """Return the moment before which records of a kind may have been forgotten."""
        return self._kernel.forgot_at(kind)

    async def health(self) -> Sequence[PartHealth]:
        """Ask every part whether it serves."""
        return await self._kernel.health()

    async def close(self) -> None:
        """Finish every transaction that was begun, then let go of everything."""
        await self._kernel.close()


class ObservedPlace:
    """Implements `idp.stores.optimistic.Place` by another one."""

    def __init__(self, place: Place, *, part: str, observer: Observer, timer: Callable[[], float]) -> None:
        self._place = place
        self._watch = _Watch(part, observer, timer)

    async def get(self, key: RecordKey) -> Stamped | None:
        """Return a record, expired or not."""
        return await self._watch("get", self._place.get(key))

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        return await self._watch("owned", self._place.owned(kind, realm, owner, now=now))

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        """Return the first live records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""
        paging = self._place.page(kind, realm, prefix=prefix, after=after, limit=limit, now=now)
        return await self._watch("page", paging)

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        return await self._watch("recent", self._place.recent(realm, limit=limit, transaction_id=transaction_id))

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there."""
        return await self._watch("records", self._place.records(after=after, limit=limit))

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return events."""
        return await self._watch("events", self._place.events(after=after, limit=limit))

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it, or say what is there."""
        return await self._watch("commit", self._place.commit(commit))

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        """Remove what expired."""
        return await self._watch("sweep", self._place.sweep(now=now, events_before=events_before, limit=limit))

    async def health(self) -> Sequence[PartHealth]:
        """Ask whether it serves."""
        return await self._place.health()

    async def close(self) -> None:
        """Let go of everything."""
        await self._place.close()
