"""A node of little workers, for the tests of what supervises them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import structlog

from idp.listeners.sockets import Listeners, listening
from idp.workers.supervisor import Node, Supervisor
from tests.cli.deployment import environment
from tests.patience import PATIENCE

WORKERS = 2


def node(
    folder: Path,
    listeners: Listeners,
    *,
    drain_seconds: float = 0.0,
    workers: int = WORKERS,
    silent_seconds: float = 2 * PATIENCE,
    end_seconds: float = PATIENCE,
) -> Node:
    return Node(
        workers=workers,
        command=[sys.executable, "-m", "tests.workers.little_worker", str(folder), str(drain_seconds)],
        environment=environment(),
        listeners=listeners,
        end_seconds=end_seconds,
        silent_seconds=silent_seconds,
    )


class LittleNode:
    """A supervisor of little workers at work, and somebody who asks them."""

    def __init__(self, folder: Path, drain_seconds: float, silent_seconds: float, end_seconds: float) -> None:
        self._listener = listening("127.0.0.1", 0)
        self.folder = folder
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.supervisor = Supervisor(
            node(
                folder,
                Listeners(ordinary=self._listener),
                drain_seconds=drain_seconds,
                silent_seconds=silent_seconds,
                end_seconds=end_seconds,
            ),
            structlog.get_logger(),
        )
        self.running = asyncio.get_running_loop().create_task(self.supervisor.run())

    async def ask(self, path: str = "/") -> int:
        """Ask over a new connection; return the number of the process that answered."""
        async with httpx.AsyncClient(base_url=self.origin, timeout=PATIENCE) as http:
            response = await http.get(path, headers={"connection": "close"})
            assert response.status_code == 200
            return int(response.text)

    async def processes(self, *, but: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment] # never changed
        """Ask until so many processes have answered as there are places; those of `but` do not count."""
        return await self.until(lambda found: len(found - but) == WORKERS) - but

    async def until(self, true: Callable[[set[int]], bool]) -> set[int]:
        found: set[int] = set()
        async with asyncio.timeout(PATIENCE):
            while not true(found):
                found |= set(await asyncio.gather(*(self.ask() for _ in range(8))))
        return found

    async def takes_a_connection(self) -> bool:
        """Connect, and ask nothing."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return False
        writer.close()
        return True

    async def begin_slow(self) -> asyncio.Task[int]:
        """Ask for what takes a second; it is being answered when this returns."""
        slow = asyncio.create_task(self.ask("/slow"))
        await appeared(self.folder / "begun")
        return slow

    def ended(self) -> set[int]:
        """Those that came to their own end."""
        file = self.folder / "ended"
        return {int(line) for line in file.read_text().splitlines()} if file.exists() else set()

    async def end(self) -> int:
        self.supervisor.end()
        try:
            return await asyncio.wait_for(self.running, PATIENCE * 2)
        finally:
            self._listener.close()


async def appeared(file: Path, *, holding: Callable[[str], bool] = lambda _: True) -> None:
    """Wait for a file."""

    def there() -> bool:
        return file.exists() and holding(file.read_text())

    async with asyncio.timeout(PATIENCE):
        while not there():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def little_node(
    folder: Path, *, drain_seconds: float = 0.0, silent_seconds: float = 2 * PATIENCE, end_seconds: float = PATIENCE
) -> AsyncIterator[LittleNode]:
    opened = LittleNode(folder, drain_seconds, silent_seconds, end_seconds)
    try:
        yield opened
    finally:
        await opened.end()
