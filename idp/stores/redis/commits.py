"""A commit as commands of Redis, and their answers as what came of it. Pure: nothing is sent here.

One command where one suffices: a look, a write that expects nothing, the making of what is not there. A write is
followed, in the same round trip, by a look at the bucket's marker: an epoch's name never comes back, so where it is
still the same *after* the write, the write was into that epoch. Only what compares and writes runs as a script, which
looks at the marker first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from idp.model.struct import Frozen
from idp.stores.optimistic import Commit, RecordKey, Stamped
from idp.stores.redis.names import bucket_of, marker_key, read, record_key, written
from idp.stores.redis.wire import Command

MARGIN = 300
"""Seconds that Redis keeps a record beyond its end: the nodes' clocks differ, and the record's own end is what counts.
Were a record gone by one clock while it still means something by another, what was used could be used again."""

SCRIPT = b"""
-- KEYS: the marker, the expected records, the written ones. ARGV: the marker's value, how many are expected,
-- their stamps ('' for none); then for each written one its value ('' removes it) and its milliseconds ('' for ever).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'forgotten' end
local expected = tonumber(ARGV[2])
for i = 1, expected do
  if redis.call('GETRANGE', KEYS[1 + i], 0, 7) ~= ARGV[2 + i] then
    return redis.call('MGET', unpack(KEYS, 2, 1 + expected))
  end
end
local argument = 3 + expected
for i = 2 + expected, #KEYS do
  local value, life = ARGV[argument], ARGV[argument + 1]
  if value == '' then redis.call('DEL', KEYS[i])
  elseif life == '' then redis.call('SET', KEYS[i], value)
  else redis.call('SET', KEYS[i], value, 'PX', life) end
  argument = argument + 2
end
return 'written'
"""
DIGEST = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()

There = Mapping[RecordKey, Stamped | None]


class ForgottenError(Exception):
    """The bucket has another marker than this node knows: Redis was emptied, or another node has noticed that."""


class Plan(Frozen, frozen=True, kw_only=True):
    """The commands of a commit."""

    commands: Sequence[Command]
    writes: bool


def bucket_for(commit: Commit) -> int:
    """Return the one bucket of everything in a commit.

    Raises `ValueError` if there are several: a Cluster could not do that in one step. It is a bug in a verb, and shows
    on a single Redis as well.
    """
    buckets = {bucket_of(name) for name in (*commit.expected, *commit.writes)}
    if len(buckets) != 1:
        raise ValueError("What changes together in Redis must be of one family (idp.stores.placement).")
    return buckets.pop()


def look(names: Sequence[RecordKey], bucket: int, epoch: bytes) -> Plan:
    """Plan to look at records of one bucket."""
    keys = (record_key(bucket, epoch, name) for name in names)
    return Plan(commands=[("MGET", marker_key(bucket), *keys)], writes=False)


def plan(commit: Commit, bucket: int, marker: bytes) -> Plan:
    """Plan a commit into the epoch of `marker`."""
    epoch = epoch_of(marker)
    seen = look(list(commit.expected), bucket, epoch)
    if not commit.writes:
        return seen
    if len(commit.writes) == 1:
        ((name, record),) = commit.writes.items()
        if not commit.expected:
            write = _write(record_key(bucket, epoch, name), record, commit.now)
            return Plan(commands=[write, *seen.commands], writes=True)
        if record is not None and commit.expected == {name: None}:
            make = (*_write(record_key(bucket, epoch, name), record, commit.now), "NX")
            return Plan(commands=[make, *seen.commands], writes=True)
    return Plan(commands=[("EVALSHA", DIGEST, *_arguments(commit, bucket, marker))], writes=True)


def with_text(command: Command) -> Command:
    """Return the call of the script for a server that does not have it (yet, or after a restart)."""
    return ("EVAL", SCRIPT, *command[2:])


def outcome(commit: Commit, answers: Sequence[Any], marker: bytes) -> There | None:
    """Return None if it is written, or what is there if it is not. Raises `ForgottenError`."""
    names = list(commit.expected)
    if not commit.writes:
        there = found(names, answers[0], marker)
        stamps = {name: None if record is None else record.stamp for name, record in there.items()}
        return None if stamps == commit.expected else there
    if len(answers) > 1:  # a write, and what was seen after it
        there = found(names, answers[1], marker)
        return None if answers[0] is not None else there
    if answers[0] == b"forgotten":
        raise ForgottenError
    return None if answers[0] == b"written" else dict(zip(names, map(read, answers[0]), strict=True))


def is_repeatable(commit: Commit) -> bool:
    """Tell whether a commit of which nobody knows whether it was written can be tried again.

    A removal cannot: that the record is gone does not tell who took it, and two could win.
    """
    return None not in commit.writes.values()


def is_ours(commit: Commit, there: There) -> bool:
    """Tell whether what is there is what this commit writes: its stamps are nobody else's."""
    written_there = (there.get(name) for name in commit.writes)
    pairs = zip(commit.writes.values(), written_there, strict=True)
    return bool(commit.writes) and all(
        mine is not None and yours is not None and mine.stamp == yours.stamp for mine, yours in pairs
    )


def found(names: Sequence[RecordKey], looked: Sequence[bytes | None], marker: bytes) -> There:
    """Return the records that a look found. Raises `ForgottenError`."""
    if looked[0] != marker:
        raise ForgottenError
    return dict(zip(names, map(read, looked[1:]), strict=True))


def epoch_of(marker: bytes) -> bytes:
    """Return the name of a marker's epoch, its first word."""
    return marker.partition(b" ")[0]


def _arguments(commit: Commit, bucket: int, marker: bytes) -> Command:
    epoch = epoch_of(marker)
    keys = [record_key(bucket, epoch, name) for name in (*commit.expected, *commit.writes)]
    values: list[bytes | int] = [stamp or b"" for stamp in commit.expected.values()]
    for record in commit.writes.values():
        values += (b"", b"") if record is None else (written(record), _milliseconds(record, commit.now) or b"")
    return (1 + len(keys), marker_key(bucket), *keys, marker, len(commit.expected), *values)


def _write(key: bytes, record: Stamped | None, now: float) -> Command:
    if record is None:
        return ("DEL", key)
    life = _milliseconds(record, now)
    return ("SET", key, written(record)) if life is None else ("SET", key, written(record), "PX", life)


def _milliseconds(record: Stamped, now: float) -> int | None:
    return None if record.expires_at is None else max(1, int((record.expires_at - now + MARGIN) * 1000))
