"""A whole store in another one: all of it, once, also if the copy is killed on its way."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from idp.model.event import Event
from idp.stores.memory import MemoryKernel
from idp.stores.portable import Portable
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.stores.upkeep.copying import EVENTS, CopyRefusedError, archive, copy, tallies, unfinished_copy
from tests.contracts.values import NOW, a_code, a_login, a_user, an_event
from tests.fakes import FakeClock
from tests.stores.processes import running

pytestmark = pytest.mark.anyio

USERS = 700


def silent(_what: str, _done: int) -> None:
    pass


async def filled(kernel: Portable, clock: FakeClock, *, users: int = USERS) -> None:
    realm = KernelStore(kernel, clock).realm("bank")
    numbers = range(users)
    await asyncio.gather(
        *(realm.users.create(a_user(f"id-{n}", username=f"user-{n}", email=f"{n}@bank.example")) for n in numbers),
        *(realm.events.record(an_event(transaction_id=f"t-{n}")) for n in numbers),
    )
    await realm.authentication_sessions.create(a_login())
    await realm.codes.put("code", a_code())
    await realm.first_use.first_use("jti", "used", ttl=600)
    await realm.first_use.first_use("jti", "forgotten", ttl=1)
    await KernelStore(kernel, clock).realm("cards").counters.burn("token", 7)
    clock.advance(2)


@pytest.fixture
async def source(clock: FakeClock) -> Portable:
    kernel = MemoryKernel(clock)
    await filled(kernel, clock)
    return kernel


async def test_a_copy_holds_the_same_and_a_login_begun_before_goes_on_in_it(
    source: Portable, tmp_path: Path, clock: FakeClock
) -> None:
    target = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    found = await copy(source, target, origin="memory", now=clock(), progress=silent)
    assert {kind: tally.count for kind, tally in found.items()} == {
        "user": USERS,
        "username": USERS,
        "user-term": 4 * USERS,
        "authentication-session": 1,
        "authorization-code": 1,
        "first-use/jti": 1,
        "counter": 1,
        EVENTS: USERS,
    }
    realm = KernelStore(target, clock).realm("bank")
    user = await realm.users.by_email("17@bank.example")
    assert user is not None
    assert user.id == "id-17"
    assert await realm.authentication_sessions.replace(a_login())
    assert not await realm.first_use.first_use("jti", "used", ttl=600)
    assert not await KernelStore(target, clock).realm("cards").counters.burn("token", 7)
    events = await realm.events.recent(limit=2)
    assert [event.transaction_id for event in events] == [f"t-{USERS - 1}", f"t-{USERS - 2}"]
    assert await unfinished_copy(target) is None
    await target.close()


async def test_a_copy_goes_there_and_back_unchanged(source: Portable, tmp_path: Path, clock: FakeClock) -> None:
    there = SqliteKernel.open(tmp_path / "there.db", clock=clock)
    back = SqliteKernel.open(tmp_path / "back.db", clock=clock)
    await copy(source, there, origin="memory", now=clock(), progress=silent)
    await copy(there, back, origin="there", now=clock(), progress=silent)
    nobody = clock() + 1e9
    assert await tallies(back, now=clock(), progress=lambda _: None) == await tallies(
        source, now=clock(), progress=lambda _: None
    )
    assert (await tallies(back, now=nobody, progress=lambda _: None)).keys() >= {"user", "username", EVENTS}
    await there.close()
    await back.close()


class KilledError(Exception):
    pass


class Dying:
    """Progress that dies at the given step."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def __call__(self, _what: str, _done: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise KilledError


@pytest.mark.parametrize("steps", range(14))
async def test_a_copy_that_ended_anywhere_goes_on_and_copies_nothing_twice(
    source: Portable, clock: FakeClock, steps: int
) -> None:
    target = MemoryKernel(clock)
    with pytest.raises(KilledError):
        await copy(source, target, origin="memory", now=clock(), progress=Dying(steps))
    begun = await unfinished_copy(target)
    assert begun is not None
    found = await copy(source, target, origin="memory", now=clock(), progress=silent)
    assert found["user"].count == found[EVENTS].count == USERS
    assert [e.transaction_id for e in await recent(target, clock)] == [
        e.transaction_id for e in await recent(source, clock)
    ]


async def recent(kernel: Portable, clock: FakeClock) -> list[Event]:
    return list(await KernelStore(kernel, clock).realm("bank").events.recent(limit=10_000))


async def test_a_copy_that_was_killed_goes_on(tmp_path: Path, clock: FakeClock) -> None:
    clock.advance(NOW - clock())
    kernel = SqliteKernel.open(tmp_path / "source.db", clock=clock)
    await filled(kernel, clock)
    await kernel.close()
    files = str(tmp_path / "source.db"), str(tmp_path / "target.db")
    for steps in (1, 4, 4):  # the third dies among the events
        with running("copying_process", *files, str(steps)) as process:
            assert process.wait() == -signal.SIGKILL
    with running("copying_process", *files) as process:
        said, wrong = process.communicate()
        assert said == "done\n", wrong
    target = SqliteKernel.open(tmp_path / "target.db", clock=clock)
    found = await tallies(target, now=clock(), progress=lambda _: None)
    assert found["user"].count == found[EVENTS].count == USERS
    await target.close()


async def test_a_target_that_holds_anything_is_refused(source: Portable, clock: FakeClock) -> None:
    with_record, with_event, with_waste = MemoryKernel(clock), MemoryKernel(clock), MemoryKernel(clock)
    await KernelStore(with_record, clock).realm("bank").counters.burn("token", 1)
    await KernelStore(with_event, clock).realm("bank").events.record(an_event())
    await KernelStore(with_waste, clock).realm("bank").first_use.first_use("jti", "x", ttl=1)
    clock.advance(2)
    for target in (with_record, with_event, with_waste):
        with pytest.raises(CopyRefusedError, match="not empty"):
            await copy(source, target, origin="memory", now=clock(), progress=silent)
        with pytest.raises(CopyRefusedError, match="not empty"):
            await archive(source, target, now=clock(), progress=silent)
        assert await unfinished_copy(target) is None


async def test_the_copy_of_another_store_is_not_gone_on_with(source: Portable, clock: FakeClock) -> None:
    target = MemoryKernel(clock)
    with pytest.raises(KilledError):
        await copy(source, target, origin="memory", now=clock(), progress=Dying(1))
    with pytest.raises(CopyRefusedError, match="A copy of memory into this store was begun"):
        await copy(source, target, origin="elsewhere", now=clock(), progress=silent)


async def test_whoever_writes_meanwhile_is_noticed_in_the_end(source: Portable, clock: FakeClock) -> None:
    def changing(what: str, _done: int) -> None:
        if what == "reading the source again":
            table = source._table  # type: ignore[attr-defined] # somebody else's write, in the middle
            table.records["user", "bank"].pop("id-3", None)

    target = MemoryKernel(clock)
    with pytest.raises(CopyRefusedError, match=r"differs.*user \(699 in the source, 700 in the target\)"):
        await copy(source, target, origin="memory", now=clock(), progress=changing)
    assert await unfinished_copy(target) is not None, "nobody serves from it"


async def test_a_value_that_arrived_changed_is_noticed(source: Portable, clock: FakeClock) -> None:
    target = MemoryKernel(clock)

    def changing(what: str, _done: int) -> None:
        if what == "reading the source again":
            shelf = target._table.records["counter", "cards"]
            shelf["token"] = type(shelf["token"])(value=b"\x08", expires_at=None, owner=None)

    with pytest.raises(CopyRefusedError, match=r"counter \(1 in the source, 1 in the target\)"):
        await copy(source, target, origin="memory", now=clock(), progress=changing)


async def test_an_archive_is_made_while_servers_write_and_leaves_out_what_lives_minutes(
    source: Portable, clock: FakeClock
) -> None:
    seen: list[int] = []

    def writing(what: str, done: int) -> None:
        if what == "reading the target" and not seen:
            seen.append(done)
            table = source._table  # type: ignore[attr-defined] # somebody else's write, in the middle
            table.records["user", "bank"].pop("id-3", None)

    target = MemoryKernel(clock)
    found = await archive(source, target, now=clock(), progress=writing)
    assert found["user"].count == USERS
    assert "authentication-session" not in found
    assert "authorization-code" not in found
    assert found["counter"].count == 1
    assert await unfinished_copy(target) is None


async def test_stores_that_a_server_serves_from_are_not_copied(source: Portable, clock: FakeClock) -> None:
    target = MemoryKernel(clock)
    for served in (source, target):
        server = KernelStore(served, clock, process="node-1/1701")
        await server.sweep()
        with pytest.raises(CopyRefusedError, match=r"A server \(node-1/1701\) serves from one of the stores"):
            await copy(source, target, origin="memory", now=clock(), progress=silent)
        await server.close()
    await copy(source, target, origin="memory", now=clock(), progress=silent)
