"""Since when Redis remembers: a marker in each bucket, which names the epoch that its records belong to.

Redis may forget: emptied by hand, restarted from an old file, replaced by a replica that was behind. Then a code that
was taken would be there untaken, and a proof that was used could be used again. So every record belongs to an epoch,
and a server that was started anew, or has no marker, begins a new one: what was before is not believed, whether or not
it is still there. Who was in the middle of a login begins again (decision 0039).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from idp.ports import Clock, RandomBytes, StoreUnavailableError
from idp.stores.redis.links import Link
from idp.stores.redis.names import BUCKETS, marker_key
from idp.stores.redis.wire import Command, RedisRefusedError

IsFirst = Callable[[], Awaitable[bool]]

_SINCE_EVER = 0
"""When the first epoch of a deployment began: nobody can have used anything before it."""

_RENEW = b"""
local there = redis.call('GET', KEYS[1]) or ''
if there ~= ARGV[1] then return there end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


class Epochs:
    """The markers as this node knows them. A marker: the epoch's name, the server's run, when it began."""

    def __init__(self, *, clock: Clock, random: RandomBytes) -> None:
        self._clock = clock
        self._random = random
        self._markers: list[bytes] = [b""] * BUCKETS
        self._turn = asyncio.Lock()
        self._is_first: IsFirst | None = None
        self._first = False
        self.began_at = 0.0
        """When the youngest epoch began: what was done before then may have been forgotten."""

    def marker(self, bucket: int) -> bytes:
        """Return the marker of a bucket on a link that was accepted."""
        return self._markers[bucket]

    @contextmanager
    def perhaps_first(self, is_first: IsFirst | None) -> Iterator[None]:
        """Ask, as long as the block lasts, whether an epoch that begins on an empty server is the first one ever."""
        self._is_first = is_first
        try:
            yield
        finally:
            self._is_first, self._first = None, False

    async def learn(self, link: Link) -> None:
        """Read the markers of a server, and begin a new epoch wherever it may have forgotten something."""
        async with self._turn:
            there = await _asked(link, [("GET", marker_key(bucket)) for bucket in link.buckets])
            lost = [
                (bucket, marker or b"")
                for bucket, marker in zip(link.buckets, there, strict=True)
                if marker is None or _run(marker) != link.run
            ]
            if lost:
                await self._renew(link, lost)
                there = await _asked(link, [("GET", marker_key(bucket)) for bucket in link.buckets])
            for bucket, marker in zip(link.buckets, there, strict=True):
                self._markers[bucket] = marker or b""
            self.began_at = max((_began(marker) for marker in self._markers if marker), default=0.0)

    async def _renew(self, link: Link, lost: Sequence[tuple[int, bytes]]) -> None:
        """Begin an epoch; of several nodes that notice at the same time, one names it."""
        is_first = not any(marker for _, marker in lost) and await self._asked_once()
        began = _SINCE_EVER if is_first else int(self._clock()) + 1
        fresh = b"%s %s %d" % (self._random(6).hex().encode(), link.run.encode(), began)
        await _asked(
            link,
            [("EVAL", _RENEW, 1, marker_key(bucket), marker, fresh) for bucket, marker in lost],
            writes=True,
        )
        if is_first:  # nothing is lost
            return
        structlog.get_logger().warning(
            "redis begins anew",
            reason="restarted or replaced" if any(marker for _, marker in lost) else "empty",
            buckets=len(lost),
        )

    async def _asked_once(self) -> bool:
        """Ask for all servers of a Cluster together: whoever answers says yes once."""
        if self._is_first is not None:
            asking, self._is_first = self._is_first, None
            self._first = await asking()
        return self._first


async def _asked(link: Link, commands: Sequence[Command], *, writes: bool = False) -> Sequence[Any]:
    answers = await link.wire.ask(commands, writes=writes)
    for answer in answers:
        if isinstance(answer, RedisRefusedError):
            raise StoreUnavailableError(f"Redis: it refused a command ({answer.code}).")
    return answers


def _run(marker: bytes) -> str:
    return marker.split(b" ")[1].decode()


def _began(marker: bytes) -> float:
    return float(marker.split(b" ")[2])
