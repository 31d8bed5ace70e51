"""Redis is gone, silent, wrongly set up, or another one: everything is refused soon, and served again by itself."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.optimistic import Commit, RecordKey, Stamped
from idp.stores.redis.place import RedisPlace
from idp.stores.redis.servers import _examined
from tests import certificates
from tests.contracts.values import NOW
from tests.fakes import FakeClock
from tests.listening import listening
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.stores.redis_server import RedisServer, needs_redis

pytestmark = [pytest.mark.anyio, needs_redis]

KEY = RecordKey("first-use/dpop-proof", "realm", "key")
LONG_ENOUGH = 0.3  # seconds after which a place that was refused tries again


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
async def place(server: RedisServer, clock: FakeClock) -> AsyncIterator[RedisPlace]:
    place = patient(server.url, clock)
    await place.open()
    yield place
    await place.close()


@pytest.fixture
async def impatient(server: RedisServer, clock: FakeClock) -> AsyncIterator[RedisPlace]:
    """A place that gives up on an answer soon: only for what is not answered at all."""
    place = RedisPlace(server.url, clock=clock, random=secrets.token_bytes, patience=1.0)
    await place.open()
    yield place
    await place.close()


def patient(url: str, clock: FakeClock) -> RedisPlace:
    return RedisPlace(url, clock=clock, random=secrets.token_bytes, patience=PATIENCE)


def an_addition(value: bytes = b"value") -> Commit:
    record = Stamped(stamp=secrets.token_bytes(8), value=value, expires_at=NOW + 60)
    return Commit(now=NOW, expected={KEY: None}, writes={KEY: record}, events=())


async def refused(place: RedisPlace) -> str:
    with pytest.raises(StoreUnavailableError) as raised:
        await place.get(KEY)
    return str(raised.value)


async def test_a_killed_server_refuses_and_one_that_is_back_serves(server: RedisServer, place: RedisPlace) -> None:
    assert await place.commit(an_addition()) is None
    server.kill()
    for _ in range(3):
        assert await refused(place) == f"Redis at 127.0.0.1:{server.port}: no connection (Connection refused)."
        with pytest.raises(StoreUnavailableError):
            await place.commit(an_addition())
    (health,) = await place.health()
    assert (health.part, health.ok) == ("redis", False)
    assert "no connection" in health.reason
    server.start()
    await asyncio.sleep(LONG_ENOUGH)
    assert await place.commit(an_addition()) is None
    assert (await place.health())[0].ok


async def test_a_frozen_server_refuses_whoever_waits_and_whoever_comes(
    server: RedisServer, impatient: RedisPlace
) -> None:
    server.freeze()
    waiting = [impatient.get(KEY) for _ in range(20)]
    answers = await asyncio.gather(*waiting, impatient.commit(an_addition()), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailableError) and "no answer" in str(answer) for answer in answers)
    # One asks whether it is back; all others are told at once, while that one still waits.
    probe = asyncio.ensure_future(impatient.get(KEY))
    await asyncio.sleep(0)
    for _ in range(20):
        assert "no answer" in await refused(impatient)
    assert not probe.done()
    with pytest.raises(StoreUnavailableError):
        await probe
    assert "no answer" in await refused(impatient)
    assert not (await impatient.health())[0].ok
    server.thaw()
    await asyncio.sleep(LONG_ENOUGH)
    await impatient.get(KEY)  # What was on its way when it froze may have arrived: nobody was told either way.
    assert (await impatient.health())[0].ok


async def test_what_was_under_way_when_the_connection_was_lost_is_known(server: RedisServer, place: RedisPlace) -> None:
    assert await place.commit(an_addition()) is None
    server.said("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    found = await place.get(KEY)
    assert found is not None
    server.said("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    replaced = Commit(
        now=NOW,
        expected={KEY: found.stamp},
        writes={KEY: Stamped(stamp=b"8 bytes!", value=b"new", expires_at=NOW + 60)},
        events=(),
    )
    assert await place.commit(replaced) is None
    assert await place.commit(replaced) is None, "it is ours already: what was lost was the answer"
    assert await place.commit(an_addition(b"somebody else's")) == {KEY: replaced.writes[KEY]}


async def test_a_removal_that_may_have_happened_is_not_tried_again(server: RedisServer, place: RedisPlace) -> None:
    """Gone is gone, whoever took it: tried again, two could win."""
    addition = an_addition()
    await place.commit(addition)
    record = addition.writes[KEY]
    assert record is not None
    server.said("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(StoreUnavailableError, match="connection was lost"):
        await place.commit(Commit(now=NOW, expected={KEY: record.stamp}, writes={KEY: None}, events=()))


async def test_scripts_that_the_server_lost_are_sent_again(server: RedisServer, place: RedisPlace) -> None:
    first, second = an_addition(b"first"), b"another!"
    await place.commit(first)
    for stamp in (first.writes[KEY].stamp, second):  # type: ignore[union-attr]  # there is one
        server.said("SCRIPT", "FLUSH")
        after = Stamped(stamp=second, value=b"second", expires_at=NOW + 60)
        assert await place.commit(Commit(now=NOW, expected={KEY: stamp}, writes={KEY: after}, events=())) is None


async def test_a_full_server_refuses_and_loses_nothing(server: RedisServer, place: RedisPlace) -> None:
    await place.commit(an_addition())
    server.said("CONFIG", "SET", "maxmemory", "1")
    record = Stamped(stamp=b"8 bytes!", value=b"x" * 1000, expires_at=NOW + 60)
    other = RecordKey(KEY.kind, "realm", "other")
    with pytest.raises(StoreUnavailableError, match="OOM"):
        await place.commit(Commit(now=NOW, expected={other: None}, writes={other: record}, events=()))
    assert await place.get(KEY) is not None


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_throws_records_away_is_refused(server: RedisServer, clock: FakeClock, policy: str) -> None:
    server.said("CONFIG", "SET", "maxmemory-policy", policy)
    with pytest.raises(StoreUnavailableError, match=rf"maxmemory-policy {policy}.*Set maxmemory-policy noeviction"):
        await patient(server.url, clock).open()


async def test_a_wrong_password_is_told_and_not_shown(server: RedisServer, clock: FakeClock) -> None:
    server.said("CONFIG", "SET", "requirepass", "the right one")
    for credentials in (":wrong-one@", ""):
        url = server.url.replace("://", f"://{credentials}")
        with pytest.raises(StoreUnavailableError, match=r"password of store\.redis_url") as raised:
            await patient(url, clock).open()
        assert "wrong-one" not in str(raised.value)
    place = patient(server.url.replace("://", "://:the right one@"), clock)
    await place.open()
    await place.close()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (b"redis_version:6.0.16\r\nrun_id:1\r\nrole:master\r\n", "too old"),
        (b"redis_version:7.0.15\r\nrun_id:1\r\nrole:master\r\nloading:1\r\n", "still reading"),
    ],
)
def test_a_server_that_is_too_old_or_not_ready_is_refused(told: bytes, reason: str) -> None:
    with pytest.raises(StoreUnavailableError, match=reason):
        _examined([b"OK", told])


async def test_a_master_that_becomes_a_replica_is_written_to_no_more(server: RedisServer, place: RedisPlace) -> None:
    server.said("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StoreUnavailableError, match="changing places"):
        await place.commit(an_addition())


async def test_the_user_that_the_documentation_makes_may_do_what_is_done(server: RedisServer, clock: FakeClock) -> None:
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
    command = page.partition("`ACL SETUSER ")[2].partition("`")[0]
    assert server.said("ACL", "SETUSER", *command.split()) == b"+OK\r\n"
    place = patient(server.url.replace("://", "://idp:PASSWORD@"), clock)
    await place.open()
    addition = an_addition()
    assert await place.commit(addition) is None
    record = addition.writes[KEY]
    assert record is not None
    assert await place.commit(Commit(now=NOW, expected={KEY: record.stamp}, writes={KEY: None}, events=())) is None
    assert await place.page(KEY.kind, KEY.realm, prefix="", after="", limit=None, now=NOW) == {}
    assert (await place.health())[0].ok
    await place.close()


async def test_tls_is_spoken_with_whom_the_authority_vouches_for(
    server: RedisServer, tmp_path: Path, clock: FakeClock
) -> None:
    certificate, key = certificates.server().save(tmp_path, "redis")
    port = free_port()
    for name, value in (("cert-file", certificate), ("key-file", key), ("auth-clients", "no"), ("port", port)):
        assert server.said("CONFIG", "SET", f"tls-{name}", str(value)) == b"+OK\r\n", name
    place = RedisPlace(
        f"rediss://localhost:{port}?ssl_ca_certs={certificate}",
        clock=clock,
        random=secrets.token_bytes,
        patience=PATIENCE,
    )
    await place.open()
    assert await place.commit(an_addition()) is None
    await place.close()
    with pytest.raises(StoreUnavailableError, match="TLS failed"):
        await patient(f"rediss://localhost:{port}", clock).open()


async def test_a_database_of_its_own_is_used(server: RedisServer, clock: FakeClock) -> None:
    place = patient(f"{server.url}/3", clock)
    await place.open()
    assert b"db3:" in server.said("INFO", "keyspace")
    assert b"db0:" not in server.said("INFO", "keyspace")
    await place.close()


async def test_a_replica_is_refused(server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", "--replicaof", f"127.0.0.1 {server.port}")
    try:
        with pytest.raises(StoreUnavailableError, match="a replica"):
            await patient(replica.url, clock).open()
    finally:
        replica.kill()


async def test_a_write_counts_once_enough_replicas_have_it(
    server: RedisServer, tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", "--replicaof", f"127.0.0.1 {server.port}")
    try:
        replica.follow()
        place = RedisPlace(server.url, clock=clock, random=secrets.token_bytes, replicas=1)
        await place.open()
        assert await asyncio.gather(*(place.commit(an_addition()) for _ in range(5))) != [None] * 5
        assert await place.get(KEY) is not None
        replica.freeze()
        other = RecordKey(KEY.kind, "realm", "other")
        record = Stamped(stamp=b"8 bytes!", value=b"x", expires_at=NOW + 60)
        with pytest.raises(StoreUnavailableError, match="too few replicas"):
            await place.commit(Commit(now=NOW, expected={other: None}, writes={other: record}, events=()))
        assert await place.get(KEY) is not None, "reading asks no replica"
        await place.close()
    finally:
        replica.kill()


async def test_what_is_no_redis_is_told(clock: FakeClock) -> None:
    async def answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listening(answers) as port:
        place = patient(f"redis://127.0.0.1:{port}", clock)
        with pytest.raises(StoreUnavailableError, match=r"does not speak the protocol|connection was lost"):
            await place.open()
        await place.close()


async def test_a_closed_place_opens_no_new_connection(place: RedisPlace) -> None:
    await place.close()
    assert "closed" in await refused(place)


async def test_the_clock_of_the_server_is_compared_with_ours(place: RedisPlace, clock: FakeClock) -> None:
    (before,) = await place.health()
    clock.advance(3600)
    (after,) = await place.health()
    assert before.clock_ahead is not None
    assert after.clock_ahead is not None
    assert round(before.clock_ahead - after.clock_ahead, -2) == 3600


async def test_health_tells_that_redis_begins_anew(server: RedisServer, place: RedisPlace, clock: FakeClock) -> None:
    clock.advance(600)
    assert (await place.health())[0].reason == ""
    server.empty()
    await place.get(KEY)
    (health,) = await place.health()
    assert health.ok
    assert "begins anew" in health.reason
