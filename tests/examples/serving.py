"""An ASGI application behind real HTTP, in a thread, on a free port of this machine."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send


@contextlib.contextmanager
def serving(application: ASGIApp, port: int, *, tls: tuple[Path, Path] | None = None) -> Iterator[None]:
    """Serve until the block ends, by https where there are a certificate and its key."""
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_config=None,
        access_log=False,
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server stopped before it had begun"
            time.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        thread.join()


class Stage:
    """A server that stays while what it serves is replaced: starting one for every test takes too long."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "lifespan":
            await _no_lifespan(receive, send)
            return
        assert self.application is not None, "nothing is on stage"
        await self.application(scope, receive, send)


async def _no_lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
