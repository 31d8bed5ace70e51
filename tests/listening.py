"""A server of streams in a test's own loop, which leaves no connection behind when the test is over."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, *, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve every connection by `serve` on this machine, at the port that is returned; in the end all are closed.

    `asyncio.start_server` alone leaves those to the garbage collector that came at the last moment, or whose handler
    still waited: its warning would fail whichever test happens to run then.
    """
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)

    def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[asyncio.get_running_loop().create_task(served(reader, writer))] = writer

    server = await asyncio.start_server(came, "127.0.0.1", port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(3):  # turns of the loop, in which whoever was accepted just now arrives
            await asyncio.sleep(0)
        for task, writer in serving.items():
            task.cancel()
            writer.close()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer in serving.values()), return_exceptions=True)
