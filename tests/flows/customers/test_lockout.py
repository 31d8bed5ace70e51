"""How often somebody may try, and what follows (keycloak.md 2.14; RTS (EU) 2018/389 Art. 4(3)(b))."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Attempt, FactorLock, Locks, clear, count_attempt

NOW = 1_800_000_000
TEMPORARY = BruteForcePolicy(protected=True, failure_factor=5)
LINEAR = BruteForcePolicy(protected=True, failure_factor=5, strategy="LINEAR")
PERMANENT = BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True)
AFTER_TWO = BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True, max_temporary_lockouts=2)


class Guesser:
    """Somebody who tries, and waits."""

    def __init__(self, policy: BruteForcePolicy) -> None:
        self.policy = policy
        self.locks = Locks()
        self.now = NOW
        self.admitted = 0

    def guess(self, factor: str = "otp") -> Attempt:
        self.locks, attempt = count_attempt(self.locks, factor, self.policy, self.now)
        self.admitted += attempt.admitted
        return attempt

    def guesses(self, number: int) -> list[Attempt]:
        return [self.guess() for _ in range(number)]

    @property
    def lock(self) -> FactorLock:
        return self.locks.of("otp")

    def wait_until_unlocked(self) -> int:
        """Wait out the lock; return how long it took."""
        waited = max(0, self.lock.not_before - self.now)
        self.now += waited
        return waited


def test_the_fifth_attempt_is_evaluated_and_the_sixth_is_not() -> None:
    attempts = Guesser(TEMPORARY).guesses(6)
    assert [attempt.admitted for attempt in attempts] == [True] * 5 + [False]
    assert [attempt.newly_locked for attempt in attempts] == [False] * 4 + [True, False]


def test_waits_grow_with_every_multiple_of_the_factor() -> None:
    guesser = Guesser(TEMPORARY)
    waits = []
    for _ in range(15):
        guesser.guess()
        waits.append(guesser.wait_until_unlocked())
    assert waits == [0] * 4 + [60] * 5 + [120] * 5 + [180]


def test_linear_waits_grow_with_every_attempt() -> None:
    guesser = Guesser(LINEAR)
    waits = []
    for _ in range(8):
        guesser.guess()
        waits.append(guesser.wait_until_unlocked())
    assert waits == [0] * 4 + [60, 120, 180, 240]


@pytest.mark.parametrize("policy", [TEMPORARY, LINEAR], ids=["MULTIPLE", "LINEAR"])
def test_no_wait_is_longer_than_the_longest(policy: BruteForcePolicy) -> None:
    guesser = Guesser(policy)
    for _ in range(100):
        guesser.guess()
        assert guesser.wait_until_unlocked() <= policy.max_failure_wait
    guesser.guess()
    assert guesser.lock.not_before - guesser.now == policy.max_failure_wait


def test_a_temporary_lock_ends_at_its_second_and_not_before() -> None:
    guesser = Guesser(TEMPORARY)
    guesser.guesses(5)
    guesser.now = NOW + 59
    assert guesser.locks.locked(guesser.now)
    assert not guesser.guess().admitted
    guesser.now = NOW + 60
    assert not guesser.locks.locked(guesser.now)
    assert guesser.guess().admitted


def test_an_attempt_while_locked_is_not_counted() -> None:
    guesser = Guesser(TEMPORARY)
    guesser.guesses(5)
    before = guesser.locks
    guesser.guesses(10)
    assert guesser.locks is before


def test_in_permanent_mode_the_factor_itself_locks_for_ever() -> None:
    guesser = Guesser(PERMANENT)
    assert guesser.guesses(5)[-1].newly_locked
    assert guesser.lock.permanent
    guesser.now += 10 * 365 * 86400
    assert not guesser.guess().admitted


@pytest.mark.parametrize(
    "policy",
    [
        BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True, wait_increment=0),
        BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True, max_failure_wait=0),
        BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True, wait_increment=0, strategy="LINEAR"),
    ],
    ids=["no increment", "no longest wait", "linear"],
)
def test_a_permanent_lock_needs_no_waiting_time(policy: BruteForcePolicy) -> None:
    guesser = Guesser(policy)
    assert [attempt.admitted for attempt in guesser.guesses(6)] == [True] * 5 + [False]
    assert guesser.lock.permanent


def test_after_so_many_temporary_locks_the_next_is_permanent() -> None:
    guesser = Guesser(AFTER_TWO)
    guesser.guesses(5)
    guesser.wait_until_unlocked()
    guesser.guess()
    assert not guesser.lock.permanent
    guesser.wait_until_unlocked()
    guesser.guess()
    assert guesser.lock.permanent


def test_the_demos_numbers_lock_for_ever_after_twenty_failures() -> None:
    policy = BruteForcePolicy(protected=True, failure_factor=5, permanent_lockout=True, max_temporary_lockouts=15)
    guesser = Guesser(policy)
    while not guesser.lock.permanent:
        guesser.guess()
        guesser.now = max(guesser.now, guesser.lock.not_before)
    assert guesser.admitted == 20  # bank.md 3.9: 20 for a one-time code since the last success


def test_a_long_pause_forgives_temporary_failures_only() -> None:
    for policy, counted in ((TEMPORARY, 1), (AFTER_TWO, 5)):
        guesser = Guesser(policy)
        guesser.guesses(4)
        guesser.now += policy.max_delta_time + 1
        guesser.guess()
        assert guesser.lock.attempts == counted


def test_a_pause_of_exactly_the_limit_forgives_nothing() -> None:
    guesser = Guesser(TEMPORARY)
    guesser.guesses(4)
    guesser.now += TEMPORARY.max_delta_time
    assert guesser.guess().newly_locked


def test_success_forgets_the_failures_of_its_factor_and_of_no_other() -> None:
    guesser = Guesser(TEMPORARY)
    guesser.guesses(4)
    guesser.guess("password")
    guesser.locks = clear(guesser.locks, "otp")
    assert guesser.lock == FactorLock()
    assert guesser.locks.of("password").attempts == 1
    assert not any(attempt.newly_locked for attempt in guesser.guesses(4))


def test_failures_at_one_factor_do_not_lock_another() -> None:
    guesser = Guesser(TEMPORARY)
    guesser.guesses(5)
    assert guesser.guess("password").admitted
    assert guesser.locks.locked(guesser.now), "but the user is locked"


def test_without_protection_nothing_is_counted_and_nobody_is_locked() -> None:
    guesser = Guesser(BruteForcePolicy(failure_factor=1))
    assert all(attempt.admitted and not attempt.newly_locked for attempt in guesser.guesses(50))
    assert guesser.locks == Locks()


def test_a_lock_that_was_set_stays_when_protection_is_switched_off() -> None:
    guesser = Guesser(PERMANENT)
    guesser.guesses(5)
    guesser.policy = BruteForcePolicy(failure_factor=5)
    assert not guesser.guess().admitted


POLICIES = st.builds(
    BruteForcePolicy,
    protected=st.just(True),
    failure_factor=st.integers(1, 6),
    wait_increment=st.integers(0, 120),
    max_failure_wait=st.integers(0, 900),
    max_delta_time=st.integers(0, 5000),
    permanent_lockout=st.booleans(),
    max_temporary_lockouts=st.integers(0, 3),
    strategy=st.sampled_from(["MULTIPLE", "LINEAR"]),
)
STEPS = st.lists(st.tuples(st.integers(0, 6000), st.sampled_from(["guess", "guess", "guess", "succeed"])), max_size=60)


@given(policy=POLICIES, steps=STEPS)
def test_attempts_are_never_undercounted(policy: BruteForcePolicy, steps: list[tuple[int, str]]) -> None:
    guesser = Guesser(policy)
    counted, last = 0, NOW
    for pause, what in steps:
        guesser.now += pause
        attempt = guesser.guess()
        if not attempt.admitted:
            continue
        forgiven = guesser.now - last > policy.max_delta_time and not policy.permanent_lockout
        counted = 1 if forgiven else counted + 1
        last = guesser.now
        assert attempt.lock.attempts == counted
        assert guesser.lock.last_attempt_at == guesser.now
        if policy.permanent_lockout and policy.max_temporary_lockouts == 0:
            assert attempt.newly_locked == (counted >= policy.failure_factor)
        if what == "succeed":
            guesser.locks, counted = clear(guesser.locks, "otp"), 0


@given(policy=POLICIES, steps=STEPS)
def test_a_permanent_policy_bounds_all_guesses_for_ever(policy: BruteForcePolicy, steps: list[tuple[int, str]]) -> None:
    guesser = Guesser(policy)
    for pause, _ in steps:
        guesser.now += pause
        guesser.guess()
    if policy.permanent_lockout:
        assert guesser.admitted <= policy.failure_factor + policy.max_temporary_lockouts


SECOND = BruteForcePolicy(protected=True, failure_factor=5, max_secondary_failures=8)


def test_so_many_failures_of_a_second_factor_lock_it_for_good_in_temporary_mode_too() -> None:
    guesser = Guesser(SECOND.of_second_factor())
    while not guesser.lock.permanent:
        guesser.guess()
        guesser.now = max(guesser.now, guesser.lock.not_before)
    assert guesser.admitted == 8
    first = Guesser(SECOND)
    for _ in range(20):
        first.guess()
        first.now = max(first.now, first.lock.not_before)
    assert first.admitted == 20
    assert not first.lock.permanent


def test_no_pause_forgives_the_failures_of_a_second_factor() -> None:
    guesser = Guesser(SECOND.of_second_factor())
    for _ in range(8):
        assert not guesser.lock.permanent
        guesser.guess()
        guesser.now += SECOND.max_delta_time + 1
    assert guesser.lock.permanent
    assert guesser.lock.attempts == 1


def test_success_forgets_the_failures_of_a_second_factor() -> None:
    guesser = Guesser(SECOND.of_second_factor())
    for _ in range(4):
        guesser.guesses(4)
        guesser.locks = clear(guesser.locks, "otp")
    assert not guesser.lock.permanent


def test_failures_counted_before_the_total_was_kept_count_towards_it() -> None:
    guesser = Guesser(SECOND.of_second_factor())
    guesser.locks = Locks(factors={"otp": FactorLock(attempts=7, last_attempt_at=NOW)})
    guesser.guess()
    assert guesser.lock.permanent


QUICK = BruteForcePolicy(protected=True, failure_factor=5, quick_login_check=1000, minimum_quick_login_wait=60)


def test_two_failures_faster_than_a_person_types_lock_for_the_quick_wait() -> None:
    guesser = Guesser(QUICK)
    assert not guesser.guess().newly_locked
    assert guesser.guess().newly_locked
    assert guesser.lock.not_before == NOW + 60
    assert guesser.lock.temporary_lockouts == 0
    slow = Guesser(QUICK)
    for _ in range(4):
        assert not slow.guess().newly_locked
        slow.now += 1


def test_the_quick_wait_is_no_longer_than_the_longest_and_can_be_switched_off() -> None:
    guesser = Guesser(BruteForcePolicy(protected=True, failure_factor=5, quick_login_check=1000, max_failure_wait=7))
    guesser.guesses(2)
    assert guesser.lock.not_before == NOW + 7
    assert not Guesser(TEMPORARY).guesses(2)[1].newly_locked
