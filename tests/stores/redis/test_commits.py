"""How a commit is asked of Redis: one command where one suffices, one round trip always, one bucket or it is a bug."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.stores.optimistic import Commit, RecordKey, Stamped
from idp.stores.redis import commits, names
from idp.stores.redis.place import RedisPlace
from tests.contracts.values import NOW
from tests.fakes import FakeClock
from tests.stores.redis_server import needs_redis, redis_place, shared_redis

pytestmark = pytest.mark.anyio

KEY = RecordKey("authorization-code", "realm", "key")
MARKER = b"epoch run 1"
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def a_record(value: bytes = b"value", *, expires_at: float | None = NOW + 60) -> Stamped:
    return Stamped(stamp=secrets.token_bytes(8), value=value, expires_at=expires_at)


def a_commit(*, expected: bytes | bool | None, write: Stamped | bool | None) -> Commit:
    return Commit(
        now=NOW,
        expected={} if isinstance(expected, bool) else {KEY: expected},
        writes={} if isinstance(write, bool) else {KEY: write},
        events=(),
    )


@pytest.mark.parametrize(
    ("commit", "verbs"),
    [
        (a_commit(expected=None, write=False), ["MGET"]),
        (a_commit(expected=b"12345678", write=False), ["MGET"]),
        (a_commit(expected=False, write=a_record()), ["SET", "MGET"]),
        (a_commit(expected=False, write=None), ["DEL", "MGET"]),
        (a_commit(expected=None, write=a_record()), ["SET", "MGET"]),
        (a_commit(expected=b"12345678", write=a_record()), ["EVALSHA"]),
        (a_commit(expected=b"12345678", write=None), ["EVALSHA"]),
    ],
)
def test_a_script_runs_only_where_a_command_is_not_enough(commit: Commit, verbs: list[str]) -> None:
    planned = commits.plan(commit, names.bucket_of(KEY), MARKER)
    assert [command[0] for command in planned.commands] == verbs
    assert planned.writes == bool(commit.writes)


def test_what_must_not_be_there_is_made_and_not_overwritten() -> None:
    planned = commits.plan(a_commit(expected=None, write=a_record()), names.bucket_of(KEY), MARKER)
    assert planned.commands[0][-1] == "NX"


def test_a_record_outlives_its_end_by_what_clocks_may_differ() -> None:
    bucket = names.bucket_of(KEY)
    kept, for_ever, expired = (
        commits.plan(a_commit(expected=False, write=a_record(expires_at=at)), bucket, MARKER).commands[0][3:]
        for at in (NOW + 60, None, NOW - 10_000)
    )
    assert (kept, for_ever, expired) == (("PX", 360_000), (), ("PX", 1))


def test_what_is_not_of_one_family_cannot_change_together() -> None:
    """On one server it would work, and in a cluster it would not: so it is a bug everywhere."""
    others = (RecordKey("authorization-code", "realm", str(number)) for number in range(20))
    writes = {name: a_record() for name in (KEY, *others)}
    with pytest.raises(ValueError, match="one family"):
        commits.bucket_for(Commit(now=NOW, expected={}, writes=writes, events=()))


@given(TEXT, TEXT, TEXT)
def test_a_family_shares_a_bucket_in_its_realm(realm: str, one: str, another: str) -> None:
    together = (RecordKey("pending-ticket", realm, one), RecordKey("pending-authorization", realm, another))
    assert len({names.bucket_of(name) for name in together}) == 1


@given(st.tuples(TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT))
def test_no_record_can_be_spelled_like_another(one: tuple[str, str, str], another: tuple[str, str, str]) -> None:
    first, second = (names.record_key(7, b"epoch", RecordKey(*name)) for name in (one, another))
    assert (first == second) == (one == another)
    assert first.startswith(b"hyrja:{7}:epoch:")
    assert first.count(b"{") == first.count(b"}") == 1
    assert names.name_in(first) == one[2]
    assert names.epoch_in(first) == (7, b"epoch")


@given(st.binary(min_size=8, max_size=8), st.binary(), st.none() | st.floats(allow_nan=False), st.none() | TEXT)
def test_a_record_is_read_as_it_was_written(
    stamp: bytes, value: bytes, expires_at: float | None, owner: str | None
) -> None:
    record = Stamped(stamp=stamp, value=value, expires_at=expires_at, owner=owner)
    assert names.read(names.written(record)) == record
    assert names.written(record)[:8] == stamp


@pytest.fixture
async def place(clock: FakeClock) -> AsyncIterator[RedisPlace]:
    place = await redis_place(clock)
    yield place
    await place.close()


@needs_redis
async def test_redis_lets_a_record_go_after_the_margin(place: RedisPlace) -> None:
    await place.commit(a_commit(expected=None, write=a_record()))
    (key,) = [key for key in shared_redis().said("KEYS", "*authorization-code*").split(b"\r\n") if key[:5] == b"hyrja"]
    left = int(shared_redis().said("PTTL", key.decode()).strip(b":\r\n"))
    assert 300_000 < left <= 360_000


@needs_redis
async def test_a_mismatch_writes_nothing_and_tells_what_is_there(place: RedisPlace) -> None:
    record = a_record()
    assert await place.commit(a_commit(expected=None, write=record)) is None
    for commit in (
        a_commit(expected=None, write=False),
        a_commit(expected=None, write=a_record(b"other")),
        a_commit(expected=b"12345678", write=a_record(b"other")),
        a_commit(expected=b"12345678", write=None),
    ):
        assert await place.commit(commit) == {KEY: record}
    assert await place.get(KEY) == record


@needs_redis
async def test_a_shelf_holds_what_belongs_on_it_in_order(place: RedisPlace) -> None:
    keys = ["a", "ab", "ab*", "ab?", "ab[c]", "ab:c", "b", "ab%2A", "ë"]
    for kind, realm in (("authorization-code", "realm"), ("authorization-code", "rea"), ("pushed-request", "realm")):
        for key in keys:
            name = RecordKey(kind, realm, key)
            record = Stamped(stamp=secrets.token_bytes(8), value=f"{kind} {realm} {key}".encode(), owner=key[:1])
            await place.commit(Commit(now=NOW, expected={}, writes={name: record}, events=()))

    async def page(prefix: str, after: str, limit: int | None) -> list[str]:
        found = await place.page("authorization-code", "realm", prefix=prefix, after=after, limit=limit, now=NOW)
        assert all(value == f"authorization-code realm {key}".encode() for key, value in found.items())
        return list(found)

    assert await page("", "", None) == sorted(keys)
    assert await page("ab*", "", None) == ["ab*"]
    assert await page("ab", "ab%2A", 2) == ["ab*", "ab:c"]
    owned = await place.owned("authorization-code", "realm", "b", now=NOW)
    assert owned == [b"authorization-code realm b"]


@needs_redis
async def test_what_is_asked_in_one_turn_leaves_in_one_piece(place: RedisPlace) -> None:
    def pieces() -> int:
        told = shared_redis().said("INFO", "stats").decode()
        return int(told.partition("total_reads_processed:")[2].split("\r\n")[0])

    await place.get(KEY)
    before = pieces()
    await asyncio.gather(*(place.get(KEY) for _ in range(100)))
    assert pieces() - before <= 3  # our own question is one, too, and a piece may arrive in two
