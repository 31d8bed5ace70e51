from __future__ import annotations

from functools import partial

import pytest

from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Attempt, Locks
from idp.ports import RealmStores
from idp.stores.verbs.limits import ATTEMPTS_KEPT
from tests.contracts.store_contract import RACERS, race
from tests.contracts.values import NOW
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

POLICY = BruteForcePolicy(protected=True, failure_factor=3, wait_increment=60, max_delta_time=600)
PERMANENT = BruteForcePolicy(
    protected=True, failure_factor=3, wait_increment=60, permanent_lockout=True, max_temporary_lockouts=1
)
YEAR = 365 * 86400


async def guess(realm: RealmStores, *, factor: str = "password", at: int = NOW) -> Attempt:
    return await realm.attempts.hit("user-1", factor, policy=POLICY, now=at)


async def test_attempts_are_counted_until_the_lock(realm: RealmStores) -> None:
    attempts = [await guess(realm) for _ in range(4)]
    assert [attempt.admitted for attempt in attempts] == [True, True, True, False]
    assert [attempt.newly_locked for attempt in attempts] == [False, False, True, False]
    locks = await realm.attempts.locks("user-1")
    assert locks.locked(NOW)
    assert locks.of("password").attempts == 3


async def test_a_lock_ends_with_its_second(realm: RealmStores) -> None:
    for _ in range(3):
        await guess(realm)
    assert not (await guess(realm, at=NOW + 59)).admitted
    assert (await guess(realm, at=NOW + 60)).admitted


async def test_the_factors_of_a_user_are_counted_apart(realm: RealmStores) -> None:
    for _ in range(3):
        await guess(realm)
    assert (await guess(realm, factor="totp")).admitted
    assert (await realm.attempts.locks("user-1")).of("totp").attempts == 1


async def test_the_attempts_of_two_users_are_counted_apart(realm: RealmStores) -> None:
    for _ in range(3):
        await guess(realm)
    assert await realm.attempts.locks("user-2") == Locks()


async def test_who_is_forgiven_begins_again_at_every_factor(realm: RealmStores) -> None:
    for _ in range(3):
        await guess(realm)
    await guess(realm, factor="otp")
    assert [await realm.attempts.forgive("user-1"), await realm.attempts.forgive("user-1")] == [True, False]
    assert await realm.attempts.locks("user-1") == Locks()
    assert (await guess(realm)).lock.total == 1


async def test_a_proven_factor_is_forgotten_and_the_others_are_not(realm: RealmStores) -> None:
    await guess(realm)
    await guess(realm, factor="totp")
    await realm.attempts.clear("user-1", "password")
    assert list((await realm.attempts.locks("user-1")).factors) == ["totp"]
    await realm.attempts.clear("user-1", "totp")
    await realm.attempts.clear("user-1", "totp")
    assert await realm.attempts.locks("user-1") == Locks()


async def test_no_more_guesses_are_admitted_than_the_policy_allows_however_many_come_at_once(
    realm: RealmStores, rounds: int
) -> None:
    for number in range(rounds):
        subject = f"user-{number}"

        async def enter(subject: str = subject) -> Attempt:
            return await realm.attempts.hit(subject, "password", policy=POLICY, now=NOW)

        results = await race(enter)
        assert sum(result.admitted for result in results) == 3
        assert sum(result.newly_locked for result in results) == 1


async def test_old_attempts_are_forgotten(realm: RealmStores, clock: FakeClock) -> None:
    await guess(realm)
    clock.advance(ATTEMPTS_KEPT - 1)
    assert (await realm.attempts.locks("user-1")).of("password").attempts == 1
    clock.advance(1)
    assert await realm.attempts.locks("user-1") == Locks()


async def test_a_later_attempt_at_another_factor_keeps_the_earlier_ones(realm: RealmStores, clock: FakeClock) -> None:
    await guess(realm)
    clock.advance(ATTEMPTS_KEPT - 1)
    await guess(realm, factor="totp", at=int(clock()))
    await realm.attempts.clear("user-1", "totp")
    clock.advance(ATTEMPTS_KEPT - 1)
    assert (await realm.attempts.locks("user-1")).of("password").attempts == 1


async def test_attempts_that_may_lock_for_ever_are_never_forgotten(realm: RealmStores, clock: FakeClock) -> None:
    await realm.attempts.hit("user-1", "totp", policy=PERMANENT, now=NOW)
    clock.advance(YEAR)
    assert (await realm.attempts.locks("user-1")).of("totp").attempts == 1


async def test_a_milder_policy_forgets_nothing_that_was_counted_for_ever(realm: RealmStores, clock: FakeClock) -> None:
    await realm.attempts.hit("user-1", "totp", policy=PERMANENT, now=NOW)
    await guess(realm)
    clock.advance(YEAR)
    assert (await realm.attempts.locks("user-1")).of("totp").attempts == 1


async def test_attempts_are_remembered_for_as_long_as_the_policy_looks_back(
    realm: RealmStores, clock: FakeClock
) -> None:
    policy = BruteForcePolicy(protected=True, failure_factor=3, max_delta_time=YEAR)
    await realm.attempts.hit("user-1", "totp", policy=policy, now=NOW)
    clock.advance(YEAR - 1)
    assert (await realm.attempts.locks("user-1")).of("totp").attempts == 1


async def test_a_permanent_lock_stays(realm: RealmStores, clock: FakeClock) -> None:
    for _ in range(20):
        await realm.attempts.hit("user-1", "totp", policy=PERMANENT, now=int(clock()))
        clock.advance(901)
    clock.advance(10 * YEAR)
    assert (await realm.attempts.locks("user-1")).of("totp").permanent
    assert not (await realm.attempts.hit("user-1", "totp", policy=PERMANENT, now=int(clock()))).admitted


async def test_a_long_temporary_lock_outlives_the_memory_of_attempts(realm: RealmStores, clock: FakeClock) -> None:
    policy = BruteForcePolicy(protected=True, failure_factor=1, wait_increment=YEAR, max_failure_wait=YEAR)
    await realm.attempts.hit("user-1", "totp", policy=policy, now=NOW)
    clock.advance(YEAR - 1)
    assert (await realm.attempts.locks("user-1")).locked(int(clock()))


async def test_a_realm_without_protection_counts_nothing(realm: RealmStores) -> None:
    attempt = await realm.attempts.hit("user-1", "password", policy=BruteForcePolicy(), now=NOW)
    assert attempt.admitted
    assert await realm.attempts.locks("user-1") == Locks()


async def test_a_budget_is_spent_and_comes_back_when_its_window_ends(realm: RealmStores, clock: FakeClock) -> None:
    async def send() -> bool:
        return await realm.throttle.hit("sms", "user-1", limit=2, window=60)

    assert [await send(), await send(), await send()] == [True, True, False]
    clock.advance(59)
    assert not await send()
    clock.advance(1)
    assert await send()


async def test_a_window_begins_with_its_first_use(realm: RealmStores, clock: FakeClock) -> None:
    assert await realm.throttle.hit("sms", "user-1", limit=2, window=60)
    clock.advance(40)
    assert await realm.throttle.hit("sms", "user-1", limit=2, window=60)
    clock.advance(20)
    assert await realm.throttle.hit("sms", "user-1", limit=2, window=60)


async def test_budgets_of_other_keys_and_purposes_are_others(realm: RealmStores) -> None:
    assert await realm.throttle.hit("sms", "user-1", limit=1, window=60)
    assert await realm.throttle.hit("sms", "user-2", limit=1, window=60)
    assert await realm.throttle.hit("page", "user-1", limit=1, window=60)
    assert not await realm.throttle.hit("sms", "user-1", limit=1, window=60)
    assert not await realm.throttle.hit("none", "user-1", limit=0, window=60)


async def test_a_budget_is_spent_to_its_limit_by_many_racers_and_not_further(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        key = f"user-{number}"
        results = await race(partial(realm.throttle.hit, "sms", key, limit=7, window=60))
        assert results.count(True) == 7
        assert results.count(False) == RACERS - 7


async def test_a_use_may_cost_more_and_one_that_costs_too_much_is_not_counted(realm: RealmStores) -> None:
    hit = partial(realm.throttle.hit, "spending", "day", limit=10, window=60)
    assert await hit(cost=7)
    assert not await hit(cost=4)
    assert await hit(cost=3)
    assert not await hit(cost=1)


async def test_failures_that_count_towards_a_permanent_lock_of_a_second_factor_are_never_forgotten(
    realm: RealmStores, clock: FakeClock
) -> None:
    policy = BruteForcePolicy(protected=True, failure_factor=5, max_secondary_failures=2).of_second_factor()
    await realm.attempts.hit("user-1", "otp", policy=policy, now=int(clock()))
    clock.advance(400 * 86400)
    await realm.attempts.hit("user-1", "otp", policy=policy, now=int(clock()))
    assert (await realm.attempts.locks("user-1")).of("otp").permanent
