from __future__ import annotations

from functools import partial

import pytest

from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_value_is_used_for_the_first_time_once(realm: RealmStores) -> None:
    assert not await realm.first_use.seen("jti", "a")
    assert await realm.first_use.first_use("jti", "a", ttl=60)
    assert await realm.first_use.seen("jti", "a")
    assert not await realm.first_use.first_use("jti", "a", ttl=60)
    assert await realm.first_use.first_use("jti", "b", ttl=60)


async def test_a_value_is_remembered_to_the_second(realm: RealmStores, clock: FakeClock) -> None:
    await realm.first_use.first_use("jti", "a", ttl=60)
    clock.advance(59)
    assert not await realm.first_use.first_use("jti", "a", ttl=60)
    clock.advance(1)
    assert not await realm.first_use.seen("jti", "a")
    assert await realm.first_use.first_use("jti", "a", ttl=60)


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", "", "ë", "x" * 10_000])
async def test_whatever_a_client_invents_can_be_remembered(realm: RealmStores, value: str) -> None:
    assert await realm.first_use.first_use("jti", value, ttl=60)
    assert not await realm.first_use.first_use("jti", value, ttl=60)


async def test_a_value_is_used_first_by_one_of_many(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        value = f"jti-{number}"
        results = await race(partial(realm.first_use.first_use, "jti", value, ttl=60))
        assert results.count(True) == 1


async def test_a_counter_only_moves_forward(realm: RealmStores) -> None:
    burnt = [await realm.counters.burn("otp-1", counter) for counter in (5, 5, 4, 6, 5, 100, 99)]
    assert burnt == [True, False, False, True, False, True, False]
    assert await realm.counters.burn("otp-2", 1)


async def test_a_counter_is_never_forgotten(realm: RealmStores, clock: FakeClock) -> None:
    await realm.counters.burn("otp-1", 5)
    clock.advance(10 * 365 * 86400)
    assert not await realm.counters.burn("otp-1", 5)


async def test_a_counter_is_burnt_by_one_of_many(realm: RealmStores, rounds: int) -> None:
    for counter in range(rounds):
        results = await race(partial(realm.counters.burn, "otp-1", counter))
        assert results.count(True) == 1


async def test_the_latest_value_is_taken_once(realm: RealmStores) -> None:
    await realm.latest.set("sms", "user-1", "first", ttl=60)
    await realm.latest.set("sms", "user-1", "second", ttl=60)
    assert not await realm.latest.take("sms", "user-1", "first")
    assert await realm.latest.take("sms", "user-1", "second")
    assert not await realm.latest.take("sms", "user-1", "second")


async def test_a_wrong_value_takes_nothing_away(realm: RealmStores) -> None:
    await realm.latest.set("sms", "user-1", "value", ttl=60)
    for wrong in ("", "valu", "value ", "VALUE", "ë", "\ud800"):
        assert not await realm.latest.take("sms", "user-1", wrong)
    assert await realm.latest.take("sms", "user-1", "value")


async def test_the_latest_value_expires_to_the_second(realm: RealmStores, clock: FakeClock) -> None:
    await realm.latest.set("sms", "early", "value", ttl=60)
    await realm.latest.set("sms", "late", "value", ttl=60)
    clock.advance(59)
    assert await realm.latest.take("sms", "early", "value")
    clock.advance(1)
    assert not await realm.latest.take("sms", "late", "value")


async def test_the_latest_values_of_other_keys_and_purposes_are_others(realm: RealmStores) -> None:
    await realm.latest.set("sms", "user-1", "value", ttl=60)
    assert not await realm.latest.take("sms", "user-2", "value")
    assert not await realm.latest.take("mail", "user-1", "value")


async def test_the_latest_value_is_taken_by_one_of_many(realm: RealmStores, rounds: int) -> None:
    for _ in range(rounds):
        await realm.latest.set("sms", "user-1", "value", ttl=60)
        results = await race(lambda: realm.latest.take("sms", "user-1", "value"))
        assert results.count(True) == 1


@pytest.mark.parametrize("purpose", ["client-assertion", "dpop-proof", "backchannel-request", "jwt-bearer-assertion"])
async def test_a_proof_of_a_few_minutes_is_used_once(realm: RealmStores, clock: FakeClock, purpose: str) -> None:
    use = partial(realm.first_use.first_use, purpose, ttl=60, usable_since=int(clock()))
    assert (await race(partial(use, "a"))).count(True) == 1
    assert await use("b")
    clock.advance(59)
    assert not await use("b")
    clock.advance(1)
    assert await use("b")


async def test_a_counter_with_an_end_is_forgotten_after_it_and_not_before(realm: RealmStores, clock: FakeClock) -> None:
    assert await realm.counters.burn("otp-1", 5, ttl=60)
    clock.advance(59)
    assert not await realm.counters.burn("otp-1", 5, ttl=60)
    assert await realm.counters.burn("otp-1", 6, ttl=60)
    clock.advance(59)
    assert not await realm.counters.burn("otp-1", 6)
    clock.advance(1)
    assert await realm.counters.burn("otp-1", 1)
