"""The place of what must survive: `idp.stores.optimistic.Place` in a MongoDB replica set."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, Self

import msgspec
import pymongo
from bson.datetime_ms import DatetimeMS
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from idp.ports import Clock, PartHealth, StoreUnavailableError
from idp.stores.mongo import schema
from idp.stores.mongo.commits import Comparison
from idp.stores.mongo.connection import Connection, connect
from idp.stores.mongo.documents import (
    COLLECTIONS,
    EVENTS,
    LAST,
    collection_of,
    kept_event_of,
    moment,
    name_of,
    record_of,
    shelf_prefix,
    stamped_of,
)
from idp.stores.mongo.schema import BY_EXPIRY, BY_NAME, BY_OWNER, BY_REALM, BY_TIME, BY_TRANSACTION, WhenNew
from idp.stores.optimistic import HEALTHY_WITHIN, Commit, RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord, Portion

KEPT_AFTER: Final = 300
"""Seconds for which an expired record is kept: clocks differ, and a node that is late must not miss a mark of use."""

_FIRST: Final = "0" * 24
"""An ObjectId before all others."""

_EventPlace = tuple[str, int, int, str]


class MongoPlace:
    """Implements `idp.stores.optimistic.Place`. Made by `MongoPlace.open`.

    Without a `clock` it does not say how far the server's is from it.
    """

    def __init__(self, connection: Connection, *, clock: Clock | None = None) -> None:
        self.connection = connection
        self._clock = clock
        self._database = connection.database
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls, url: str, *, serving: bool, clock: Clock | None = None, when_new: WhenNew | None = None
    ) -> Self:
        """Connect, and look whether this server and its schema can be used.

        Who serves makes the indexes and brings the schema up to date; the command line beside it only looks.
        `when_new`: see `idp.stores.mongo.schema.prepare`.

        Raises:
            StoreUnavailableError: with what to do; `SchemaTooNewError` is a kind of it.

        """
        connection = connect(url)
        try:
            with connection.asking():
                await schema.refuse_standalone(connection)
                await schema.prepare(connection, serving=serving, when_new=when_new)
        except BaseException:
            await connection.client.close()
            raise
        return cls(connection, clock=clock)

    async def get(self, key: RecordKey) -> Stamped | None:
        """Return a record, expired or not."""
        with self.connection.asking():
            found = await self._database[collection_of(key.kind)].find_one({"_id": name_of(key)})
        return None if found is None else stamped_of(found)

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        asked = {"kind": kind, "realm": realm, "owner": owner, "expires_at": _live(now)}
        with self.connection.asking():
            found = self._database[collection_of(kind)].find(asked, ["value"]).sort("_id").hint(BY_OWNER)
            return [bytes(document["value"]) async for document in found]

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        """Return the first live records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""
        if limit == 0:  # which MongoDB reads as: all of them
            return {}
        shelf = shelf_prefix(kind, realm)
        begin = {"$gt": shelf + after} if after >= prefix and after else {"$gte": shelf + prefix}
        asked = {"_id": {**begin, "$lt": shelf + prefix + LAST}, "expires_at": _live(now)}
        with self.connection.asking():
            found = self._database[collection_of(kind)].find(asked, ["value"]).sort("_id").hint(BY_NAME)
            found = found if limit is None else found.limit(limit)
            return {document["_id"][len(shelf) :]: bytes(document["value"]) async for document in found}

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        if limit == 0:
            return []
        asked = {"realm": realm} if transaction_id is None else {"realm": realm, "transaction_id": transaction_id}
        with self.connection.asking():
            found = self._database[EVENTS].find(asked, ["value"]).sort([("order", -1), ("_id", -1)]).limit(limit)
            found = found.hint(BY_REALM if transaction_id is None else BY_TRANSACTION)
            return [bytes(document["value"]) async for document in found]

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there, one collection after the other."""
        collection, name = msgspec.json.decode(after, type=tuple[str, str]) if after else (COLLECTIONS[0], "")
        with self.connection.asking():
            found = self._database[collection].find({"_id": {"$gt": name}}).sort("_id").limit(limit).hint(BY_NAME)
            documents = [document async for document in found]
        items = [record_of(document) for document in documents]
        if len(items) == limit:
            return Portion(items=items, after=_place(collection, documents[-1]["_id"]))
        following = COLLECTIONS[COLLECTIONS.index(collection) + 1 :]
        return Portion(items=items, after=_place(following[0], "") if following else None)

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return the events of one realm after the other, in the order that the server gave them."""
        realm, seconds, number, last = msgspec.json.decode(after, type=_EventPlace) if after else ("", 0, 0, _FIRST)
        events, order = self._database[EVENTS], Timestamp(seconds, number)
        # By the name as well: a server that is no replica set's would give every event the same order.
        later = [{"order": {"$gt": order}}, {"order": order, "_id": {"$gt": ObjectId(last)}}]
        with self.connection.asking():
            found = events.find({"realm": realm, "$or": later}).sort([("order", 1), ("_id", 1)])
            documents = [document async for document in found.limit(limit).hint(BY_REALM)]
            items = [kept_event_of(document) for document in documents]
            if len(items) == limit:
                order = documents[-1]["order"]
                return Portion(items=items, after=_place(realm, order.time, order.inc, str(documents[-1]["_id"])))
            behind = events.find({"realm": {"$gt": realm}}, ["realm"]).sort("realm").limit(1).hint(BY_REALM)
            following = [document["realm"] async for document in behind]
        return Portion(items=items, after=_place(following[0], 0, 0, _FIRST) if following else None)

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it, and return None; or write nothing, and return what is there of every expected record."""
        with self.connection.asking():
            return await Comparison(self.connection, commit, turn=self._turn).outcome()

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        """Remove at most `limit` records that expired a while ago, and as many events older than that; count both."""
        until = moment(now - KEPT_AFTER)
        with self.connection.asking():
            found = await asyncio.gather(*(self._expired(name, until, limit) for name in COLLECTIONS))
            oldest = sorted(one for of_one in found for one in of_one)[:limit]
            removed = await asyncio.gather(
                *(self._removed(name, until, [one[2] for one in oldest if one[1] == name]) for name in COLLECTIONS)
            )
            return sum(removed) + await self._forget_events(moment(events_before), limit)

    async def health(self) -> Sequence[PartHealth]:
        """Ask the primary."""
        try:
            with self.connection.asking(), pymongo.timeout(HEALTHY_WITHIN):
                told = await self.connection.client.admin.command("hello")
        except StoreUnavailableError as error:
            return [PartHealth(part="mongodb", ok=False, reason=str(error))]
        ahead = None if self._clock is None else told["localTime"].replace(tzinfo=UTC).timestamp() - self._clock()
        return [PartHealth(part="mongodb", ok=True, clock_ahead=ahead)]

    async def close(self) -> None:
        """Let go of every connection."""
        await self.connection.client.close()

    async def _expired(self, collection: str, until: DatetimeMS, limit: int) -> Sequence[tuple[int, str, str]]:
        found = self._database[collection].find({"expires_at": {"$lte": until}}, ["expires_at"])
        found = found.sort("expires_at").limit(limit).hint(BY_EXPIRY)
        return [(int(document["expires_at"]), collection, document["_id"]) async for document in found]

    async def _removed(self, collection: str, until: DatetimeMS, names: Sequence[str]) -> int:
        if not names:
            return 0
        # Compared again: who writes a record anew between the two gives it another time.
        gone = await self._database[collection].delete_many({"_id": {"$in": names}, "expires_at": {"$lte": until}})
        return gone.deleted_count

    async def _forget_events(self, before: DatetimeMS, limit: int) -> int:
        events = self._database[EVENTS]
        found = events.find({"at": {"$lt": before}}, ["_id"]).sort("at").limit(limit).hint(BY_TIME)
        names = [document["_id"] async for document in found]
        return (await events.delete_many({"_id": {"$in": names}})).deleted_count if names else 0


def _place(*parts: str | int) -> str:
    return msgspec.json.encode(parts).decode()


def _live(now: float) -> Mapping[str, object]:
    return {"$not": {"$lte": moment(now)}}
