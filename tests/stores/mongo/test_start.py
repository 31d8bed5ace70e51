"""What is found out before anything is served: the server, its schema, and that no password is ever said."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from pymongo import AsyncMongoClient, ReadPreference

from idp.ports import StoreUnavailableError
from idp.stores.kernel import SchemaTooNewError
from idp.stores.mongo import schema
from idp.stores.mongo.connection import MAJORITY, SETTLED, connect
from idp.stores.mongo.documents import COLLECTIONS, EVENTS, SCHEMA, Document
from idp.stores.mongo.place import MongoPlace
from tests.stores.mongodb import MongoServer, dropped, fresh_url

pytestmark = pytest.mark.anyio

PASSWORD = "correct-horse"


async def test_nodes_that_start_at_once_make_one_schema() -> None:
    async with dropped(fresh_url()) as url:
        places = await asyncio.gather(*(MongoPlace.open(url, serving=True) for _ in range(5)))
        database = places[0].connection.database
        assert await database[SCHEMA].find().to_list() == [{"_id": "version", "version": len(schema.MIGRATIONS)}]
        assert set(await database.list_collection_names()) == {*COLLECTIONS, EVENTS, SCHEMA}
        for place in places:
            await place.close()


async def test_an_index_that_somebody_dropped_is_made_again_at_the_next_start() -> None:
    async with dropped(fresh_url()) as url:
        place = await MongoPlace.open(url, serving=True)
        await place.connection.database["users"].drop_index(schema.BY_OWNER)
        await place.close()
        place = await MongoPlace.open(url, serving=True)
        assert schema.BY_OWNER in await place.connection.database["users"].index_information()
        await place.close()


async def test_a_newer_schema_is_refused_and_left_alone() -> None:
    async with dropped(fresh_url()) as url:
        await (await MongoPlace.open(url, serving=True)).close()
        client: AsyncMongoClient[Document] = AsyncMongoClient(url)
        versions = client.get_default_database()[SCHEMA]
        await versions.update_one({"_id": "version"}, {"$inc": {"version": 1}})
        for serving in (True, False):
            with pytest.raises(SchemaTooNewError, match="run the newer version"):
                await MongoPlace.open(url, serving=serving)
        await client.close()


async def test_beside_a_server_nothing_is_made() -> None:
    async with dropped(fresh_url()) as url:
        with pytest.raises(StoreUnavailableError, match="start this version's server first"):
            await MongoPlace.open(url, serving=False)
        connection = connect(url)
        assert await connection.database.list_collection_names() == []
        await connection.client.close()


async def test_a_migration_goes_on_where_a_node_that_died_left_it() -> None:
    done: list[int] = []

    async def second(_: object) -> None:
        done.append(2)

    async with dropped(fresh_url()) as url:
        await (await MongoPlace.open(url, serving=True)).close()
        connection = connect(url)
        migrations = (*schema.MIGRATIONS, second)
        await connection.database[SCHEMA].insert_one({"_id": "migration"})  # by whoever died
        await schema.prepare(connection, serving=True, migrations=migrations, patience=2)
        await schema.prepare(connection, serving=True, migrations=migrations)
        assert done == [2]
        assert await connection.database[SCHEMA].find().to_list() == [{"_id": "version", "version": 2}]
        await connection.client.close()


async def test_a_server_without_a_replica_set_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = MongoServer(tmp_path_factory.mktemp("standalone"), "--standalone")
    try:
        url = f"mongodb://127.0.0.1:{server.port}/hyrja"
        with pytest.raises(StoreUnavailableError, match=r"without a replica set.*--replSet"):
            await MongoPlace.open(url, serving=True)
    finally:
        server.kill()


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://hyrja:{PASSWORD}@127.0.0.1:1/hyrja?serverSelectionTimeoutMS=50",  # nobody there
        f"mongodb://hyrja:{PASSWORD}@127.0.0.1/",  # no database
        f"mongodb://hyrja:{PASSWORD}@127.0.0.1:port/hyrja",
        f"mongodb://hyrja:{PASSWORD}@/hyrja",
        f"mongodb://hyrja:{PASSWORD}@h/hyrja?timeoutMS={PASSWORD}",
        f"mongodb://h/hyrja?authMechanism={PASSWORD}",
        f"postgres://hyrja:{PASSWORD}@h/hyrja",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_no_message_says_the_password(url: str) -> None:
    with pytest.raises(StoreUnavailableError) as refused:
        await MongoPlace.open(url, serving=True)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "wanted", ["secondary", "secondaryPreferred", "nearest&readConcernLevel=local&w=1&journal=false"]
)
async def test_the_primary_is_asked_whatever_the_address_says(wanted: str) -> None:
    connection = connect(f"mongodb://127.0.0.1:1/hyrja?replicaSet=rs&readPreference={wanted}")
    assert connection.database.read_preference == connection.client.read_preference == ReadPreference.PRIMARY
    assert (connection.database.read_concern, connection.database.write_concern) == (SETTLED, MAJORITY)
    await connection.client.close()
