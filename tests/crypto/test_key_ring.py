"""The life of a realm's keys, as a document and a moment."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from idp.crypto import key_ring
from idp.crypto.key_ring import SEEN_BY_ALL, KeptKey, KeyRefusedError, Ring
from idp.model.policies.keys import ANNOUNCED, JWKS_LIFETIME, KeyAlgorithm, KeyPolicy

NOW = 1_800_000_000
DAY = 86400
OVERLAP = 10 * DAY
POLICY = KeyPolicy(algorithms=("ES256",), rotation=90 * DAY, overlap=OVERLAP)


def a_key(kid: str, algorithm: KeyAlgorithm = "ES256") -> KeptKey:
    return KeptKey(kid=kid, algorithm=algorithm, private=b"private", public={"kty": "EC"}, created_at=0, signs_from=0)


def a_ring(*kids: str, policy: KeyPolicy = POLICY) -> Ring:
    """Return a ring of ES256 keys that were made a day apart, and a refresh key; the first was made at NOW."""
    ring = key_ring.added(Ring(policy=policy), a_key("hs", "HS256"), now=NOW, at_once=False)
    for number, kid in enumerate(kids):
        ring = key_ring.added(ring, a_key(kid), now=NOW + number * DAY, at_once=False)
    return ring


def states(ring: Ring, now: int) -> dict[str, str]:
    return {key.kid: key_ring.state(ring, key, now=now) for key in ring.keys if key.algorithm == "ES256"}


def test_a_new_key_is_published_for_longer_than_the_key_set_is_cached() -> None:
    assert ANNOUNCED > JWKS_LIFETIME


def test_the_first_key_of_an_algorithm_signs_at_once() -> None:
    assert states(a_ring("a"), NOW) == {"a": "active"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (0, {"a": "active", "b": "passive"}),
        (ANNOUNCED - 1, {"a": "active", "b": "passive"}),
        (ANNOUNCED, {"a": "passive", "b": "active"}),
        (ANNOUNCED + OVERLAP - 1, {"a": "passive", "b": "active"}),
        (ANNOUNCED + OVERLAP, {"a": "disabled", "b": "active"}),
    ],
)
def test_a_rotation_from_beginning_to_end(after: int, expected: dict[str, str]) -> None:
    assert states(a_ring("a", "b"), NOW + DAY + after) == expected


def test_a_rotation_at_once_signs_at_once_and_keeps_the_old_key_for_the_overlap() -> None:
    ring = key_ring.added(a_ring("a"), a_key("b"), now=NOW + 5, at_once=True)
    assert states(ring, NOW + 5) == {"a": "passive", "b": "active"}
    assert states(ring, NOW + 5 + OVERLAP) == {"a": "disabled", "b": "active"}


def test_a_key_that_no_node_may_have_seen_yet_is_published_before_it_signs_also_in_a_hurry() -> None:
    for ring in (
        key_ring.added(a_ring("a"), a_key("b"), now=NOW + 5, at_once=True, unseen=SEEN_BY_ALL),
        key_ring.promoted(
            waits := key_ring.added(a_ring("a"), a_key("b"), now=NOW + 5, at_once=False),
            waits.keys[-1],
            now=NOW + 6,
            unseen=SEEN_BY_ALL,
        ),
    ):
        assert states(ring, NOW + 5 + SEEN_BY_ALL - 1) == {"a": "active", "b": "passive"}
        assert states(ring, NOW + 5 + SEEN_BY_ALL) == {"a": "passive", "b": "active"}


def test_a_key_that_was_published_long_ago_signs_at_once_when_it_is_promoted() -> None:
    waits = key_ring.added(a_ring("a"), a_key("b"), now=NOW, at_once=False)
    ring = key_ring.promoted(waits, waits.keys[-1], now=NOW + 60, unseen=SEEN_BY_ALL)
    assert states(ring, NOW + 60) == {"a": "passive", "b": "active"}


def test_two_rotations_within_one_second_let_the_last_one_sign() -> None:
    ring = key_ring.added(a_ring("a"), a_key("b"), now=NOW, at_once=True)
    ring = key_ring.added(ring, a_key("c"), now=NOW, at_once=True)
    assert states(ring, NOW) == {"a": "passive", "b": "passive", "c": "active"}


def test_a_waiting_key_that_is_promoted_signs_at_once() -> None:
    ring = a_ring("a", "b")
    waiter = key_ring.waiting(ring, "ES256", now=NOW + DAY)
    assert waiter is not None
    assert states(key_ring.promoted(ring, waiter, now=NOW + DAY), NOW + DAY) == {"a": "passive", "b": "active"}


def test_a_waiting_key_that_is_disabled_never_signs_and_the_old_one_goes_on() -> None:
    ring = key_ring.disabled(a_ring("a", "b"), "b", now=NOW + DAY)
    assert states(ring, NOW + DAY + 10 * OVERLAP) == {"a": "active", "b": "disabled"}


def test_a_disabled_key_keeps_nothing_private() -> None:
    ring = key_ring.disabled(a_ring("a", "b"), "a", now=NOW + DAY + ANNOUNCED)
    (key,) = [key for key in ring.keys if key.kid == "a"]
    assert (key.private, key.public, key.disabled_at) == (b"", {"kty": "EC"}, NOW + DAY + ANNOUNCED)


def test_a_key_whose_overlap_is_over_is_marked_and_keeps_nothing_private() -> None:
    at = NOW + DAY + ANNOUNCED + OVERLAP
    assert key_ring.tidied(a_ring("a", "b"), now=at - 1) == a_ring("a", "b")
    (key,) = [key for key in key_ring.tidied(a_ring("a", "b"), now=at).keys if key.kid == "a"]
    assert (key.private, key.disabled_at) == (b"", at)


@pytest.mark.parametrize("kid", ["a", "hs"])
def test_the_last_active_key_of_an_algorithm_in_use_cannot_be_disabled(kid: str) -> None:
    with pytest.raises(KeyRefusedError, match=r"last active one of (ES256|HS256).*idp keys rotate --algorithm"):
        key_ring.disabled(a_ring("a"), kid, now=NOW)


def test_the_active_key_cannot_be_disabled_while_its_successor_only_waits() -> None:
    with pytest.raises(KeyRefusedError, match="last active one"):
        key_ring.disabled(a_ring("a", "b"), "a", now=NOW + DAY)


def test_an_unknown_key_and_a_disabled_one_are_not_disabled() -> None:
    ring = key_ring.disabled(a_ring("a", "b"), "b", now=NOW + DAY)
    with pytest.raises(KeyRefusedError, match="no key x"):
        key_ring.disabled(ring, "x", now=NOW + DAY)
    with pytest.raises(KeyRefusedError, match="disabled already"):
        key_ring.disabled(ring, "b", now=NOW + DAY)


def test_disabling_what_signs_an_algorithm_that_nobody_uses_lets_no_older_key_sign_again() -> None:
    ring = a_ring("a", "b", policy=KeyPolicy(algorithms=("RS256",), overlap=OVERLAP))
    ring = key_ring.disabled(ring, "b", now=NOW + DAY + ANNOUNCED)
    assert states(ring, NOW + DAY + ANNOUNCED) == {"a": "disabled", "b": "disabled"}
    assert "ES256" not in key_ring.algorithms(ring)


def test_what_is_in_use_and_has_no_key_is_due() -> None:
    policy = KeyPolicy(algorithms=("ES256", "RS256", "EdDSA"))
    assert key_ring.due(Ring(policy=policy), now=NOW) == ("ES256", "RS256", "EdDSA", "HS256")
    assert key_ring.due(a_ring("a", policy=policy), now=NOW) == ("RS256", "EdDSA")


def test_a_rotation_is_due_so_early_that_the_successor_signs_in_time() -> None:
    ring, at = a_ring("a"), NOW + 90 * DAY - ANNOUNCED
    assert key_ring.due(ring, now=at - 1) == ()
    assert key_ring.next_change(ring, now=at - 1) == at
    assert set(key_ring.due(ring, now=at)) == {"ES256", "HS256"}
    ring = key_ring.added(ring, a_key("b"), now=at, at_once=False)
    assert key_ring.due(ring, now=at) == ("HS256",), "a successor that waits is not made twice"
    assert states(ring, NOW + 90 * DAY) == {"a": "passive", "b": "active"}


def test_without_a_schedule_nothing_is_ever_due() -> None:
    ring = a_ring("a", policy=KeyPolicy(algorithms=("ES256",)))
    assert key_ring.due(ring, now=NOW + 10_000 * DAY) == ()
    assert key_ring.next_change(ring, now=NOW) == math.inf


def test_a_clock_that_was_set_back_leaves_nobody_without_a_key() -> None:
    assert states(a_ring("a", "b"), NOW - 100 * DAY) == {"a": "active", "b": "passive"}


class LifeOfKeys(RuleBasedStateMachine):
    """Whatever is done in whatever order: one key of each algorithm in use signs, and nothing comes back."""

    @initialize()
    def begin(self) -> None:
        self.now, self.number = NOW, 0
        self.ring = a_ring("k")
        self.ended: set[str] = set()
        self.signed: dict[str, int] = {}

    @rule(seconds=st.sampled_from([1, ANNOUNCED - 1, ANNOUNCED, DAY, OVERLAP, 90 * DAY, 400 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(at_once=st.booleans())
    def a_key_is_added(self, *, at_once: bool) -> None:
        self.number += 1
        self.ring = key_ring.added(self.ring, a_key(f"k{self.number}"), now=self.now, at_once=at_once)

    @rule(which=st.integers(0, 20))
    def a_key_is_disabled(self, which: int) -> None:
        key = self.ring.keys[which % len(self.ring.keys)]
        signs = key_ring.active(self.ring, key.algorithm, now=self.now) is key
        try:
            self.ring = key_ring.disabled(self.ring, key.kid, now=self.now)
        except KeyRefusedError:
            assert signs or key_ring.state(self.ring, key, now=self.now) == "disabled"
        else:
            assert not signs

    @rule()
    def the_ring_is_tidied(self) -> None:
        self.ring = key_ring.tidied(self.ring, now=self.now)

    @invariant()
    def exactly_one_key_signs(self) -> None:
        found = states(self.ring, self.now)
        assert list(found.values()).count("active") == 1

    @invariant()
    def no_disabled_key_comes_back(self) -> None:
        found = states(self.ring, self.now)
        tidied = states(key_ring.tidied(self.ring, now=self.now), self.now)
        assert found == tidied
        marked = {key.kid for key in self.ring.keys if key.disabled_at is not None}
        assert self.ended <= marked
        self.ended = marked

    @invariant()
    def what_signs_has_its_private_half(self) -> None:
        for key in self.ring.keys:
            assert bool(key.private) == (key.disabled_at is None)

    @invariant()
    def the_next_change_is_ahead(self) -> None:
        assert key_ring.next_change(self.ring, now=self.now) > self.now


TestLifeOfKeys = LifeOfKeys.TestCase
TestLifeOfKeys.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
