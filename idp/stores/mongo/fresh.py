"""What is read often is answered from this process's memory, as long as MongoDB itself says what has changed.

A change stream tells of every change that most members have; while nothing changes it says that, too, four times a
second. Only while it does is anything answered from here: what somebody else wrote is seen after `STALE` seconds at the
latest, and a node that is cut off asks the server, which refuses. Writes are compared in the server in any case.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pymongo.errors import PyMongoError

from idp.ports import PartHealth
from idp.stores.mongo.connection import Connection
from idp.stores.mongo.documents import collection_of, name_of
from idp.stores.optimistic import Commit, Place, RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord, Portion

STALE: Final = 0.9
"""Seconds after which an answer from memory is no longer given: counted from the last question to the stream that was
answered. What was written before that question is known."""

KEPT: Final = 10_000
"""How many records are kept; also that there is none of a name."""

_LARGEST: Final = 16 * 1024
_WAIT: Final = 250
"""Milliseconds that the server waits for a change before it says that there was none."""

_BATCH: Final = 1000
_HUNG: Final = 2.0
_PAUSE: Final = 0.2

# What is read in every request and seldom changes. Never what is counted or taken: attempts, locks, counters, families
# of refresh tokens and marks of first use are asked of the server each time (docs/decisions/0040).
_KINDS: Final = frozenset(
    {
        "user",
        "username",
        "identity",
        "user-session",
        "latest-realm-publication",
        "secret-revision",
        "registered-client",
        "registered-client-revision",
        "first-use/revoked-token",
    }
)
_WATCHED: Final = sorted({collection_of(kind) for kind in _KINDS})
_ONE_RECORD: Final = frozenset({"insert", "update", "replace", "delete"})


class _Fetch:
    """A read under way; what it brings is not kept if the record changed meanwhile."""

    __slots__ = ("readers", "spoilt")

    def __init__(self) -> None:
        self.readers = 0
        self.spoilt = False


class Memory:
    """What was read, by name, and which reads are under way. Knows nothing of the server."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._records: OrderedDict[str, Stamped | None] = OrderedDict()
        self._fetches: dict[str, _Fetch] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def __getitem__(self, name: str) -> Stamped | None:
        self._records.move_to_end(name)
        return self._records[name]

    def begin(self, name: str) -> _Fetch:
        """Note that a record is being read."""
        fetch = self._fetches.setdefault(name, _Fetch())
        fetch.readers += 1
        return fetch

    def end(self, name: str, fetch: _Fetch) -> None:
        """Note that the reading is over, however it ended."""
        fetch.readers -= 1
        if not fetch.readers and self._fetches.get(name) is fetch:
            del self._fetches[name]

    def keep(self, name: str, found: Stamped | None, fetch: _Fetch) -> None:
        """Keep what was read, unless it may be older than a change that was told already."""
        if fetch.spoilt or (found is not None and len(found.value) > _LARGEST):
            return
        self._records[name] = found
        self._records.move_to_end(name)
        while len(self._records) > self._most:
            self._records.popitem(last=False)

    def drop(self, name: str) -> None:
        """Forget a record that changed."""
        self._records.pop(name, None)
        fetch = self._fetches.pop(name, None)
        if fetch is not None:
            fetch.spoilt = True

    def clear(self) -> None:
        """Forget everything."""
        for fetch in self._fetches.values():
            fetch.spoilt = True
        self._fetches.clear()
        self._records.clear()


class FreshPlace:
    """Implements `idp.stores.optimistic.Place` by another one, whose records it remembers."""

    def __init__(self, place: Place, follower: Connection) -> None:
        """`follower` is a connection that waits (`idp.stores.mongo.connection`); it is closed with the place."""
        self._place = place
        self._follower = follower
        self._memory = Memory()
        self._heard_at = 0.0
        self._closed = False
        self._following = asyncio.create_task(self._follow_for_ever())

    @property
    def fresh(self) -> bool:
        """Tell whether the stream has spoken just now."""
        return self._heard_at + STALE > _present()

    async def get(self, key: RecordKey) -> Stamped | None:
        """Return a record, expired or not."""
        if key.kind not in _KINDS or not self.fresh:
            return await self._place.get(key)
        name, memory = name_of(key), self._memory
        if name in memory:
            return memory[name]
        fetch = memory.begin(name)
        try:
            found = await self._place.get(key)
            memory.keep(name, found, fetch)
        finally:
            memory.end(name, fetch)
        return found

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        return await self._place.owned(kind, realm, owner, now=now)

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        """Return the first live records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""
        return await self._place.page(kind, realm, prefix=prefix, after=after, limit=limit, now=now)

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        return await self._place.recent(realm, limit=limit, transaction_id=transaction_id)

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there."""
        return await self._place.records(after=after, limit=limit)

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return the events."""
        return await self._place.events(after=after, limit=limit)

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it, or say what is there. What this process wrote it sees at once, however it ended.

        So it does what it was just told to be otherwise: whoever compares in vain and looks again must not be shown the
        same once more.
        """
        there: Mapping[RecordKey, Stamped | None] | None = None
        try:
            there = await self._place.commit(commit)
        finally:
            for key in (*commit.writes, *(there or ())):
                self._memory.drop(name_of(key))
        return there

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        """Remove what expired."""
        return await self._place.sweep(now=now, events_before=events_before, limit=limit)

    async def health(self) -> Sequence[PartHealth]:
        """Ask whether it serves."""
        return await self._place.health()

    async def close(self) -> None:
        """Stop following, and let go of everything."""
        self._closed = True  # a time-out that comes with the cancellation would hide it
        self._following.cancel()
        await asyncio.wait([self._following], timeout=_HUNG)
        await self._follower.client.close()
        await self._place.close()

    async def _follow_for_ever(self) -> None:
        while not self._closed:
            with suppress(PyMongoError, TimeoutError):
                await self._follow()
            self._heard_at = 0.0
            self._memory.clear()
            await asyncio.sleep(_PAUSE)

    async def _follow(self) -> None:
        """Follow one stream until it breaks. Whatever happens after it was opened is told in it."""
        database = self._follower.database
        pipeline = [
            {"$changeStream": {}},
            {"$match": {"$or": [{"ns.coll": {"$in": _WATCHED}}, {"operationType": {"$nin": sorted(_ONE_RECORD)}}]}},
            {"$project": {"operationType": 1, "documentKey": 1}},
        ]
        async with self._follower.client.start_session() as session:
            begin = {"aggregate": 1, "pipeline": pipeline, "cursor": {"batchSize": 0}}
            async with asyncio.timeout(_HUNG):
                opened = await database.command(begin, session=session)
            self._memory.clear()
            cursor = opened["cursor"]["id"]
            while cursor:
                more = {"getMore": cursor, "collection": "$cmd.aggregate", "batchSize": _BATCH, "maxTimeMS": _WAIT}
                asked_at = _present()
                async with asyncio.timeout(_HUNG):
                    answer = await database.command(more, session=session)
                cursor = answer["cursor"]["id"]
                self._heard(answer["cursor"]["nextBatch"], asked_at)

    def _heard(self, changes: Sequence[Mapping[str, Any]], asked_at: float) -> None:
        for change in changes:
            if change["operationType"] in _ONE_RECORD:
                self._memory.drop(str(change["documentKey"]["_id"]))
            else:  # a collection was dropped or renamed, perhaps to restore a backup
                self._memory.clear()
        if len(changes) < _BATCH:  # there was no more to tell when the server answered
            # When it was asked, not when the answer came: that may have been under way for as long as it liked, or
            # have waited for a process that was stopped.
            self._heard_at = asked_at


def _present() -> float:
    return asyncio.get_running_loop().time()
