"""Implements `idp.stores.optimistic.Place` in Redis, for what lives minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from idp.ports import Clock, PartHealth, RandomBytes, StoreUnavailableError
from idp.stores.optimistic import HEALTHY_WITHIN, Commit, RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord, Portion
from idp.stores.redis import commits
from idp.stores.redis.addresses import UnusableAddressError, read_address
from idp.stores.redis.commits import ForgottenError, Plan
from idp.stores.redis.epochs import Epochs, IsFirst
from idp.stores.redis.links import Link, Links
from idp.stores.redis.names import EVERY_RECORD, bucket_of, epoch_in, name_in, read, record_name, shelf_pattern
from idp.stores.redis.servers import Servers
from idp.stores.redis.wire import Command, RedisRefusedError

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that Redis may take to connect, and to answer."""

_ROUNDS = 3
_YOUNG = 60
"""Seconds for which an epoch is young: by then, what is made now could not have been used before it began."""
_CHANGING = "Redis: the servers are changing places."
_SCANNED = 1000  # keys that one step of a scan looks at
_ELSEWHERE = frozenset({"MOVED", "READONLY", "CLUSTERDOWN", "MASTERDOWN"})


class _ElsewhereError(Exception):
    """Another server has it now."""


class RedisPlace:
    """Records in Redis. Events have no place here: they are durable."""

    def __init__(
        self, url: str, *, clock: Clock, random: RandomBytes, replicas: int = 0, patience: float = PATIENCE
    ) -> None:
        """`replicas`: how many must have a write before it counts. Raises `StoreUnavailableError` for a wrong `url`."""
        try:
            servers = Servers(read_address(url), patience=patience, replicas=replicas)
        except UnusableAddressError as error:
            raise StoreUnavailableError(f"store.redis_url cannot be used: {error}.") from None
        self._clock = clock
        self._epochs = Epochs(clock=clock, random=random)
        self._links = Links(servers, accepted=self._epochs.learn)

    async def open(self, *, is_first: IsFirst | None = None) -> None:
        """Connect, so that a wrong set-up shows at the start. Raises `StoreUnavailableError`, with what to do.

        `is_first` is asked where a server is empty: whether nobody can have used anything before now.
        """
        with self._epochs.perhaps_first(is_first):
            await self._links.all()

    @property
    def forgot_at(self) -> float:
        """The moment before which Redis may have forgotten what was done (epoch seconds)."""
        return self._epochs.began_at

    async def get(self, key: RecordKey) -> Stamped | None:
        """Return a record, expired or not."""
        bucket = bucket_of(key)

        async def once(link: Link) -> Stamped | None:
            marker = self._epochs.marker(bucket)
            (looked,) = await self._asked(link, commits.look([key], bucket, commits.epoch_of(marker)))
            return commits.found([key], looked, marker)[key]

        return await self._settled(bucket, once)

    async def commit(self, commit: Commit) -> Mapping[RecordKey, Stamped | None] | None:
        """Write all of it, and return None; or write nothing, and return what is there of every expected record."""
        bucket = commits.bucket_for(commit)

        async def once(link: Link) -> Mapping[RecordKey, Stamped | None] | None:
            marker = self._epochs.marker(bucket)
            planned = commits.plan(commit, bucket, marker)
            there = commits.outcome(commit, await self._asked(link, planned), marker)
            # After a lost connection it may have been written the first time.
            return None if there is not None and commits.is_ours(commit, there) else there

        return await self._settled(bucket, once, repeatable=commits.is_repeatable(commit))

    async def owned(self, kind: str, realm: str, owner: str, *, now: float) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key. For maintenance: it looks at every key."""
        found = await self._shelf(kind, realm, "")
        return [record.value for _, record in sorted(found.items()) if record.live(now) and record.owner == owner]

    async def page(
        self, kind: str, realm: str, *, prefix: str, after: str, limit: int | None, now: float
    ) -> Mapping[str, bytes]:
        """Return the first live records of a kind, by key. For maintenance: it looks at every key."""
        found = await self._shelf(kind, realm, prefix)
        live = [(key, record.value) for key, record in sorted(found.items()) if key > after and record.live(now)]
        return dict(live[:limit])

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return nothing: events are durable, and never written here."""
        del realm, limit, transaction_id
        return ()

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there, one server after the other; a scan may name a record twice (Redis, SCAN)."""
        turn, cursor = msgspec.json.decode(after, type=tuple[int, str]) if after else (0, "0")
        links = sorted(await self._links.all(), key=id)
        command: Command = ("SCAN", cursor, "MATCH", EVERY_RECORD, "COUNT", limit)
        try:
            ((following, keys),) = await self._asked(links[turn], Plan(commands=[command], writes=False))
            present = [key for key in keys if self._is_present(key)]
            asked = Plan(commands=[("GET", key) for key in present], writes=False)
            values = await self._asked(links[turn], asked) if present else ()
        except _ElsewhereError:
            raise StoreUnavailableError(_CHANGING) from None
        found = zip(map(record_name, present), map(read, values), strict=True)
        items = [_kept(name, record) for name, record in found if record is not None]
        turn, following = (turn, following.decode()) if following != b"0" else (turn + 1, "0")
        return Portion(
            items=items, after=msgspec.json.encode((turn, following)).decode() if turn < len(links) else None
        )

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return nothing: events are durable, and never written here."""
        del after, limit
        return Portion(items=(), after=None)

    async def sweep(self, *, now: float, events_before: float, limit: int) -> int:
        """Remove nothing: Redis lets records expire by itself."""
        del now, events_before, limit
        return 0

    async def health(self) -> Sequence[PartHealth]:
        """Ask every server what time it is; a probe does not wait for one that hangs."""
        try:
            async with asyncio.timeout(HEALTHY_WITHIN):
                ahead = [await self._clock_ahead(link) for link in await self._links.all()]
        except StoreUnavailableError as error:
            return [PartHealth(part="redis", ok=False, reason=str(error))]
        except _ElsewhereError:
            return [PartHealth(part="redis", ok=False, reason=_CHANGING)]
        except TimeoutError:
            return [PartHealth(part="redis", ok=False, reason="Redis did not answer in time.")]
        young = self._clock() < self.forgot_at + _YOUNG
        reason = "It begins anew: proofs that could have been used before are refused." if young else ""
        return [PartHealth(part="redis", ok=True, reason=reason, clock_ahead=max(ahead, key=abs, default=0.0))]

    async def _clock_ahead(self, link: Link) -> float:
        ((seconds, microseconds),) = await self._asked(link, Plan(commands=[("TIME",)], writes=False))
        return int(seconds) + int(microseconds) / 1e6 - self._clock()

    async def close(self) -> None:
        """Hang up."""
        self._links.close()

    async def _settled(self, bucket: int, once: Callable[[Link], Awaitable[T]], *, repeatable: bool = True) -> T:
        """Do something in the epoch that is, on the server that has the bucket.

        Once more on a new connection if the old one was lost (the server was started anew, say), but not if it kept
        silent: whoever asks would wait twice.
        """
        for number in range(_ROUNDS):
            link = await self._links.of(bucket)
            try:
                return await once(link)
            except StoreUnavailableError:
                if not (repeatable and number == 0 and link.wire.lost):
                    raise
            except ForgottenError:
                await self._epochs.learn(link)
            except _ElsewhereError:
                self._links.moved()
        raise StoreUnavailableError(_CHANGING)

    async def _asked(self, link: Link, planned: Plan) -> Sequence[Any]:
        answers = await link.wire.ask(planned.commands, writes=planned.writes)
        for answer in answers:
            if isinstance(answer, RedisRefusedError):
                if answer.code == "NOSCRIPT":
                    (command,) = planned.commands
                    again = Plan(commands=[commits.with_text(command)], writes=planned.writes)
                    return await self._asked(link, again)
                if answer.code in _ELSEWHERE:
                    raise _ElsewhereError
                # Its code only: the rest may hold what was asked.
                raise StoreUnavailableError(f"Redis: it refused a command ({answer.code}).")
        return answers

    async def _shelf(self, kind: str, realm: str, prefix: str) -> Mapping[str, Stamped]:
        found: dict[str, Stamped] = {}
        try:
            for link in await self._links.all():
                async for keys in self._scanned(link, shelf_pattern(kind, realm, prefix)):
                    values = await self._asked(link, Plan(commands=[("GET", key) for key in keys], writes=False))
                    records = zip(keys, map(read, values), strict=True)
                    found |= {name_in(key): record for key, record in records if record is not None}
        except _ElsewhereError:
            raise StoreUnavailableError(_CHANGING) from None
        return found

    async def _scanned(self, link: Link, pattern: bytes) -> AsyncIterator[Sequence[bytes]]:
        """Yield the keys of the present epochs that a pattern means, some at a time."""
        cursor = b""
        while cursor != b"0":
            command: Command = ("SCAN", cursor or b"0", "MATCH", pattern, "COUNT", _SCANNED)
            ((cursor, keys),) = await self._asked(link, Plan(commands=[command], writes=False))
            if present := [key for key in keys if self._is_present(key)]:
                yield present

    def _is_present(self, key: bytes) -> bool:
        bucket, epoch = epoch_in(key)
        return commits.epoch_of(self._epochs.marker(bucket)) == epoch


def _kept(name: RecordKey, record: Stamped) -> KeptRecord:
    return KeptRecord(
        kind=name.kind,
        realm=name.realm,
        key=name.key,
        value=record.value,
        expires_at=record.expires_at,
        owner=record.owner,
    )
