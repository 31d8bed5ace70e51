"""A kernel over places that others write to as well: a transaction is compared when it ends, not locked while it runs.

A work runs here against what is known of the records it reads: what was seen last, or that there is none. Then the
place is asked, in one round trip, to write if every record that was read still has its stamp. If one has not, nothing
is written, the place says what is there, and the work runs again on that. So a wrong guess costs a round trip and is
never believed: also a work that writes nothing has its answer compared, and so has one that fails.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Generic, NamedTuple, Protocol, TypeVar

from idp.model.struct import Frozen
from idp.ports import Clock, PartHealth, RandomBytes, StoreUnavailableError
from idp.stores.kernel import EventRow, Transaction
from idp.stores.portable import KeptEvent, KeptRecord, Portion

T = TypeVar("T")

KNOWN = 2048
"""How many records a kernel remembers having seen, to guess well."""

_SMALL = 16 * 1024
"""Bytes that a record may have to be remembered: 2,048 of the usual size are a few megabytes."""

ROUNDS = 100
"""How often a work is run before its caller is told that too many want the same thing."""

HEALTHY_WITHIN = 0.8
"""Seconds in which a place that is well says so: a probe that asks for the node's health has about a second."""

_ALONE_AFTER = 2
"""Rounds after which those of this process that want the same thing queue, instead of outrunning each other."""


class RecordKey(NamedTuple):
    """The name of a record."""

    kind: str
    realm: str
    key: str


class Stamped(Frozen, frozen=True, kw_only=True):
    """A record as a place keeps it. `stamp` is another one after every write: 8 random bytes."""

    stamp: bytes
    value: bytes
    expires_at: float | None = None
    owner: str | None = None

    def live(self, now: float) -> bool:
        """Tell whether the record still exists at `now`. A place keeps records for a while after that."""
        return self.expires_at is None or self.expires_at > now


class Commit(Frozen, frozen=True, kw_only=True):
    """What a transaction read, and what it wants to write.

    `expected` names for each record that was read the stamp it had, or None where there was none; every record of
    `writes` (None: remove it) is among them or is written whatever is there. `now` is the moment of the transaction:
    places that let records expire by themselves count from it, since their clock may be another one.
    """

    now: float
    expected: Mapping[RecordKey, bytes | None]
    writes: Mapping[RecordKey, Stamped | None]
    events: Sequence[tuple[str, EventRow]]


class Place(Protocol):
    """Where records lie and are compared. Everything raises `StoreUnavailableError`, after a bounded time."""

    async def get(self, key: RecordKey) -> Stamped | None:
        """Return a record, expired or not."""

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        """Return the first live records of a kind, by key, whose keys begin with `prefix` and come behind `after`."""

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Give out everything that lies here: see `idp.stores.portable`."""

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Give out every event: see `idp.stores.portable`."""

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it, and return None; or write nothing, and return what is there of every expected record."""

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        """Remove at most `limit` expired records, and as many events older than that; count both."""

    async def health(self) -> Sequence[PartHealth]:
        """Ask every part whether it serves; never raises, and never waits long."""

    async def close(self) -> None:
        """Let go of everything."""


class OptimisticTransaction:
    """Implements `idp.stores.kernel.Transaction`: a run of a work, on what is known."""

    def __init__(self, known: Callable[[RecordKey], Stamped | None], *, now: float, random: RandomBytes) -> None:
        self.now = now
        self._known = known
        self._random = random
        self.expected: dict[RecordKey, bytes | None] = {}
        self.writes: dict[RecordKey, Stamped | None] = {}
        self.events: list[tuple[str, EventRow]] = []

    def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        name = RecordKey(kind, realm, key)
        if name in self.writes:
            found = self.writes[name]
        else:
            found = self._known(name)
            self.expected[name] = None if found is None else found.stamp
        return found.value if found is not None and found.live(self.now) else None

    def put(
        self,
        kind: str,
        realm: str,
        key: str,
        value: bytes,
        *,
        expires_at: float | None = None,
        owner: str | None = None,
    ) -> None:
        """Write a record."""
        stamped = Stamped(stamp=self._random(8), value=value, expires_at=expires_at, owner=owner)
        self.writes[RecordKey(kind, realm, key)] = stamped

    def delete(self, kind: str, realm: str, key: str) -> bool:
        """Remove a live record."""
        if self.get(kind, realm, key) is None:
            return False
        self.writes[RecordKey(kind, realm, key)] = None
        return True

    def append(self, realm: str, event: EventRow) -> None:
        """Write an event after all others."""
        self.events.append((realm, event))

    def commit(self, *, failed: bool) -> Commit:
        """Return what is to be compared, and written unless the work failed."""
        writes = {} if failed else self.writes
        return Commit(now=self.now, expected=self.expected, writes=writes, events=() if failed else self.events)


class Attempt(Generic[T]):
    """One run of a work, and what came of it."""

    def __init__(self, work: Callable[[Transaction], T], tx: OptimisticTransaction) -> None:
        self._error: Exception | None = None
        try:
            self._result = work(tx)
        except Exception as error:  # noqa: BLE001 - it is raised again, once it is known that it was not a wrong guess
            self._error = error
        self.commit = tx.commit(failed=self._error is not None)

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class OptimisticKernel:
    """Implements `idp.stores.portable.Portable` over two places: `brief` for the kinds that live minutes, `durable`.

    `forgot_at` tells the moment before which the brief place may have forgotten things before their time; 0 if never.
    """

    def __init__(
        self,
        *,
        durable: Place,
        brief: Place,
        is_brief: Callable[[str], bool],
        clock: Clock,
        random: RandomBytes,
        forgot_at: Callable[[], float] = float,
    ) -> None:
        self._durable = durable
        self._brief = brief
        self._is_brief = is_brief
        self._clock = clock
        self._random = random
        self._forgot_at = forgot_at
        self._known: OrderedDict[RecordKey, Stamped | None] = OrderedDict()
        self._queue = asyncio.Lock()

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        name = RecordKey(kind, realm, key)
        found = await self._place(kind).get(name)
        self._remember({name: found})
        return found.value if found is not None and found.live(self._clock()) else None

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        return await self._place(kind).owned(kind, realm, owner, now=self._clock())

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every live record of a kind, by key."""
        return await self._place(kind).page(kind, realm, prefix="", after="", limit=None, now=self._clock())

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        """Return the first live records of a kind whose keys begin with `prefix` and come behind `after`."""
        place = self._place(kind)
        return await place.page(kind, realm, prefix=prefix, after=after, limit=limit, now=self._clock())

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        return await self._durable.recent(realm, limit=limit, transaction_id=transaction_id)

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies in one place after the other."""
        places = list(self._places())
        number, _, there = after.partition(":")
        turn = int(number or 0)
        portion = await places[turn].records(after=there, limit=limit)
        if portion.after is not None:
            return Portion(items=portion.items, after=f"{turn}:{portion.after}")
        return Portion(items=portion.items, after=f"{turn + 1}:" if turn + 1 < len(places) else None)

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return events, those of a realm the oldest first."""
        return await self._durable.events(after=after, limit=limit)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` until what it read is what is there when it is written."""
        told: dict[RecordKey, Stamped | None] = {}

        def known(name: RecordKey) -> Stamped | None:
            return told[name] if name in told else self._known.get(name)

        async with AsyncExitStack() as turn:
            for number in range(ROUNDS):
                if number == _ALONE_AFTER:
                    await turn.enter_async_context(self._queue)
                attempt = Attempt(work, OptimisticTransaction(known, now=self._clock(), random=self._random))
                found = await self._committed(attempt.commit)
                if found is None:
                    self._remember(attempt.commit.writes)
                    return attempt.result()
                self._remember(found)
                told.update(found)
        raise StoreUnavailableError("Too many want to change the same record: try again.")

    def together(self) -> AbstractAsyncContextManager[None]:
        """Every transaction is durable when it returns: two places keep no common order that one could wait for."""
        return nullcontext()

    async def settled(self) -> None:
        """Everything is, already."""

    async def sweep(self, *, events_before: float, limit: int) -> int:
        """Remove what expired, and old events, in every place."""
        now, gone = self._clock(), 0
        for place in self._places():
            gone += await place.sweep(now=now, events_before=events_before, limit=limit)
        return gone

    def forgot_at(self, kind: str) -> float:
        """Return the moment before which records of a kind may have been forgotten before their time; 0 if never."""
        return self._forgot_at() if self._is_brief(kind) else 0.0

    async def health(self) -> Sequence[PartHealth]:
        """Ask all places at once."""
        return [part for parts in await asyncio.gather(*(one.health() for one in self._places())) for part in parts]

    async def close(self) -> None:
        """Let go of every place."""
        for place in self._places():
            await place.close()

    async def _committed(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        sides = {self._is_brief(name.kind) for name in (*commit.expected, *commit.writes)}
        if commit.events:
            sides.add(False)
        if len(sides) > 1:
            raise ValueError("A transaction cannot be in two places: MongoDB and Redis do not commit together.")
        return await (self._brief if True in sides else self._durable).commit(commit) if sides else None

    def _place(self, kind: str) -> Place:
        return self._brief if self._is_brief(kind) else self._durable

    def _places(self) -> Iterator[Place]:
        yield self._durable
        if self._brief is not self._durable:
            yield self._brief

    def _remember(self, records: Mapping[RecordKey, Stamped | None]) -> None:
        for name, record in records.items():
            self._known.pop(name, None)
            if record is not None and len(record.value) <= _SMALL:  # that there is none is what is guessed anyway
                self._known[name] = record
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
