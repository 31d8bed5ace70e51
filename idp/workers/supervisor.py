"""Keeps every place of a node filled with a serving process.

One that ends is replaced, at once or, if the last ones failed, after a growing pause; so is one that hangs. All of
them are replaced one by one when that is wished (SIGHUP): the new one serves before the old one is told to go, from the
same port, so no connection is refused. When the supervisor is told to end, so are all, and it waits for them; when it
is killed, they notice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from idp.listeners.sockets import Listeners
from idp.model.struct import Frozen
from idp.workers.inherited import Command
from idp.workers.worker import Worker

_STEADY = 60.0  # seconds after which the end of a worker has nothing to do with its start
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds


class Node(Frozen, frozen=True, kw_only=True):
    """What is supervised: how many, started how, serving where."""

    workers: int
    command: Sequence[str]
    environment: Mapping[str, str]
    listeners: Listeners
    start_seconds: float = 60.0
    """How long a worker may take until it serves; then it is ended and another one tried."""
    end_seconds: float = 30.0
    """How long one that was told to end may take; then it is killed."""
    silent_seconds: float = 30.0
    """How long one that serves may say nothing; then it hangs, and is killed."""


def pause_after(failures: int) -> float:
    """Return the seconds to wait after so many ends in a row that were nobody's wish."""
    return 0.0 if failures == 0 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 16))


class Supervisor:
    """One node's workers. Signals are for whoever runs it: `replace_all`, `end`."""

    def __init__(self, node: Node, log: FilteringBoundLogger) -> None:
        self._node = node
        self._log = log
        self._serving: dict[int, Worker] = {}
        self._living: set[Worker] = set()
        self._ending = asyncio.Event()
        self._turns = {place: asyncio.Lock() for place in range(1, node.workers + 1)}
        self._replacing = asyncio.Lock()

    async def run(self) -> int:
        """Fill the places until told to end; return the exit status.

        The first worker starts alone. What can go wrong at a start (settings, realms, keys) goes wrong there, is said
        once, and ends the node; what is made or sent only once is not fought for.
        """
        first, status = await self._started(1)
        if first is None:
            return 0 if self._ending.is_set() else status or 1
        keeping = [asyncio.create_task(self._kept(place)) for place in range(1, self._node.workers + 1)]
        await self._ending.wait()
        while self._living or not all(task.done() for task in keeping):
            await asyncio.gather(*map(self._gone, tuple(self._living)))
            await asyncio.wait(keeping, timeout=0.1)
        await asyncio.gather(*keeping)
        return 0

    def end(self, *, at_once: bool = False) -> None:
        """Tell every worker to end; a second call tells them not to wait any longer.

        The ports are theirs from now on. Were they open here until the last one has gone, whoever connects meanwhile
        would be taken by nobody: not refused, so that a proxy asks another node, but reset after it has sent its POST.
        """
        command = Command.END_AT_ONCE if at_once or self._ending.is_set() else Command.END
        self._ending.set()
        self._node.listeners.close()
        for worker in self._living:
            worker.tell(command)

    async def replace_all(self) -> bool:
        """Replace every worker by a new one, one by one; false if a new one did not start, and the old ones stay."""
        async with self._replacing:
            for place in range(1, self._node.workers + 1):
                if not await self._replaced(place):
                    return False
        self._log.info("workers replaced")
        return True

    async def _replaced(self, place: int) -> bool:
        async with self._turns[place]:
            former = self._serving.get(place)
            if self._ending.is_set():
                return False
            new, status = await self._started(place)
        if new is None:
            self._log.error("worker not replaced", worker=place, status=status, reason="the new one did not start")
            return False
        if former is not None:
            former.tell(Command.RETIRE)
            await self._gone(former)
        return True

    async def _kept(self, place: int) -> None:
        """Fill a place, again and again."""
        loop, failures = asyncio.get_running_loop(), 0
        while not self._ending.is_set():
            begun = loop.time()
            status = await self._lived(place)
            if status is None or self._ending.is_set():
                continue
            failures = 0 if status == 0 or loop.time() - begun > _STEADY else failures + 1
            pause = pause_after(failures)
            self._log.error("worker ended", worker=place, status=status, again_in=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)

    async def _lived(self, place: int) -> int | None:
        """See one worker through; return how it ended, or None if another one has its place by then."""
        async with self._turns[place]:
            present = self._serving.get(place)
            worker, status = (present, 0) if present is not None else await self._started(place)
        if worker is None:
            return status
        status = await self._watched(worker, place)
        async with self._turns[place]:
            self._living.discard(worker)
            if self._serving.get(place) is not worker:
                return None
            del self._serving[place]
            return status

    async def _watched(self, worker: Worker, place: int) -> int:
        """Wait for the end of a worker that serves; one that hangs is killed, for whoever it was given waits for it."""
        listening = asyncio.create_task(self._killed_if_silent(worker, place))
        try:
            return await worker.ended()
        finally:
            listening.cancel()

    async def _killed_if_silent(self, worker: Worker, place: int) -> None:
        silent = self._node.silent_seconds
        if await worker.falls_silent(silent):
            reason = f"it hangs: nothing was heard of it for {silent:g} seconds"
            self._log.error("worker killed", worker=place, pid=worker.pid, reason=reason)
            worker.kill()

    async def _started(self, place: int) -> tuple[Worker | None, int]:
        """Start a worker and wait until it serves; otherwise return how it ended."""
        if self._ending.is_set():  # there are no ports to give to it
            return None, 0
        node = self._node
        worker = await Worker.started(
            node.command,
            place=place,
            alone=not self._serving,
            listeners=node.listeners,
            environment=node.environment,
        )
        self._living.add(worker)
        if self._ending.is_set():  # we were told in between, and nobody has told it
            worker.tell(Command.END)
        ready: bool | None = None
        with contextlib.suppress(TimeoutError):
            ready = await asyncio.wait_for(worker.ready(), node.start_seconds)
        if not ready:
            self._log.error("worker did not start", worker=place, pid=worker.pid)
            if ready is None:  # one that hung up is ending, and its own status tells why
                worker.kill()
            return None, await self._gone(worker)
        self._serving[place] = worker
        self._log.info("worker serves", worker=place, pid=worker.pid)
        return worker, 0

    async def _gone(self, worker: Worker) -> int:
        """Wait for the end of a worker that was told to end, but not for ever."""
        try:
            status = await asyncio.wait_for(worker.ended(), self._node.end_seconds)
        except TimeoutError:
            self._log.error("worker killed", pid=worker.pid, reason="it did not end in time")
            worker.kill()
            status = await worker.ended()
        self._living.discard(worker)
        return status
