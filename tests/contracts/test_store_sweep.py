from __future__ import annotations

import asyncio

import pytest

from idp.ports import RealmStores, Replayed, Store
from idp.stores.kernel import Kernel, Transaction
from idp.stores.records import EVENTS_KEPT, KernelStore
from idp.stores.upkeep.sweeping import LEASE, SWEPT_AT_ONCE, pause_after, sweeper
from tests.contracts.values import NOW, a_code, a_login, a_session, a_user, an_event
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def _put(tx: Transaction, count: int, expires_at: float | None) -> None:
    for number in range(count):
        tx.put("kind", "realm", f"{expires_at}-{number}", b"value", expires_at=expires_at)


async def test_a_sweep_removes_a_bounded_number_and_says_how_many(
    store: Store, kernel: Kernel, clock: FakeClock, kept_after: int
) -> None:
    await kernel.transact(lambda tx: _put(tx, SWEPT_AT_ONCE + 7, NOW + 10))
    await kernel.transact(lambda tx: _put(tx, 3, NOW + 11))
    await kernel.transact(lambda tx: _put(tx, 3, None))
    assert await store.sweep() == 0
    clock.advance(10 + kept_after)
    assert [await store.sweep(), await store.sweep(), await store.sweep()] == [SWEPT_AT_ONCE, 7, 0]
    clock.advance(-kept_after)
    assert len(await kernel.every("kind", "realm")) == 6


async def test_a_sweep_takes_the_oldest_first(store: Store, kernel: Kernel, clock: FakeClock, kept_after: int) -> None:
    await kernel.transact(lambda tx: _put(tx, SWEPT_AT_ONCE, NOW + 20))
    await kernel.transact(lambda tx: _put(tx, 1, NOW + 10))
    clock.advance(20 + kept_after)
    await store.sweep()
    clock.advance(-11 - kept_after)  # Back to a time at which whatever is left can be seen.
    assert len(await kernel.every("kind", "realm")) == 1


async def test_a_sweep_keeps_what_still_means_something(
    realm: RealmStores, store: Store, clock: FakeClock, kept_after: int
) -> None:
    await realm.users.create(a_user())
    await realm.counters.burn("otp-1", 5)
    await realm.authentication_sessions.create(a_login(expires_at=NOW + 61))
    await realm.codes.put("taken", a_code(expires_at=NOW + 60))
    await realm.user_sessions.create(a_session(), expires_at=NOW + 60)
    await realm.codes.take("taken")
    clock.advance(60 + kept_after)
    assert await store.sweep() == 1
    clock.advance(-kept_after)
    assert isinstance(await realm.codes.take("taken"), Replayed)
    assert await realm.authentication_sessions.get("tab-1") is not None
    assert await realm.users.by_username("agim") is not None
    assert not await realm.counters.burn("otp-1", 5)


async def test_a_sweep_removes_events_older_than_the_retention(
    realm: RealmStores, store: Store, clock: FakeClock
) -> None:
    await realm.events.record(an_event("LOGIN"))
    await realm.events.record(an_event("LOGOUT", at=NOW + 1))
    clock.advance(EVENTS_KEPT)
    assert await store.sweep() == 0
    clock.advance(1)
    assert await store.sweep() == 1
    assert await realm.events.recent(limit=10) == [an_event("LOGOUT", at=NOW + 1)]


async def test_a_deployment_says_how_long_events_are_kept(kernel: Kernel, clock: FakeClock) -> None:
    store = KernelStore(kernel, clock, events_kept=60)
    await store.realm("small-business").events.record(an_event())
    clock.advance(61)
    assert await store.sweep() == 1


async def test_a_sweep_removes_a_bounded_number_of_events(
    realm: RealmStores, store: Store, clock: FakeClock, store_name: str
) -> None:
    if store_name == "sqlite-reopened":
        return  # Five hundred times opening the file says nothing new.
    await asyncio.gather(*(realm.events.record(an_event()) for _ in range(SWEPT_AT_ONCE + 2)))
    clock.advance(EVENTS_KEPT + 1)
    assert [await store.sweep(), await store.sweep()] == [SWEPT_AT_ONCE, 2]


async def test_an_expired_record_can_be_written_again_before_it_is_swept(realm: RealmStores, clock: FakeClock) -> None:
    await realm.authentication_sessions.create(a_login(expires_at=NOW + 10))
    clock.advance(10)
    await realm.authentication_sessions.create(a_login(expires_at=NOW + 20))
    assert await realm.authentication_sessions.get("tab-1") == a_login(expires_at=NOW + 20)


async def test_of_several_processes_one_sweeps_until_it_leaves_or_falls_silent(
    kernel: Kernel, clock: FakeClock, kept_after: int
) -> None:
    one, other = (KernelStore(kernel, clock, process=name) for name in ("node-1/7", "node-2/7"))
    await kernel.transact(lambda tx: _put(tx, 3, NOW + 10))
    assert await one.sweep() == 0
    clock.advance(10 + kept_after)
    # The lease lasts; if this kernel keeps what expired for a while, the lease is long over, and one takes it anew.
    assert await one.sweep() >= 3
    await kernel.transact(lambda tx: _put(tx, 3, NOW + 10))
    assert await other.sweep() == 0
    assert await sweeper(kernel) == "node-1/7"
    clock.advance(LEASE - 1)
    assert await other.sweep() == 0
    clock.advance(1)
    assert await other.sweep() >= 3
    assert await sweeper(kernel) == "node-2/7"


def test_a_sweep_that_was_full_is_followed_soon_by_the_next() -> None:
    assert pause_after(SWEPT_AT_ONCE) < 1 < pause_after(SWEPT_AT_ONCE - 1) == pause_after(0)
