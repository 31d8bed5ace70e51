"""One connection to one Redis, shared by everybody: what is asked in one turn of the loop leaves in one piece.

redis-py's connections serve one caller at a time, from a pool; its layers cost fifteen times what the wire does. Redis
answers in the order it was asked, so callers need not wait for each other (`docs/performance.md` has the numbers).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis

from idp.ports import StoreUnavailableError

Command = tuple[bytes | str | int, ...]


class RedisRefusedError(Exception):
    """Redis answered a command with an error; the text is Redis' own, its first word the code."""

    @property
    def code(self) -> str:
        """The first word, such as `MOVED` or `NOSCRIPT`."""
        return str(self).partition(" ")[0]


class _Asked:
    """Commands that were asked together, and what was answered so far."""

    __slots__ = ("answers", "count", "future", "held_by", "since")

    def __init__(self, future: asyncio.Future[list[Any]], count: int, since: float) -> None:
        self.future = future
        self.count = count
        self.since = since
        self.answers: list[Any] = []
        self.held_by: list[_Asked] | None = None
        """For a question whether replicas have it: those whose answers wait for that."""


class Wire(asyncio.Protocol):
    """A connection. `patience` (seconds) is how long an answer may take before the connection counts as dead.

    With `replicas`, what wrote is acknowledged once so many replicas have it: asked once for everything of a turn.
    """

    def __init__(self, *, patience: float, replicas: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._replicas = replicas
        self._reader = hiredis.Reader(replyError=RedisRefusedError)
        self._transport: asyncio.Transport | None = None
        self._asked: deque[_Asked] = deque()
        self._leaving: list[bytes] = []
        self._held: list[_Asked] = []
        self._watched = False
        self.broken = ""
        """Why it serves no longer; empty while it does."""
        self.lost = False
        """Whether the connection ended; it may as well have been silent, or we hung up."""
        self.timed_out = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport (`asyncio.Protocol`)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by what it does, not by its class

    def data_received(self, data: bytes) -> None:
        """Hand each answer to whoever asked first (`asyncio.Protocol`)."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._answered(answer)
        except hiredis.ProtocolError:
            self.abort("it does not speak the protocol of Redis")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits (`asyncio.Protocol`)."""
        self.lost = not self.broken
        self.abort("the connection was lost" if exc is None else f"the connection was lost ({type(exc).__name__})")

    def ask(self, commands: Sequence[Command], *, writes: bool = False) -> asyncio.Future[list[Any]]:
        """Ask several things at once; the answers come together, an error of Redis as a `RedisRefusedError` among them.

        Raises (also when awaited) `StoreUnavailableError`: whether it happened is then not known.
        """
        if self.broken:
            raise StoreUnavailableError(f"Redis: {self.broken}.")
        asked = _Asked(self._loop.create_future(), len(commands), self._loop.time())
        if not self._leaving:
            self._loop.call_soon(self._leave)
        self._leaving += map(_packed, commands)
        self._asked.append(asked)
        if writes and self._replicas:
            self._held.append(asked)
        if not self._watched:
            self._watch(self._patience)
        return asked.future

    def abort(self, reason: str) -> None:
        """Hang up; everybody who waits hears it."""
        if self.broken:
            return
        self.broken = reason
        if self._transport is not None:
            self._transport.abort()
        waiting = [*self._asked, *(held for asked in self._asked for held in asked.held_by or ())]
        self._asked.clear()
        for asked in waiting:
            if not asked.future.done():
                asked.future.set_exception(StoreUnavailableError(f"Redis: {reason}."))
                asked.future.exception()  # a caller who went away asks no more; that is no news for the log

    def _leave(self) -> None:
        if self.broken or self._transport is None:
            return
        if self._held:
            self._ask_for_replicas()
        self._transport.write(b"".join(self._leaving))
        self._leaving.clear()

    def _ask_for_replicas(self) -> None:
        confirmed = _Asked(self._loop.create_future(), 1, self._loop.time())
        confirmed.held_by, self._held = self._held, []
        milliseconds = int(self._patience * 500)  # half of it: the answer must come before the wire counts as dead
        self._leaving.append(_packed(("WAIT", self._replicas, milliseconds)))
        for asked in confirmed.held_by:
            asked.held_by = []  # its answers are kept until then
        self._asked.append(confirmed)

    def _answered(self, answer: Any) -> None:
        if not self._asked:
            self.abort("it answered what nobody asked")
            return
        asked = self._asked[0]
        asked.answers.append(answer)
        if len(asked.answers) < asked.count:
            return
        self._asked.popleft()
        if asked.held_by:
            self._release(asked.held_by, asked.answers[0])
        elif asked.held_by is None:
            _told(asked)

    def _release(self, held: list[_Asked], replicas: object) -> None:
        enough = isinstance(replicas, int) and replicas >= self._replicas
        for asked in held:
            if enough:
                _told(asked)
            elif not asked.future.done():
                reason = "too few replicas have what was written (store.redis_replicas)"
                asked.future.set_exception(StoreUnavailableError(f"Redis: {reason}."))

    def _watch(self, seconds: float) -> None:
        self._watched = True
        self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Hang up if the oldest question has waited too long: one timer for all of them, and none while it is quiet."""
        self._watched = False
        if self.broken or not self._asked:
            return
        left = self._asked[0].since + self._patience - self._loop.time()
        if left <= 0:
            self.timed_out = True
            self.abort(f"no answer within {self._patience:g} s")
        else:
            self._watch(left)


_packed = cast("Callable[[Command], bytes]", hiredis.pack_command)  # its own type says: a tuple of one


def _told(asked: _Asked) -> None:
    if not asked.future.done():
        asked.future.set_result(asked.answers)
