"""The store of MongoDB and Redis, as the settings open it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.settings.tables import Store
from idp.stores.mongo.place import MongoPlace
from idp.stores.opening import open_store
from idp.stores.redis.place import RedisPlace
from tests.contracts.values import a_login, a_user
from tests.fakes import FakeClock
from tests.stores.mongodb import dropped, fresh_url
from tests.stores.redis_server import settled_place, shared_redis

pytestmark = pytest.mark.anyio


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


async def test_each_part_says_how_far_its_clock_is_ahead_of_ours() -> None:
    behind = FakeClock(0.0)
    redis = RedisPlace(shared_redis().url, clock=behind, random=secrets.token_bytes)
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
