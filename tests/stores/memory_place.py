"""A place of `idp.stores.optimistic` in memory, where others come between at every opportunity."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from itertools import islice

from idp.ports import PartHealth
from idp.stores.kernel import EventRow
from idp.stores.optimistic import Commit, OptimisticKernel, Place, RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord, Portion
from idp.stores.records import KernelStore
from tests.fakes import FakeClock


class MemoryPlace:
    """Implements `idp.stores.optimistic.Place`."""

    def __init__(self) -> None:
        self._records: dict[RecordKey, Stamped] = {}
        self._events: list[tuple[str, EventRow]] = []
        self.commits = 0

    def copy(self) -> MemoryPlace:
        """Return another place with the records that are here now."""
        other = MemoryPlace()
        other._records |= self._records
        return other

    async def get(self, key: RecordKey) -> Stamped | None:
        found = self._records.get(key)
        await asyncio.sleep(0)
        return found

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        return [record.value for _, record in self._live(kind, realm, now) if record.owner == owner]

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        live = ((key, record.value) for key, record in self._live(kind, realm, now))
        return dict(islice((item for item in live if item[0].startswith(prefix) and item[0] > after), limit))

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        found = [row.value for of, row in self._events if of == realm and transaction_id in (None, row.transaction_id)]
        return found[::-1][:limit]

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        begin = int(after or 0)
        every = [
            KeptRecord(
                kind=name.kind,
                realm=name.realm,
                key=name.key,
                value=one.value,
                expires_at=one.expires_at,
                owner=one.owner,
            )
            for name, one in sorted(self._records.items(), key=lambda item: item[0])
        ]
        end = begin + limit
        return Portion(items=every[begin:end], after=str(end) if end < len(every) else None)

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        begin = int(after or 0)
        end = begin + limit
        items = [KeptEvent(realm=realm, row=row) for realm, row in self._events[begin:end]]
        return Portion(items=items, after=str(end) if end < len(self._events) else None)

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        await asyncio.sleep(0)
        self.commits += 1
        there = {name: self._records.get(name) for name in commit.expected}
        stamps = {name: None if record is None else record.stamp for name, record in there.items()}
        if stamps != commit.expected:
            await asyncio.sleep(0)
            return there
        for name, record in commit.writes.items():
            self._records.pop(name, None)
            if record is not None:
                self._records[name] = record
        self._events += commit.events
        await asyncio.sleep(0)
        return None

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        expired = [
            (r.expires_at, name) for name, r in self._records.items() if r.expires_at is not None and not r.live(now)
        ]
        for _, name in sorted(expired)[:limit]:
            del self._records[name]
        old = sorted(range(len(self._events)), key=lambda index: self._events[index][1].at)
        gone = [index for index in old if self._events[index][1].at < events_before][:limit]
        self._events = [row for index, row in enumerate(self._events) if index not in gone]
        return min(limit, len(expired)) + len(gone)

    async def health(self) -> Sequence[PartHealth]:
        return [PartHealth(part="memory", ok=True)]

    async def close(self) -> None:
        pass

    def _live(self, kind: str, realm: str, now: float) -> list[tuple[str, Stamped]]:
        return sorted(
            (name.key, record)
            for name, record in self._records.items()
            if (name.kind, name.realm) == (kind, realm) and record.live(now)
        )


def store_of(place: Place, clock: FakeClock) -> KernelStore:
    """Return one node's own view of the shared place: what it remembers having seen may be old."""
    kernel = OptimisticKernel(
        durable=place, brief=place, is_brief=lambda _: False, clock=clock, random=secrets.token_bytes
    )
    return KernelStore(kernel, clock)
