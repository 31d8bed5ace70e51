"""Copying a whole store into another one, of whatever kind; and saying whether all of it arrived.

Where the copy stands is written in the target, together with what was copied: a copy that was killed goes on from
there. As long as that record is in the target, no server serves from it (`idp.stores.opening`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Literal, TypeVar

import msgspec

from idp.model.struct import Frozen
from idp.ports import StoreUnavailableError
from idp.stores.kernel import Transaction
from idp.stores.placement import is_brief
from idp.stores.portable import OF_THIS_STORE, UNFINISHED_COPY, KeptEvent, KeptRecord, Portable
from idp.stores.upkeep.sweeping import sweeper
from idp.stores.verbs.shelf import Shelf

T = TypeVar("T")

AT_ONCE = 200
"""How many records or events one transaction carries."""

EVENTS = "event"
"""The name under which events are counted, among the kinds of records."""

_RANGE = 1 << 256

Progress = Callable[[str, int], None]
"""Is told what is being done, and how many were done."""


class CopyRefusedError(StoreUnavailableError):
    """The copy cannot be made, or what arrived differs. The text says what to do."""


_NOT_EMPTY = "The target is not empty: name a new one, or empty it first."


class Tally(Frozen, frozen=True, kw_only=True):
    """How many there are of a kind, and a sum over the hashes of all of them, in whatever order they come."""

    count: int = 0
    digest: int = 0

    def with_one(self, value: bytes) -> Tally:
        """Count one more."""
        return Tally(count=self.count + 1, digest=(self.digest + int.from_bytes(sha256(value).digest())) % _RANGE)


class Unfinished(Frozen, frozen=True, kw_only=True):
    """Where a copy stands. `origin` is the store that it is made of, without any password."""

    origin: str
    part: Literal["records", "events", "done"] = "records"
    after: str = ""
    copied: int = 0


_MARKER = Shelf(UNFINISHED_COPY, "", Unfinished)
_ONLY = ""


async def unfinished_copy(kernel: Portable) -> Unfinished | None:
    """Return where the copy into this store stands, if one was begun and is not finished."""
    return await _MARKER.find(kernel, _ONLY)


async def copy(
    source: Portable, target: Portable, *, origin: str, now: float, progress: Progress
) -> Mapping[str, Tally]:
    """Copy what is live at `now`, or go on with it; return what is in the target now, by kind.

    Raises:
        CopyRefusedError: the target holds something else, or differs from the source in the end.

    """
    await _refuse_served(source, target)
    state = await _begun(target, origin)
    while state.part != "done":
        state = await (_records if state.part == "records" else _events)(source, target, state, now)
        progress("copying", state.copied)
    expected = await tallies(source, now=now, progress=lambda done: progress("reading the source again", done))
    found = await tallies(target, now=now, progress=lambda done: progress("reading the target", done))
    _compare(expected, found)
    await target.transact(lambda tx: _MARKER.delete(tx, _ONLY))
    return found


async def archive(source: Portable, target: Portable, *, now: float, progress: Progress) -> Mapping[str, Tally]:
    """Copy a store while servers go on writing to it, but for what lives minutes; return what is in the target now.

    What is written meanwhile may be in it or not. The target is held against what was read: the source goes on.

    Raises:
        CopyRefusedError: the target holds something else, or differs from what was read.

    """
    await _refuse_full(target)
    read: dict[str, Tally] = {}
    async for records in _batched(_lasting(source, now)):
        await target.transact(partial(_put_all, records=records))
        for record in records:
            _count(read, record.kind, record)
        progress("copying", _total(read))
    async for events in _batched(every_event(source)):
        await target.transact(partial(_append_all, events=events))
        for event in events:
            _count(read, EVENTS, event)
        progress("copying", _total(read))
    found = await tallies(target, now=now, progress=lambda done: progress("reading the target", done))
    _compare(read, found)
    return found


async def tallies(kernel: Portable, *, now: float, progress: Callable[[int], None]) -> Mapping[str, Tally]:
    """Count every kind that is live at `now`, and the events."""
    found: dict[str, Tally] = {}
    # Redis has no order and may name a record twice. What lives minutes is few enough to remember it.
    seen: set[bytes] = set()
    async for record in every_record(kernel, now=now):
        if is_brief(record.kind):
            name = sha256(msgspec.msgpack.encode((record.kind, record.realm, record.key))).digest()
            if name in seen:
                continue
            seen.add(name)
        _count(found, record.kind, record)
        progress(_total(found))
    async for event in every_event(kernel):
        _count(found, EVENTS, event)
        progress(_total(found))
    return found


def _count(found: dict[str, Tally], kind: str, one: KeptRecord | KeptEvent) -> None:
    found[kind] = found.get(kind, Tally()).with_one(_encode(one))


def _encode(one: KeptRecord | KeptEvent) -> bytes:
    return msgspec.msgpack.encode(_portable(one) if isinstance(one, KeptRecord) else one)


def _portable(record: KeptRecord) -> KeptRecord:
    """Return the record with an end that every store keeps as it is: a multiple of an eighth of a second.

    MongoDB keeps milliseconds, and a double holds few of them exactly. Never earlier: what is used up stays so.
    """
    if record.expires_at is None:
        return record
    return msgspec.structs.replace(record, expires_at=math.ceil(record.expires_at * 8) / 8)


def _total(found: Mapping[str, Tally]) -> int:
    return sum(tally.count for tally in found.values())


async def every_record(kernel: Portable, *, now: float) -> AsyncIterator[KeptRecord]:
    """Yield every record that is live at `now`, but for those that say something of the store itself."""
    after: str | None = ""
    while after is not None:
        portion = await kernel.records(after=after, limit=AT_ONCE)
        for record in _live(portion.items, now):
            yield record
        after = portion.after


async def every_event(kernel: Portable) -> AsyncIterator[KeptEvent]:
    """Yield every event, the oldest first."""
    after: str | None = ""
    while after is not None:
        portion = await kernel.events(after=after, limit=AT_ONCE)
        for event in portion.items:
            yield event
        after = portion.after


async def _lasting(source: Portable, now: float) -> AsyncIterator[KeptRecord]:
    async for record in every_record(source, now=now):
        if not is_brief(record.kind):
            yield record


async def _batched(every: AsyncIterator[T]) -> AsyncIterator[Sequence[T]]:
    batch: list[T] = []
    async for one in every:
        batch.append(one)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _live(records: Sequence[KeptRecord], now: float) -> list[KeptRecord]:
    return [
        record
        for record in records
        if record.kind not in OF_THIS_STORE and (record.expires_at is None or record.expires_at > now)
    ]


async def _refuse_served(*kernels: Portable) -> None:
    """Refuse stores that several servers share, and one serves from; a file that is served from is locked."""
    for kernel in kernels:
        server = await sweeper(kernel)
        if server is not None:
            raise CopyRefusedError(
                f"A server ({server}) serves from one of the stores: stop every server. "
                "One that was killed is forgotten within a minute."
            )


async def _begun(target: Portable, origin: str) -> Unfinished:
    begun = await unfinished_copy(target)
    if begun is None:
        await _refuse_full(target)
        begun = Unfinished(origin=origin)
        await target.transact(lambda tx: _MARKER.put(tx, _ONLY, Unfinished(origin=origin)))
    if begun.origin != origin:
        raise CopyRefusedError(
            f"A copy of {begun.origin} into this store was begun and is not finished: go on with that one, "
            "or empty the target."
        )
    return begun


async def _refuse_full(target: Portable) -> None:
    # What has expired counts as well: a server has served from a store that holds such a thing.
    async for _ in every_record(target, now=-math.inf):
        raise CopyRefusedError(_NOT_EMPTY)
    if (await target.events(after="", limit=1)).items:
        raise CopyRefusedError(_NOT_EMPTY)


async def _records(source: Portable, target: Portable, state: Unfinished, now: float) -> Unfinished:
    portion = await source.records(after=state.after, limit=AT_ONCE)
    records = _live(portion.items, now)
    brief = [record for record in records if is_brief(record.kind)]
    # Each by itself: in Redis Cluster two of them may lie on two nodes. To write one twice does no harm.
    await asyncio.gather(*(target.transact(partial(_put_all, records=[one])) for one in brief))
    lasting = [record for record in records if not is_brief(record.kind)]
    after = _advanced(state, part="events", after=portion.after, copied=len(records))

    def work(tx: Transaction) -> None:
        _put_all(tx, records=lasting)
        _MARKER.put(tx, _ONLY, after)

    await target.transact(work)
    return after


async def _events(source: Portable, target: Portable, state: Unfinished, _now: float) -> Unfinished:
    portion = await source.events(after=state.after, limit=AT_ONCE)
    after = _advanced(state, part="done", after=portion.after, copied=len(portion.items))

    def work(tx: Transaction) -> None:
        # The state is compared before: an event that was appended twice would stay twice.
        if _MARKER.get(tx, _ONLY) != state:
            raise CopyRefusedError("Somebody else is copying into this store.")
        _append_all(tx, events=portion.items)
        _MARKER.put(tx, _ONLY, after)

    await target.transact(work)
    return after


def _advanced(state: Unfinished, *, part: Literal["events", "done"], after: str | None, copied: int) -> Unfinished:
    return Unfinished(
        origin=state.origin,
        part=part if after is None else state.part,
        after=after or "",
        copied=state.copied + copied,
    )


def _put_all(tx: Transaction, *, records: Sequence[KeptRecord]) -> None:
    for one in map(_portable, records):
        tx.put(one.kind, one.realm, one.key, one.value, expires_at=one.expires_at, owner=one.owner)


def _append_all(tx: Transaction, *, events: Sequence[KeptEvent]) -> None:
    for event in events:
        tx.append(event.realm, event.row)


def _compare(expected: Mapping[str, Tally], found: Mapping[str, Tally]) -> None:
    different = [
        f"{kind} ({expected.get(kind, Tally()).count} in the source, {found.get(kind, Tally()).count} in the target)"
        for kind in sorted({*expected, *found})
        if expected.get(kind) != found.get(kind)
    ]
    if different:
        raise CopyRefusedError(
            f"The target differs from the source: {', '.join(different)}. Something has written to one of them: "
            "see that no server runs on either, empty the target, and copy again."
        )
