"""Redis and MongoDB killed, frozen, emptied under logins: who comes is told when to come again; it heals by itself.

Whatever is broken stays so until every customer has been told so: who is left waiting would wait for ever.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.cli.cluster import Stores
from tests.faults.answers import ForgottenError
from tests.faults.soak import ROUNDS, Soak, soak
from tests.stores.mongodb import MongoServer
from tests.stores.redis_server import RedisServer, needs_redis

pytestmark = [pytest.mark.anyio, needs_redis]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    (folder := tmp_path / "redis").mkdir()
    server = RedisServer(folder)
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[MongoServer]:
    (folder := tmp_path / "mongodb").mkdir()
    server = MongoServer(folder)
    yield server
    server.thaw()
    server.kill()


async def test_customers_are_told_to_come_again_while_a_store_is_gone_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, redis: RedisServer, mongodb: MongoServer
) -> None:
    """A round kills one of the two and freezes the other one, and the next round the other way round.

    Tried, and it was red: a Redis that does not answer is waited for.
    """
    stores = Stores(f"mongodb://127.0.0.1:{mongodb.port}/hyrja?replicaSet=secantus", redis.url)
    async with soak(tmp_path, stores=stores) as (customers, _):
        processes = [(node.process.pid, node.workers()) for node in customers.nodes]
        for freezes in islice(cycle([first := bool(secrets.randbelow(2)), not first]), ROUNDS):
            await is_gone(customers, *((redis.freeze, redis.thaw) if freezes else (redis.kill, redis.start)))
            await is_emptied(customers, redis)
            await is_gone(customers, *((mongodb.kill, mongodb.start) if freezes else (mongodb.freeze, mongodb.thaw)))
        assert processes == [(node.process.pid, node.workers()) for node in customers.nodes], "somebody was restarted"


async def is_gone(customers: Soak, breaks: Callable[[], None], heals: Callable[[], None]) -> None:
    async with customers.living():
        await asyncio.to_thread(breaks)
    # Everybody has been sent away. Nobody is let in.
    await asyncio.gather(*(one.is_kept_out() for one in customers.customers))
    await asyncio.to_thread(heals)
    await customers.settle()


async def is_emptied(customers: Soak, redis: RedisServer) -> None:
    """Logins that were in progress are gone, which is not a promise that was broken: their customers begin again."""
    async with customers.living(ForgottenError) as over:
        await asyncio.to_thread(redis.empty)
        over.set()
    await customers.settle()
