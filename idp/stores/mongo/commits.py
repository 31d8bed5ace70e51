"""Writing what a transaction wants if everything that it read is still so: a filter on the stamp, in every operation.

One record is one command. Several are a multi-document transaction, in which what was read and is not written is
touched: MongoDB's transactions notice only that two write the same document, not that one read what another wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

import pymongo
from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConnectionFailure, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from idp.model.struct import Frozen
from idp.stores.mongo.connection import MAJORITY, Connection, ambiguous
from idp.stores.mongo.documents import (
    EVENTS,
    Document,
    collection_of,
    document_of,
    event_of,
    name_of,
    stamped_of,
)
from idp.stores.optimistic import Commit, RecordKey, Stamped

_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.256
"""Seconds before a transaction is run again that another one crossed, twice as many after each time."""

_TRIES: Final = 30

_LOOK: Final = 1.0
"""Seconds in which it must be found out whether a write happened whose answer was lost."""

_LEAST: Final = 0.001
_COMMIT_AGAIN: Final = 3
_UNKNOWN_COMMIT: Final = "UnknownTransactionCommitResult"
_CROSSED: Final = "TransientTransactionError"
_SNAPSHOT: Final = ReadConcern("snapshot")


class Step(Frozen, frozen=True, kw_only=True):
    """One record of a commit."""

    key: RecordKey
    compared: bool
    """Whether `expected` counts."""
    expected: bytes | None = None
    """The stamp that the record must have; None: there must be none."""
    writes: bool
    """Whether `record` is to be written."""
    record: Stamped | None = None
    """What is written; None removes it."""

    @property
    def takes_two(self) -> bool:
        """Tell whether one command cannot do it: see that there is none, and leave it so."""
        return self.compared and self.expected is None and self.record is None


def steps_of(commit: Commit) -> Sequence[Step]:
    """Return the steps of a commit, in an order that is the same for all: who comes second finds out at once."""
    return [
        Step(
            key=key,
            compared=key in commit.expected,
            expected=commit.expected.get(key),
            writes=key in commit.writes,
            record=commit.writes.get(key),
        )
        for key in sorted({*commit.expected, *commit.writes})
    ]


class Comparison:
    """One commit, from the comparison to the certainty that it happened."""

    def __init__(self, connection: Connection, commit: Commit, *, turn: asyncio.Lock) -> None:
        """`turn` is for those of this process whose transactions were crossed: they do not cross each other."""
        self._turn = turn
        self._client = connection.client
        self._database = connection.database
        self._commit = commit
        self._steps = steps_of(commit)
        self._events = [event_of(realm, row) for realm, row in commit.events]

    async def outcome(self) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it and return None, or write nothing and return what is there.

        Raises `PyMongoError`: nothing was written, or nobody knows.
        """
        if not self._events and not self._commit.writes:
            return await self._as_expected()
        try:
            written = await self._written()
        except PyMongoError as error:
            if ambiguous(error) and await self._happened():
                return None
            raise
        if written:
            return None
        there = await self._there(settled=False)
        # The driver sends a write again whose answer was lost, and the second time it does not fit: it is our own.
        return None if self._is_ours(there) else there

    async def _written(self) -> bool:
        if not self._steps and len(self._events) == 1:
            return await self._recorded()
        if len(self._steps) == 1 and not self._events and not self._steps[0].takes_two:
            return await self._applied(self._steps[0], None)
        return await self._together()

    async def _recorded(self) -> bool:
        try:
            await self._database[EVENTS].insert_one(self._events[0])
        except DuplicateKeyError:  # sent again, and the first one had arrived: nobody else draws this id
            return True
        return True

    async def _together(self) -> bool:
        allowed = self._client.options.timeout
        until = None if allowed is None else _present() + allowed
        lost, pause = 0, _PAUSE
        async with AsyncExitStack() as turn:
            for number in range(_TRIES):
                try:
                    return await self._transaction(until)
                except PyMongoError as error:
                    lost += isinstance(error, ConnectionFailure)
                    if not error.has_error_label(_CROSSED) or lost > 1 or number == _TRIES - 1:
                        raise
                if await self._overtaken():
                    return False
                if number == 0:
                    await turn.enter_async_context(self._turn)
                await asyncio.sleep(pause * self._jitter())
                pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError("the last round returns or raises")

    async def _overtaken(self) -> bool:
        """Tell whether it cannot succeed any more: cheaper than to find out by another transaction."""
        there = await self._there(settled=False)
        return any(
            (None if record is None else record.stamp) != self._commit.expected[key] for key, record in there.items()
        )

    async def _transaction(self, until: float | None) -> bool:
        session = self._client.start_session()
        try:
            with pymongo.timeout(None if until is None else max(until - _present(), _LEAST)):
                await session.start_transaction(read_concern=_SNAPSHOT, write_concern=MAJORITY)
                return await self._all_applied(session)
        finally:
            # With time of its own: what nobody ends would hold its documents for a minute.
            with pymongo.timeout(_LOOK):
                await session.end_session()

    async def _all_applied(self, session: AsyncClientSession) -> bool:
        for step in self._steps:
            if not await self._applied(step, session):
                return False
        if self._events:
            await self._database[EVENTS].insert_many(self._events, session=session)
        await _committed(session)
        return True

    async def _applied(self, step: Step, session: AsyncClientSession | None) -> bool:
        """Do one step; false if the record is not what it was."""
        collection = self._collection(step)
        name = name_of(step.key)
        if not step.compared:
            await self._blindly(step, session)
            return True
        if step.expected is None:
            return await self._where_none_is(step, session)
        same = {"_id": name, "stamp": Binary(step.expected)}
        if not step.writes:
            touched = await collection.update_one(same, {"$inc": {"touched": 1}}, session=session)
            return touched.matched_count == 1
        if step.record is None:
            return (await collection.delete_one(same, session=session)).deleted_count == 1
        replaced = await collection.replace_one(same, document_of(step.key, step.record), session=session)
        return replaced.matched_count == 1

    async def _where_none_is(self, step: Step, session: AsyncClientSession | None) -> bool:
        collection = self._collection(step)
        # What is not there cannot be touched: it is put there and taken away again, which whoever adds it runs into.
        mark = Stamped(stamp=b"", value=b"") if step.record is None else step.record
        try:
            await collection.insert_one(document_of(step.key, mark), session=session)
        except DuplicateKeyError:
            return False
        if step.record is None:
            await collection.delete_one({"_id": name_of(step.key)}, session=session)
        return True

    async def _blindly(self, step: Step, session: AsyncClientSession | None) -> None:
        collection = self._collection(step)
        named = {"_id": name_of(step.key)}
        if step.record is None:
            await collection.delete_one(named, session=session)
        else:
            await collection.replace_one(named, document_of(step.key, step.record), upsert=True, session=session)

    async def _as_expected(self) -> Mapping[RecordKey, Stamped | None] | None:
        """Compare only. Several records must have been so at one moment."""
        there = await self._there(settled=True)
        stamps = {key: None if record is None else record.stamp for key, record in there.items()}
        return None if stamps == self._commit.expected else there

    async def _there(self, *, settled: bool) -> Mapping[RecordKey, Stamped | None]:
        """Return what is there of every expected record.

        Before a write it is what the primary has, even if the others do not have it yet: on what they have, the write
        would only fail again. It is acknowledged after what it builds on.
        """
        keys = list(self._commit.expected)
        if len(keys) == 1 or not settled:
            return {key: await self._found(key, None, settled=settled) for key in keys}
        async with self._client.start_session() as session:
            await session.start_transaction(read_concern=_SNAPSHOT, write_concern=MAJORITY)
            there = {key: await self._found(key, session, settled=settled) for key in keys}
            await session.commit_transaction()
        return there

    async def _found(self, key: RecordKey, session: AsyncClientSession | None, *, settled: bool) -> Stamped | None:
        collection = self._database[collection_of(key.kind)]
        if not settled:
            collection = collection.with_options(read_concern=ReadConcern("local"))
        found = await collection.find_one({"_id": name_of(key)}, session=session)
        return None if found is None else stamped_of(found)

    def _is_ours(self, there: Mapping[RecordKey, Stamped | None]) -> bool:
        return any(
            record is not None and step.record is not None and record.stamp == step.record.stamp
            for step in self._steps
            for record in [there.get(step.key)]
        )

    async def _happened(self) -> bool:
        """Look whether a write whose answer was lost is there, on most members: a stamp and an id are nobody else's."""
        with pymongo.timeout(_LOOK):
            for step in self._steps:
                if step.record is not None:
                    found = await self._found(step.key, None, settled=True)
                    return found is not None and found.stamp == step.record.stamp
            for event in self._events:
                return await self._database[EVENTS].find_one({"_id": event["_id"]}) is not None
        return False

    def _collection(self, step: Step) -> AsyncCollection[Document]:
        return self._database[collection_of(step.key.kind)]

    def _jitter(self) -> float:
        """Return a number from ½ to 1½ that is another one for each commit, so that two do not meet again and again."""
        stamps = [step.record.stamp for step in self._steps if step.record is not None]
        return 0.5 + (stamps[0][0] / 256 if stamps else 0.5)


def _present() -> float:
    return asyncio.get_running_loop().time()


async def _committed(session: AsyncClientSession) -> None:
    """Commit; where the answer is lost, ask again: a commit that happened is not done twice."""
    for left in range(_COMMIT_AGAIN, -1, -1):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not left or error.timeout or not error.has_error_label(_UNKNOWN_COMMIT):
                raise
        else:
            return
