"""What is done beside the requests: calls that nobody waits for, ended with the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Errands:
    """Tasks of one provider. The event loop itself would forget a task that nobody holds."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, errand: Coroutine[None, None, None]) -> None:
        """Run an errand; it takes care of its own failures."""
        task = asyncio.get_running_loop().create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finished(self) -> None:
        """Wait for every errand that was begun."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        """End what is still running."""
        for task in self._running:
            task.cancel()
        await self.finished()
