"""The store of MongoDB and Redis, as the settings open it."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from idp.ports import RealmStores, StoreUnavailableError
from idp.settings.tables import Store
from idp.stores.mongo.connection import connect
from idp.stores.mongo.documents import SCHEMA
from idp.stores.mongo.place import MongoPlace
from idp.stores.opening import open_store
from idp.stores.redis.place import RedisPlace
from tests.contracts.values import a_login, a_user
from tests.fakes import FakeClock
from tests.patience import PATIENCE
from tests.stores.mongodb import dropped, fresh_url
from tests.stores.redis_server import RedisServer, needs_redis, settled_place, shared_redis

pytestmark = [pytest.mark.anyio, needs_redis]


async def test_two_nodes_serve_from_one_store(clock: FakeClock, tmp_path: Path) -> None:
    redis = shared_redis()
    redis.empty()
    await (await settled_place(redis.url, clock)).close()
    url = tmp_path / "mongodb-url"
    async with dropped(fresh_url()) as mongodb:
        url.write_text(f"{mongodb}\n", encoding="utf-8")
        settings = Store(mongodb_url_file=str(url), redis_url=redis.url)
        one = await open_store(settings, clock=clock, use="serve")
        other = await open_store(settings, clock=clock, use="beside")
        await one.realm("bank").users.create(a_user())
        await one.realm("bank").authentication_sessions.create(a_login())
        assert await other.realm("bank").users.by_username("agim") == a_user()
        assert await other.realm("bank").authentication_sessions.get("tab-1") == a_login()
        assert [(part.part, part.ok) for part in await other.health()] == [("mongodb", True), ("redis", True)]
        await one.close()
        await other.close()


@asynccontextmanager
async def node(mongodb: str, clock: FakeClock) -> AsyncIterator[RealmStores]:
    """Yield the stores of a node that starts now."""
    store = await open_store(Store(mongodb_url=mongodb, redis_url=shared_redis().url), clock=clock, use="serve")
    try:
        yield store.realm("bank")
    finally:
        await store.close()


async def proof(stores: RealmStores, name: str, clock: FakeClock) -> bool:
    """Present a client's assertion that was made a moment ago."""
    return await stores.first_use.first_use("client-assertion", name, ttl=60, usable_since=int(clock()) - 5)


async def test_every_node_of_a_new_deployment_accepts_proofs_at_once_and_each_once(clock: FakeClock) -> None:
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb, node(mongodb, clock) as one, node(mongodb, clock) as other:
        assert await proof(one, "at once", clock)
        assert not await proof(other, "at once", clock)
        assert await proof(other, "another", clock)


async def test_nodes_that_make_a_deployment_at_the_same_moment_accept_proofs_at_once(clock: FakeClock) -> None:
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb, AsyncExitStack() as nodes:
        started = await asyncio.gather(*(nodes.enter_async_context(node(mongodb, clock)) for _ in range(3)))
        assert [await proof(each, "at once", clock) for each in started] == [True, False, False]


async def test_an_emptied_redis_is_taken_for_a_new_one_by_no_node_that_runs_or_starts(clock: FakeClock) -> None:
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb, node(mongodb, clock) as running:
        assert await proof(running, "used", clock)
        shared_redis().empty()
        async with node(mongodb, clock) as started:
            for each in (started, running):
                with pytest.raises(StoreUnavailableError, match="used before"):
                    await proof(each, "used", clock)


async def test_a_deployment_is_new_once_even_if_its_schema_is_made_again(clock: FakeClock) -> None:
    """Tried: whoever finds no version takes the store for new; then the proof is used twice."""
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb:
        async with node(mongodb, clock) as stores:
            assert await proof(stores, "used", clock)
        connection = connect(mongodb)
        await connection.database[SCHEMA].delete_one({"_id": "version"})
        await connection.client.close()
        shared_redis().empty()
        async with node(mongodb, clock) as stores:
            with pytest.raises(StoreUnavailableError, match="used before"):
                await proof(stores, "used", clock)


async def test_a_store_with_anything_in_it_is_not_new_whatever_became_of_its_schema(clock: FakeClock) -> None:
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb:
        async with node(mongodb, clock) as stores:
            await stores.users.create(a_user())
            assert await proof(stores, "used", clock)
        connection = connect(mongodb)
        await connection.database[SCHEMA].delete_many({})
        await connection.client.close()
        shared_redis().empty()
        async with node(mongodb, clock) as stores:
            with pytest.raises(StoreUnavailableError, match="used before"):
                await proof(stores, "used", clock)


async def test_a_new_mongodb_beside_a_redis_that_was_restarted_makes_nothing_usable_again(
    clock: FakeClock, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    try:
        async with dropped(fresh_url()) as former:
            store = await open_store(Store(mongodb_url=former, redis_url=redis.url), clock=clock, use="serve")
            assert await proof(store.realm("bank"), "used", clock)
            await store.close()
        redis.kill()
        redis.start()
        async with dropped(fresh_url()) as mongodb:
            store = await open_store(Store(mongodb_url=mongodb, redis_url=redis.url), clock=clock, use="serve")
            with pytest.raises(StoreUnavailableError, match="used before"):
                await proof(store.realm("bank"), "used", clock)
            await store.close()
    finally:
        redis.kill()


async def test_a_store_that_something_is_brought_into_is_not_new(clock: FakeClock) -> None:
    """What is brought may come from a backup, in which there are no marks of use."""
    shared_redis().empty()
    async with dropped(fresh_url()) as mongodb:
        settings = Store(mongodb_url=mongodb, redis_url=shared_redis().url)
        await (await open_store(settings, clock=clock, use="either")).close()
        async with node(mongodb, clock) as stores:
            with pytest.raises(StoreUnavailableError, match="used before"):
                await proof(stores, "used before the backup", clock)


async def test_each_part_says_how_far_its_clock_is_ahead_of_ours() -> None:
    behind = FakeClock(0.0)
    redis = RedisPlace(shared_redis().url, clock=behind, random=secrets.token_bytes, patience=PATIENCE)
    async with dropped(fresh_url()) as url:
        mongodb = await MongoPlace.open(url, serving=True, clock=behind)
        parts = [*await mongodb.health(), *await redis.health()]
        await mongodb.close()
        await redis.close()
    assert [(part.part, part.ok) for part in parts] == [("mongodb", True), ("redis", True)]
    ahead = [part.clock_ahead or 0 for part in parts]
    assert min(ahead) > 1_700_000_000
    assert abs(ahead[0] - ahead[1]) < 60  # they run on one machine


async def test_a_file_that_is_not_there_is_named(clock: FakeClock) -> None:
    settings = Store(mongodb_url_file="no/such/file", redis_url="redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailableError, match=r"store\.mongodb_url_file: no/such/file"):
        await open_store(settings, clock=clock, use="serve")


def test_a_store_that_is_a_file_loads_neither_driver() -> None:
    drivers = ("pymongo", "bson", "redis", "hiredis")
    program = f"import sys, idp.stores.opening; print([name for name in {drivers} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    assert told.stdout.strip() == "[]"
