"""What is done beside the requests: calls that nobody waits for, ended with the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from structlog.typing import FilteringBoundLogger

_MOST = 64  # where callers ask for room: slow addresses of others must not make us hold any number of connections


class Errands:
    """Tasks of one provider. The event loop itself would forget a task that nobody holds.

    Nothing may depend on an errand's end: what must happen is kept in a store and begun again.
    """

    def __init__(self, log: FilteringBoundLogger, *, most: int = _MOST) -> None:
        """`most` is how many there is room for."""
        self.most = most
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    @property
    def room(self) -> int:
        """How many more may be begun now by whoever can wait."""
        return max(0, self.most - len(self._running))

    def begin(self, errand: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run an errand; one that fails is logged."""
        task = asyncio.get_running_loop().create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._log.error("an errand failed", exc_info=failure)

    async def finished(self) -> None:
        """Wait for every errand that was begun."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        """End what is still running."""
        for task in self._running:
            task.cancel()
        await self.finished()
