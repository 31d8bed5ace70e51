"""Several servers: a real cluster of three, and a master that Sentinel replaces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from redis.crc import key_slot

from idp.ports import StoreUnavailableError, Taken
from idp.stores.redis.names import BUCKETS
from idp.stores.redis.place import RedisPlace
from tests.contracts.store_contract import race
from tests.contracts.values import NOW, a_code, a_login, a_pending
from tests.fakes import FakeClock
from tests.stores.redis_server import RedisServer, cluster_of, needs_redis, settled_place, stores_on

pytestmark = [pytest.mark.anyio, needs_redis]

CODES = 40


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[RedisServer]]:
    with cluster_of(3, tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture
async def place(cluster: Sequence[RedisServer], clock: FakeClock) -> AsyncIterator[RedisPlace]:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in cluster)
    for server in cluster:
        await asyncio.to_thread(server.empty)
    place = await settled_place(f"redis+cluster://{hosts}", clock)
    yield place
    await place.close()


async def test_every_node_of_a_cluster_holds_a_part_and_each_code_is_taken_once(
    place: RedisPlace, cluster: Sequence[RedisServer], clock: FakeClock
) -> None:
    stores = stores_on(place, clock, realm="realm")
    for number in range(CODES):
        await stores.codes.put(f"code-{number}", a_code())
    for number in range(CODES):
        answers = await race(partial(stores.codes.take, f"code-{number}"), racers=8)
        assert sum(isinstance(answer, Taken) for answer in answers) == 1
    sizes = [int(server.said("DBSIZE").strip(b":\r\n")) for server in cluster]
    assert sum(sizes) == BUCKETS + CODES
    assert all(size > BUCKETS // 6 for size in sizes)


async def test_what_changes_together_lies_together_in_a_cluster(place: RedisPlace, clock: FakeClock) -> None:
    stores = stores_on(place, clock, realm="realm")
    for number in range(CODES):
        assert await stores.pending.create(a_pending(f"key-{number}", ticket=f"ticket-{number}"))
        assert await stores.pending.by_ticket(f"ticket-{number}") is not None
        await stores.authentication_sessions.create(a_login(f"tab-{number}"))
    assert sum((await stores.authentication_sessions.standing()).values()) == CODES
    assert await stores.throttle.hit("action-link", "key", limit=1, window=60)
    assert not await stores.throttle.hit("action-link", "key", limit=1, window=60)
    assert await stores.first_use.first_use("dpop-proof", "proof", ttl=60, usable_since=int(clock()))
    assert not await stores.first_use.first_use("dpop-proof", "proof", ttl=60, usable_since=int(clock()))


async def test_what_moved_to_another_node_is_found_there(tmp_path: Path, clock: FakeClock) -> None:
    with cluster_of(3, tmp_path) as servers:
        place = await settled_place(f"redis+cluster://127.0.0.1:{servers[0].port}", clock)
        stores = stores_on(place, clock, realm="realm")
        for server in servers:
            server.empty()  # so that a slot can be given away at once
        new = servers[2].said("CLUSTER", "MYID").split(b"\r\n")[1].decode()
        for slot in {key_slot(str(bucket).encode()) for bucket in range(BUCKETS)}:
            for server in (servers[2], servers[0], servers[1]):
                assert server.said("CLUSTER", "SETSLOT", str(slot), "NODE", new) == b"+OK\r\n"
        for number in range(CODES):
            await stores.codes.put(f"code-{number}", a_code())
            assert isinstance(await stores.codes.take(f"code-{number}"), Taken)
        assert servers[2].said("DBSIZE") == b":%d\r\n" % (BUCKETS + CODES)
        await place.close()


async def test_a_node_of_a_cluster_that_is_gone_takes_only_its_part_with_it(tmp_path: Path, clock: FakeClock) -> None:
    with cluster_of(3, tmp_path, "--cluster-require-full-coverage", "no") as servers:
        place = await settled_place(f"redis+cluster://127.0.0.1:{servers[0].port}", clock)
        stores = stores_on(place, clock, realm="realm")
        servers[2].kill()
        refused = 0
        for number in range(CODES):
            try:
                await stores.codes.put(f"code-{number}", a_code())
            except StoreUnavailableError:
                refused += 1
        assert 0 < refused < CODES
        assert not (await place.health())[0].ok
        servers[2].start()
        for number in range(CODES, 2 * CODES):
            await _served(partial(stores.codes.put, f"code-{number}", a_code()))
        assert (await place.health())[0].ok
        await place.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer, RedisServer]]:
    """A master, its replica, and the Sentinel that watches them."""
    with ExitStack() as ends:

        def started(name: str, *arguments: str) -> RedisServer:
            (tmp_path / name).mkdir()
            server = RedisServer(tmp_path / name, *arguments)
            ends.callback(server.kill)
            return server

        master = started("master")
        replica = started("replica", "--replicaof", f"127.0.0.1 {master.port}")
        replica.follow()
        (tmp_path / "sentinel.conf").write_text(
            f"sentinel monitor bank 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds bank 500\nsentinel failover-timeout bank 2000\n",
            encoding="utf-8",
        )
        (tmp_path / "sentinel").mkdir()
        sentinel = RedisServer(tmp_path / "sentinel", watching=tmp_path / "sentinel.conf")
        ends.callback(sentinel.kill)
        while b"num-slaves\r\n$1\r\n1" not in sentinel.said("SENTINEL", "master", "bank"):
            time.sleep(0.05)
        yield master, replica, sentinel


async def test_a_failover_begins_anew_and_no_code_is_taken_twice(
    watched: tuple[RedisServer, RedisServer, RedisServer], clock: FakeClock
) -> None:
    master, replica, sentinel = watched
    place = await settled_place(f"redis+sentinel://127.0.0.1:{sentinel.port}/bank", clock)
    stores = stores_on(place, clock, realm="realm")
    await stores.codes.put("code", a_code())
    # The replica is behind: it has the code, and not that it was taken.
    while b"authorization-code" not in replica.said("KEYS", "*authorization-code*"):
        await asyncio.to_thread(time.sleep, 0.02)
    replica.freeze()
    assert isinstance(await stores.codes.take("code"), Taken)
    master.kill()
    replica.thaw()
    while b"role:master" not in replica.said("INFO", "replication"):
        with pytest.raises(StoreUnavailableError):
            await stores.codes.take("code")
        await asyncio.to_thread(time.sleep, 0.1)
    assert await _served(partial(stores.codes.take, "code")) is None
    await stores.codes.put("another", a_code(expires_at=NOW + 60))
    assert isinstance(await stores.codes.take("another"), Taken)
    await place.close()


async def _served(ask: Callable[[], Awaitable[object]]) -> object:
    """Ask until somebody serves again."""
    while True:
        try:
            return await ask()
        except StoreUnavailableError:
            await asyncio.to_thread(time.sleep, 0.1)
