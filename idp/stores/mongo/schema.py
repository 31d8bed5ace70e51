"""What must be there before a record is written: a replica set, the indexes, a schema that this program knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from idp.ports import StoreUnavailableError
from idp.stores.kernel import SchemaTooNewError
from idp.stores.mongo.connection import Connection
from idp.stores.mongo.documents import COLLECTIONS, EVENTS, SCHEMA, Document

Migration = Callable[[AsyncDatabase[Document]], Awaitable[object]]
WhenNew = Callable[[Connection], Awaitable[object]]

BY_NAME: Final = "_id_"
BY_OWNER: Final = "by_owner"
BY_EXPIRY: Final = "by_expiry"
BY_REALM: Final = "by_realm"
BY_TRANSACTION: Final = "by_transaction"
BY_USER: Final = "by_user"
BY_TIME: Final = "by_time"

_VERSION: Final = "version"
_MARK: Final = "migration"
_FIRST_MEMORY: Final = "first-memory"
_FIRST_LOOK: Final = 0.05
_LOOKS: Final = 8
"""How often a node looks whether another one is done, twice as long after each look: 13 seconds together."""


def _there(field: str) -> Mapping[str, object]:
    return {field: {"$exists": True}}


def _ordered(*fields: str) -> Sequence[tuple[str, int]]:
    return [*((field, 1) for field in fields), ("order", -1), ("_id", -1)]


RECORD_INDEXES: Final = (
    IndexModel(
        [("kind", 1), ("realm", 1), ("owner", 1), ("_id", 1)],
        name=BY_OWNER,
        partialFilterExpression=_there("owner"),
    ),
    IndexModel([("expires_at", 1)], name=BY_EXPIRY, partialFilterExpression=_there("expires_at")),
)
EVENT_INDEXES: Final = (
    IndexModel(_ordered("realm"), name=BY_REALM),
    IndexModel(_ordered("realm", "transaction_id"), name=BY_TRANSACTION),
    IndexModel(_ordered("realm", "user_id"), name=BY_USER, partialFilterExpression=_there("user_id")),
    IndexModel([("at", 1)], name=BY_TIME),
)


async def create_indexes(database: AsyncDatabase[Document]) -> None:
    """Make every index that is not there."""
    for collection in COLLECTIONS:
        await database[collection].create_indexes(list(RECORD_INDEXES))
    await database[EVENTS].create_indexes(list(EVENT_INDEXES))


MIGRATIONS: Final[tuple[Migration, ...]] = (create_indexes,)
"""The schema's history; only ever append to this.

Each can be run again and beside itself without harm: several nodes start at once, and one may die in the middle. Nodes
of the version before still serve meanwhile: nothing that they need is taken away.
"""


async def refuse_standalone(connection: Connection) -> None:
    """Refuse a server that has no transactions and no change streams."""
    hello: Mapping[str, Any] = await connection.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StoreUnavailableError(
            f"{connection.where} is a single server without a replica set, which has no transactions: start it with "
            "--replSet and run rs.initiate() once, one member is enough to try things out."
        )


async def prepare(
    connection: Connection,
    *,
    serving: bool,
    migrations: Sequence[Migration] = MIGRATIONS,
    patience: int = _LOOKS,
    when_new: WhenNew | None = None,
) -> None:
    """Bring the schema up to date, or refuse it before anything is changed. Beside a server it is only looked at.

    `when_new` is awaited where there was no store, before the schema says that there is one: other nodes wait for it.
    """
    version = await _version(connection)
    if version > len(migrations):
        raise SchemaTooNewError(
            f"{connection.where} has the schema {version}, and this version of the program knows up to "
            f"{len(migrations)}: run the newer version, or restore a backup made before it."
        )
    if version < len(migrations) and not serving:
        raise StoreUnavailableError(
            f"{connection.where} has no store of this version yet: start this version's server first."
        )
    if version < len(migrations):
        await _migrate(connection, migrations, patience, when_new)
    elif serving:  # every search names its index: without it, it fails rather than walk through ten million users
        await create_indexes(connection.database)


async def is_first_memory(connection: Connection) -> bool:
    """Tell that nobody can have served from this store before: true once in its life, and only while it is empty."""
    database = connection.database
    for collection in (*COLLECTIONS, EVENTS):
        if await database[collection].find_one({}, ["_id"]) is not None:
            return False
    try:
        await database[SCHEMA].insert_one({"_id": _FIRST_MEMORY})
    except DuplicateKeyError:
        return False
    return True


async def _migrate(
    connection: Connection, migrations: Sequence[Migration], patience: int, when_new: WhenNew | None
) -> None:
    """Migrate, one node at a time; if the one that began is gone, whoever waits goes on from where it was."""
    waiting = _FIRST_LOOK
    for look in range(patience + 1):
        version = await _version(connection)
        if version >= len(migrations):
            return
        if look == patience or await _begun(connection, version):
            try:
                if version == 0 and when_new is not None:
                    await when_new(connection)
                await _advance(connection, migrations, version)
            finally:
                await connection.database[SCHEMA].delete_one({"_id": _MARK})
            return
        await asyncio.sleep(waiting)
        waiting *= 2


async def _version(connection: Connection) -> int:
    found = await connection.database[SCHEMA].find_one({"_id": _VERSION})
    return 0 if found is None else int(found["version"])


async def _advance(connection: Connection, migrations: Sequence[Migration], version: int) -> None:
    for number in range(version, len(migrations)):
        await migrations[number](connection.database)
        await _reached(connection, number + 1)


async def _begun(connection: Connection, version: int) -> bool:
    """Tell whether this node is the first to migrate from `version`."""
    try:
        await connection.database[SCHEMA].insert_one({"_id": _MARK, "from": version})
    except DuplicateKeyError:
        return False
    return True


async def _reached(connection: Connection, version: int) -> None:
    """Note a version, unless somebody was further."""
    versions = connection.database[SCHEMA]
    try:
        lower = {"_id": _VERSION, "version": {"$lt": version}}
        await versions.update_one(lower, {"$set": {"version": version}}, upsert=True)
    except DuplicateKeyError:  # there is one, and it is not lower
        return
