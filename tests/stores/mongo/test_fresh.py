"""What a node remembers of MongoDB, and how long it believes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from idp.stores.mongo.connection import connect
from idp.stores.mongo.fresh import STALE, FreshPlace, Memory
from idp.stores.mongo.place import MongoPlace
from idp.stores.optimistic import Commit, RecordKey, Stamped
from tests.contracts.values import NOW
from tests.patience import until, until_true
from tests.stores.memory_place import MemoryPlace
from tests.stores.mongo.cutting_proxy import cutting_proxy
from tests.stores.mongodb import dropped, fresh_url, through

pytestmark = pytest.mark.anyio

READ_OFTEN = ["user", "username", "user-session", "latest-realm-publication", "secret-revision", "registered-client"]
DECIDED_BY = ["locks", "counter", "refresh-family", "first-use/trusted-device", "realm-draft", "secret/signing"]


class CountedPlace(MongoPlace):
    """Counts what the server is asked."""

    asked = 0

    async def get(self, key: RecordKey) -> Stamped | None:
        self.asked += 1
        return await super().get(key)


def record(number: int, *, size: int = 1) -> Stamped:
    return Stamped(stamp=number.to_bytes(8, "big"), value=str(number).encode() * size)


def write(key: RecordKey, written: Stamped | None) -> Commit:
    return Commit(now=NOW, expected={}, writes={key: written}, events=())


@asynccontextmanager
async def node(url: str, follows: str | None = None) -> AsyncIterator[tuple[FreshPlace, CountedPlace]]:
    counted = await CountedPlace.open(url, serving=True)
    place = FreshPlace(counted, connect(follows or url, waits=True))
    try:
        yield place, counted
    finally:
        await place.close()


async def fresh(place: FreshPlace) -> None:
    await until(lambda: place.fresh)


@pytest.mark.parametrize("kind", READ_OFTEN)
async def test_what_another_node_writes_is_seen_by_one_that_remembered_something_else(kind: str) -> None:
    key = RecordKey(kind, "realm", "a")
    async with dropped(fresh_url()) as url, node(url) as (place, counted), node(url) as (other, _):
        await fresh(place)
        for written in (record(1), record(2), None):
            before = await place.get(key)
            assert await place.get(key) == before
            await other.commit(write(key, written))

            async def seen(written: Stamped | None = written) -> bool:
                return await place.get(key) == written

            await until_true(seen)
        asked = counted.asked
        assert await place.get(key) is None
        assert counted.asked == asked, "it is remembered that there is none, too"


async def test_what_this_node_writes_it_sees_at_once() -> None:
    key = RecordKey("user", "realm", "a")
    async with dropped(fresh_url()) as url, node(url) as (place, _):
        await fresh(place)
        for number in range(1, 20):
            await place.commit(write(key, record(number)))
            assert await place.get(key) == record(number)


@pytest.mark.parametrize("kind", DECIDED_BY)
async def test_what_is_counted_or_taken_is_asked_of_the_server_each_time(kind: str) -> None:
    async with dropped(fresh_url()) as url, node(url) as (place, counted):
        await fresh(place)
        for _ in range(3):
            await place.get(RecordKey(kind, "realm", "a"))
        assert counted.asked == 3


async def test_a_node_that_hears_nothing_remembers_nothing() -> None:
    key = RecordKey("user", "realm", "a")
    url = fresh_url()
    async with (
        dropped(url),
        through(url, cutting_proxy) as (proxy, proxied),
        node(url, follows=proxied) as (place, counted),
        node(url) as (other, _),
    ):
        await fresh(place)
        await other.commit(write(key, record(1)))
        proxy.cut("getMore", "before", times=1_000_000)

        async def deaf() -> bool:
            return not place.fresh

        await until_true(deaf)
        for number in (2, 3):
            await other.commit(write(key, record(number)))
            asked = counted.asked
            assert await place.get(key) == record(number)
            assert counted.asked == asked + 1
        proxy.cut("getMore", "before", times=0)
        await fresh(place)
        assert await place.get(key) == record(3)


async def test_an_answer_that_was_long_under_way_says_nothing_of_now() -> None:
    key = RecordKey("user", "realm", "a")
    url = fresh_url()
    async with (
        dropped(url),
        through(url, cutting_proxy) as (proxy, proxied),
        node(url, follows=proxied) as (place, _),
        node(url) as (other, _),
    ):
        await other.commit(write(key, record(1)))
        await fresh(place)
        assert await place.get(key) == record(1)
        proxy.hold("getMore")

        async def held(number: int) -> bool:
            return proxy.held >= number

        await until_true(lambda: held(1))
        await other.commit(write(key, record(2)))  # after the answer that is held was made
        await asyncio.sleep(STALE)
        proxy.let_one_go()
        await until_true(lambda: held(2))  # it has read the first one: it has asked for more
        assert not place.fresh
        assert await place.get(key) == record(2)


async def test_what_a_comparison_tells_is_not_shown_otherwise_afterwards() -> None:
    key = RecordKey("user", "realm", "a")
    async with dropped(fresh_url()) as another:  # where nobody writes: its stream is fresh, and tells nothing
        below = MemoryPlace()
        place = FreshPlace(below, connect(another, waits=True))
        await below.commit(write(key, record(1)))
        await fresh(place)
        assert await place.get(key) == record(1)
        await below.commit(write(key, record(2)))
        late = Commit(now=NOW, expected={key: record(1).stamp}, writes={}, events=())
        assert await place.commit(late) == {key: record(2)}
        assert await place.get(key) == record(2)
        await place.close()


async def test_a_collection_that_is_dropped_is_forgotten() -> None:
    key = RecordKey("user", "realm", "a")
    async with dropped(fresh_url()) as url, node(url) as (place, counted):
        await fresh(place)
        await place.commit(write(key, record(1)))
        assert await place.get(key) == record(1)
        await counted.connection.database["users"].drop()

        async def gone() -> bool:
            return await place.get(key) is None

        await until_true(gone)


def test_what_changed_while_it_was_read_is_not_kept() -> None:
    memory = Memory()
    early = memory.begin("a")
    memory.drop("a")
    late = memory.begin("a")
    memory.keep("a", record(1), early)
    assert "a" not in memory
    memory.keep("a", record(2), late)
    assert memory["a"] == record(2)
    memory.end("a", early)
    memory.end("a", late)


def test_what_was_read_while_everything_was_forgotten_is_not_kept() -> None:
    memory = Memory()
    fetch = memory.begin("a")
    memory.clear()
    memory.keep("a", record(1), fetch)
    memory.end("a", fetch)
    assert "a" not in memory


def test_memory_is_bounded_and_what_is_asked_for_stays() -> None:
    memory = Memory(most=2)
    for name in ("a", "b", "a", "c"):
        if name in memory:
            assert memory[name] == record(1)
        else:
            memory.keep(name, record(1), memory.begin(name))
    assert "a" in memory
    assert "b" not in memory
    memory.keep("large", record(1, size=20_000), memory.begin("large"))
    assert "large" not in memory
