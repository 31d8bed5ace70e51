"""The kernel that keeps everything in memory: for tests and for trying things out. It forgets when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import islice
from typing import TypeVar

from idp.model.struct import Frozen
from idp.ports import Clock, PartHealth
from idp.stores.kernel import EventRow, Transaction
from idp.stores.portable import KeptEvent, KeptRecord, Portion

T = TypeVar("T")


class Record(Frozen, frozen=True, kw_only=True):
    """One record in memory."""

    value: bytes
    expires_at: float | None
    owner: str | None

    def live(self, now: float) -> bool:
        """Tell whether the record still exists at `now`."""
        return self.expires_at is None or self.expires_at > now


class Table:
    """All records and events, and the one way to change a record, which answers with what was there before."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Record]] = {}
        self.owned: dict[tuple[str, str, str], set[str]] = {}
        self.events: list[tuple[str, EventRow]] = []

    def set(self, kind: str, realm: str, key: str, record: Record | None) -> Record | None:
        """Put a record in its place, or remove the one that is there."""
        shelf = self.records.setdefault((kind, realm), {})
        previous = shelf.pop(key, None)
        if previous is not None and previous.owner is not None:
            self._disown((kind, realm, previous.owner), key)
        if record is not None:
            shelf[key] = record
        if record is not None and record.owner is not None:
            self.owned.setdefault((kind, realm, record.owner), set()).add(key)
        return previous

    def _disown(self, owner: tuple[str, str, str], key: str) -> None:
        keys = self.owned[owner]
        keys.discard(key)
        if not keys:
            del self.owned[owner]


class MemoryTransaction:
    """Implements `idp.stores.kernel.Transaction`; remembers how to undo itself."""

    def __init__(self, table: Table, now: float) -> None:
        self.now = now
        self._table = table
        self._undo: list[Callable[[], object]] = []

    def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        record = self._table.records.get((kind, realm), {}).get(key)
        return record.value if record is not None and record.live(self.now) else None

    def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        keys = sorted(self._table.owned.get((kind, realm, owner), ()))
        shelf = self._table.records.get((kind, realm), {})
        return [shelf[key].value for key in keys if shelf[key].live(self.now)]

    def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every live record of a kind, by key."""
        shelf = self._table.records.get((kind, realm), {})
        return {key: shelf[key].value for key in sorted(shelf) if shelf[key].live(self.now)}

    def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        found = (
            event.value
            for of_realm, event in reversed(self._table.events)
            if of_realm == realm and transaction_id in (None, event.transaction_id)
        )
        return [value for value, _ in zip(found, range(limit), strict=False)]

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
        """Write a record."""
        self._set(kind, realm, key, Record(value=value, expires_at=expires_at, owner=owner))

    def delete(self, kind: str, realm: str, key: str) -> bool:
        """Remove a live record."""
        if self.get(kind, realm, key) is None:
            return False
        self._set(kind, realm, key, None)
        return True

    def append(self, realm: str, event: EventRow) -> None:
        """Write an event after all others."""
        self._table.events.append((realm, event))
        self._undo.append(self._table.events.pop)

    def remove_expired(self, limit: int) -> int:
        """Remove at most that many expired records, the oldest first."""
        expired = [
            (record.expires_at, kind, realm, key)
            for (kind, realm), shelf in self._table.records.items()
            for key, record in shelf.items()
            if record.expires_at is not None and not record.live(self.now)
        ]
        for _, kind, realm, key in sorted(expired)[:limit]:
            self._set(kind, realm, key, None)
        return min(limit, len(expired))

    def remove_events(self, *, before: float, limit: int) -> int:
        """Remove at most that many events older than `before`, the oldest first."""
        events = self._table.events
        old = [index for index, (_, event) in enumerate(events) if event.at < before]
        gone = set(sorted(old, key=lambda index: events[index][1].at)[:limit])
        self._table.events = [row for index, row in enumerate(events) if index not in gone]
        self._undo.append(lambda: setattr(self._table, "events", events))
        return len(gone)

    def roll_back(self) -> None:
        """Undo every change, the last one first."""
        for undo in reversed(self._undo):
            undo()

    def _set(self, kind: str, realm: str, key: str, record: Record | None) -> None:
        previous = self._table.set(kind, realm, key, record)
        self._undo.append(lambda: self._table.set(kind, realm, key, previous))


class MemoryKernel:
    """Implements `idp.stores.portable.Portable`: nothing waits, so nobody ever comes between."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._table = Table()

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        return self._present().get(kind, realm, key)

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        return self._present().owned(kind, realm, owner)

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every live record of a kind, by key."""
        return self._present().every(kind, realm)

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        """Return the first live records whose keys begin with `prefix` and come behind `after`."""
        every = self._present().every(kind, realm).items()
        return dict(islice((item for item in every if item[0].startswith(prefix) and item[0] > after), limit))

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        return self._present().recent(realm, limit=limit, transaction_id=transaction_id)

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there, by kind, realm and key."""
        begin = int(after or 0)
        every = [
            KeptRecord(kind=kind, realm=realm, key=key, value=one.value, expires_at=one.expires_at, owner=one.owner)
            for (kind, realm), shelf in sorted(self._table.records.items())
            for key, one in sorted(shelf.items())
        ]
        end = begin + limit
        return Portion(items=every[begin:end], after=str(end) if end < len(every) else None)

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return events, the oldest first."""
        begin, every = int(after or 0), self._table.events
        end = begin + limit
        items = [KeptEvent(realm=realm, row=row) for realm, row in every[begin:end]]
        return Portion(items=items, after=str(end) if end < len(every) else None)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, and undo it if it fails."""
        transaction = self._present()
        try:
            return work(transaction)
        except BaseException:
            transaction.roll_back()
            raise

    def together(self) -> AbstractAsyncContextManager[None]:
        """Nothing here is durable, and nothing waits."""
        return nullcontext()

    async def settled(self) -> None:
        """Nothing waits."""

    async def sweep(self, *, events_before: float, limit: int) -> int:
        """Remove what expired, and old events."""
        transaction = self._present()
        return transaction.remove_expired(limit) + transaction.remove_events(before=events_before, limit=limit)

    def forgot_at(self, kind: str) -> float:
        """Return 0: what is here is forgotten when it expires, and not before."""
        del kind
        return 0.0

    async def health(self) -> Sequence[PartHealth]:
        """Memory serves."""
        return [PartHealth(part="memory", ok=True)]

    async def close(self) -> None:
        """Nothing is held."""

    def _present(self) -> MemoryTransaction:
        return MemoryTransaction(self._table, self._clock())
