"""A worker's side: it says when it serves, and does what its supervisor says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from idp.listeners.server import Server
from idp.workers.inherited import BEAT_SECONDS, Command, Inheritance, Line


@asynccontextmanager
async def supervised(
    server: Server, inherited: Inheritance | None, *, on_retiring: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Say when the server serves, and do what its supervisor says; nothing of it where there is none.

    `on_retiring` is called when another worker has taken the place of this one.
    """
    if inherited is None:
        yield
        return
    line = await inherited.open_line()

    async def follow() -> None:
        while (command := await line.next_command()) is not None:
            if command is Command.RETIRE:
                on_retiring()
            if command is Command.END_AT_ONCE or not server.draining:
                server.end(at_once=command is Command.END_AT_ONCE)
        if not server.draining:  # the supervisor is gone, and nobody else would ever end us
            server.end()

    tasks = [asyncio.create_task(follow())]

    def started() -> None:
        line.say_ready()
        tasks.append(asyncio.create_task(_beating(line)))

    server.on_started = started
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        line.close()


async def _beating(line: Line) -> None:
    """Say again and again that the loop turns: a supervisor that hears nothing kills this process."""
    while True:
        line.say_alive()
        await asyncio.sleep(BEAT_SECONDS)
