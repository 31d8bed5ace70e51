"""Redis lost its memory: nothing from before is believed, nobody replays, and it is over in about a minute."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from idp.ports import Clock, RealmStores, StoreUnavailableError
from idp.stores.redis.place import RedisPlace
from idp.stores.verbs.once import CLOCKS_APART
from tests.contracts.values import NOW, a_code, a_login, a_pending, a_pushed_request
from tests.fakes import FakeClock
from tests.stores.redis_server import RedisServer, needs_redis, settled_place, stores_on

pytestmark = [pytest.mark.anyio, needs_redis]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.kill()


@asynccontextmanager
async def node(server: RedisServer, clock: Clock) -> AsyncIterator[RealmStores]:
    """Yield the stores of a node whose Redis has forgotten nothing so far."""
    place = await settled_place(server.url, clock)
    yield stores_on(place, clock, realm="small-business")
    await place.close()


async def proof(stores: RealmStores, name: str, clock: Clock, *, made_ago: int = 0) -> bool:
    """Present a proof that could be used since then."""
    since = int(clock()) - made_ago
    return await stores.first_use.first_use("dpop-proof", name, ttl=60, usable_since=since)


async def test_a_proof_that_was_used_is_not_used_again_when_redis_was_emptied(
    server: RedisServer, clock: FakeClock
) -> None:
    async with node(server, clock) as stores:
        assert await proof(stores, "used", clock)
        server.empty()
        with pytest.raises(StoreUnavailableError, match="used before"):
            await proof(stores, "used", clock)
        with pytest.raises(StoreUnavailableError, match="used before"):
            await proof(stores, "new, but who can tell", clock)
        clock.advance(CLOCKS_APART + 1)
        with pytest.raises(StoreUnavailableError, match="used before"):
            await proof(stores, "used", clock, made_ago=CLOCKS_APART + 1)
        clock.advance(1)
        assert await proof(stores, "made afterwards", clock)
        assert not await proof(stores, "made afterwards", clock)


async def test_a_proof_is_not_used_again_although_the_clocks_of_the_nodes_differ(
    server: RedisServer, clock: FakeClock
) -> None:
    """The node that saw the proof is as far ahead as the one that notices the emptiness is behind."""
    ahead, behind = FakeClock(clock() + CLOCKS_APART), clock
    async with node(server, ahead) as first, node(server, behind) as second:
        assert await proof(first, "used", ahead)
        server.empty()
        with pytest.raises(StoreUnavailableError):
            await second.first_use.first_use("dpop-proof", "used", ttl=60, usable_since=int(ahead()))
        with pytest.raises(StoreUnavailableError):
            await proof(first, "used", ahead)


async def test_a_code_that_was_taken_is_not_there_again_after_a_restart_from_an_older_file(
    server: RedisServer, clock: FakeClock
) -> None:
    """What a power cut does where the file is written once a second: the taking is lost, the code is not."""
    async with node(server, clock) as stores:
        await stores.codes.put("code", a_code())
        await stores.pushed_requests.put("request", a_pushed_request(), kept_until=NOW + 600)
        server.keep_file()
        assert await stores.codes.take("code") is not None
        assert await stores.pushed_requests.take("request") is not None
        server.kill()
        server.bring_file_back()
        server.start()
        assert server.said("KEYS", "*authorization-code*").startswith(b"*1"), "the file has it"
        assert await stores.codes.take("code") is None
        assert await stores.pushed_requests.take("request") is None


async def test_who_was_logging_in_begins_again_after_a_restart(server: RedisServer, clock: FakeClock) -> None:
    async with node(server, clock) as stores, node(server, clock) as other:
        await stores.authentication_sessions.create(a_login())
        assert await other.authentication_sessions.get("tab-1") is not None
        server.kill()
        server.start()
        assert await stores.authentication_sessions.get("tab-1") is None
        assert await stores.authentication_sessions.standing() == {}, "although the file has it"
        assert not await other.authentication_sessions.replace(a_login())
        await other.authentication_sessions.create(a_login())
        assert await stores.authentication_sessions.get("tab-1") == a_login()


async def test_what_is_written_first_after_an_emptying_is_there(server: RedisServer, clock: FakeClock) -> None:
    async with node(server, clock) as stores, node(server, clock) as other:
        server.empty()
        assert await stores.pending.create(a_pending("key", ticket="ticket"))
        assert await stores.pending.by_ticket("ticket") is not None
        assert await other.pending.by_ticket("ticket") is not None


async def test_of_two_nodes_that_notice_one_names_the_epoch(server: RedisServer, clock: FakeClock) -> None:
    place = await settled_place(server.url, clock)
    link = (await place._links.all())[0]
    before = server.said("GET", "hyrja:{0}:epoch")
    await place._epochs._renew(link, [(0, b"")])  # a node that saw none, and comes second
    assert server.said("GET", "hyrja:{0}:epoch") == before
    await place.close()


async def test_what_another_node_has_noticed_is_not_noticed_again(server: RedisServer, clock: FakeClock) -> None:
    async with node(server, clock) as stores, node(server, clock) as other:
        server.empty()
        await stores.authentication_sessions.create(a_login())
        clock.advance(100)
        assert await other.authentication_sessions.get("tab-1") is not None
        assert await proof(other, "made long after the emptying", clock)


async def test_a_first_start_is_as_careful_as_one_after_an_emptying(server: RedisServer, clock: FakeClock) -> None:
    place = RedisPlace(server.url, clock=clock, random=secrets.token_bytes)
    await place.open()
    with pytest.raises(StoreUnavailableError):
        await proof(stores_on(place, clock, realm="small-business"), "proof", clock)
    clock.advance(CLOCKS_APART + 2)
    assert await proof(stores_on(place, clock, realm="small-business"), "another", clock)
    await place.close()


async def test_what_is_durable_is_used_while_redis_has_lost_its_memory(server: RedisServer, clock: FakeClock) -> None:
    async with node(server, clock) as stores:
        server.empty()
        with pytest.raises(StoreUnavailableError):
            await proof(stores, "proof", clock)
        assert await stores.first_use.first_use("revoked-token", "jti", ttl=600)
