"""A realm's keys as one document, and everything that can happen to them, as functions of a document and a moment.

What a key may do follows from the time alone, so there is no half of a rotation: one write adds the successor, and from
there on the clock moves everybody along. A key is *passive* while it waits (published before it signs, so that relying
parties have it when it does), *active* until its successor signs, *passive* again for the overlap, then *disabled*.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from idp.model.policies.keys import ANNOUNCED, KeyAlgorithm, KeyPolicy
from idp.model.struct import Frozen

KeyState = Literal["active", "passive", "disabled"]

SEEN_BY_ALL = 3
"""Seconds after which every node has a new key: each looks twice a second."""


class KeyRefusedError(Exception):
    """A change that an operator asked for is not made; the text says why and what to do."""


class KeptKey(Frozen, frozen=True, kw_only=True):
    """One key. `private` (PKCS #8, or the bytes of a symmetric key) is gone once the key is disabled."""

    kid: str
    algorithm: KeyAlgorithm
    private: bytes
    public: dict[str, str] = {}
    created_at: int
    signs_from: int
    disabled_at: int | None = None


class Ring(Frozen, frozen=True, kw_only=True):
    """Every key that the realm ever had, in the order they were made, and the policy they live by."""

    keys: tuple[KeptKey, ...] = ()
    policy: KeyPolicy = KeyPolicy()


def state(ring: Ring, key: KeptKey, *, now: int) -> KeyState:
    """Return what a key may do now."""
    ends_at = retires_at(ring, key)
    if ends_at is not None and ends_at <= now:
        return "disabled"
    return "active" if active(ring, key.algorithm, now=now) is key else "passive"


def retires_at(ring: Ring, key: KeptKey) -> int | None:
    """Return when a key is disabled, as far as that is known: an overlap after its successor begins to sign."""
    if key.disabled_at is not None:
        return key.disabled_at
    line = _line(ring, key.algorithm)
    later = line[line.index(key) + 1 :]
    return later[0].signs_from + ring.policy.overlap if later else None


def active(ring: Ring, algorithm: KeyAlgorithm, *, now: int) -> KeptKey | None:
    """Return the key that signs now. While the clock is behind every key of the algorithm, the first one does."""
    line = _line(ring, algorithm)
    begun = [key for key in line if key.signs_from <= now] or line[:1]
    return begun[-1] if begun else None


def waiting(ring: Ring, algorithm: KeyAlgorithm, *, now: int) -> KeptKey | None:
    """Return the key that is published and will sign later."""
    found, signing = _line(ring, algorithm)[-1:], active(ring, algorithm, now=now)
    return found[0] if found and found[0].signs_from > now and found[0] is not signing else None


def algorithms(ring: Ring) -> tuple[KeyAlgorithm, ...]:
    """Return the algorithms that the ring has living keys of."""
    return tuple(dict.fromkeys(key.algorithm for key in ring.keys if key.disabled_at is None))


def due(ring: Ring, *, now: int) -> tuple[KeyAlgorithm, ...]:
    """Return the algorithms that need a new key: those in use without any, and those whose rotation has come."""
    missing = [algorithm for algorithm in ring.policy.needed if not _line(ring, algorithm)]
    return (*missing, *(a for a in algorithms(ring) if _rotation_at(ring, a) <= now))


def added(ring: Ring, key: KeptKey, *, now: int, at_once: bool, unseen: int = 0) -> Ring:
    """Put a new key into the ring; the first one of its algorithm signs at once, having nobody to wait for.

    `at_once` lets it sign as soon as `unseen` seconds are over, in which nodes may serve keys without it.
    """
    first = not _line(ring, key.algorithm)
    waits = 0 if first else unseen if at_once else ANNOUNCED
    key = msgspec.structs.replace(key, created_at=now, signs_from=now + waits)
    return msgspec.structs.replace(ring, keys=(*ring.keys, key))


def promoted(ring: Ring, waiter: KeptKey, *, now: int, unseen: int = 0) -> Ring:
    """Let a waiting key sign from now on; one that was just made, when its `unseen` seconds are over."""
    signs_from = min(waiter.signs_from, max(now, waiter.created_at + unseen))
    return _with(ring, waiter, msgspec.structs.replace(waiter, signs_from=signs_from))


def disabled(ring: Ring, kid: str, *, now: int) -> Ring:
    """Disable a key for good.

    Raises `KeyRefusedError`: there is no such key, or it signs what the realm needs. Where nobody uses the algorithm of
    a key that signs, its other keys go too: none of them may begin to sign again.
    """
    key = next((key for key in ring.keys if key.kid == kid), None)
    if key is None:
        raise KeyRefusedError(f"There is no key {kid} in this realm.")
    if state(ring, key, now=now) == "disabled":
        raise KeyRefusedError(f"The key {kid} is disabled already.")
    if active(ring, key.algorithm, now=now) is not key:
        return _with(ring, key, _ended(key, now))
    if key.algorithm in ring.policy.needed:
        raise KeyRefusedError(
            f"The key {kid} is the last active one of {key.algorithm}, which this realm uses. "
            f"Let another one sign first: idp keys rotate --algorithm {key.algorithm} --now"
        )
    for other in _line(ring, key.algorithm):
        ring = _with(ring, other, _ended(other, now))
    return ring


def tidied(ring: Ring, *, now: int) -> Ring:
    """Return the ring with every key whose overlap is over marked as disabled, and its private half gone."""
    over = [key for key in ring.keys if key.disabled_at is None and state(ring, key, now=now) == "disabled"]
    for key in over:
        ring = _with(ring, key, _ended(key, now))
    return ring


def next_change(ring: Ring, *, now: int) -> float:
    """Return when something happens by itself (epoch seconds): a key begins to sign, ends, or is due for rotation."""
    moments: list[float] = [_rotation_at(ring, algorithm) for algorithm in algorithms(ring)]
    for key in (key for key in ring.keys if key.disabled_at is None):
        moments += [key.signs_from, retires_at(ring, key) or math.inf]
    return min((moment for moment in moments if moment > now), default=math.inf)


def _rotation_at(ring: Ring, algorithm: KeyAlgorithm) -> float:
    """Return when the successor of the newest key is due: so early that it signs when the rotation's days are over."""
    if ring.policy.rotation is None:
        return math.inf
    return _line(ring, algorithm)[-1].signs_from + ring.policy.rotation - ANNOUNCED


def _line(ring: Ring, algorithm: KeyAlgorithm) -> list[KeptKey]:
    """Return the keys of an algorithm that are not disabled, in the order in which they sign."""
    living = [key for key in ring.keys if key.algorithm == algorithm and key.disabled_at is None]
    return sorted(living, key=lambda key: key.signs_from)  # stable: of two of one second, the one made later is later


def _with(ring: Ring, key: KeptKey, changed: KeptKey) -> Ring:
    return msgspec.structs.replace(ring, keys=tuple(changed if other is key else other for other in ring.keys))


def _ended(key: KeptKey, now: int) -> KeptKey:
    return msgspec.structs.replace(key, disabled_at=now, private=b"")
