"""`idp serve --config FILE`: one serving process, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from idp.app import Outside, Site, open_site
from idp.cli.log import open_log
from idp.cli.resource_api import with_resource_api
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.listeners.doors import open_doors
from idp.listeners.server import Server
from idp.listeners.tls import ListenerError
from idp.ports import Clock, StoreUnavailableError
from idp.settings import Settings, SettingsError, StartError, load
from idp.web.http import Application

Running = Callable[[Site], Awaitable[None]]
EXPECTED = (SettingsError, StartError, ListenerError, MasterKeyError, StoreUnavailableError)
"""What can go wrong at a start; each says what to do."""


def serve(config: Path) -> int:
    """Serve; return 1 if the provider does not start."""
    try:
        run(lambda: serving(load(config, environment=os.environ), environment=os.environ))
    except EXPECTED as error:
        sys.stderr.write(printable(f"idp: {error}\n"))
        return 1
    return 0


def run(main: Callable[[], Any]) -> None:
    """Run a coroutine on the fastest loop there is; Ctrl-C ends it quietly."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        runner: Callable[[Any], Any] = asyncio.run
    else:
        runner = uvloop.run
    with suppress(KeyboardInterrupt):
        runner(main())


async def serving(settings: Settings, *, environment: Mapping[str, str], when_running: Running | None = None) -> None:
    """Open the site, serve until told to stop, then finish what was acknowledged."""
    log = open_log(settings.log)
    outside = Outside(environment=environment)
    doors = open_doors(settings.server, clock=outside.clock)
    try:
        site = await open_site(settings, outside=outside, log=log)
        try:
            async with _application(site, settings, clock=outside.clock) as application:
                server = Server(application, context=doors.context, asking=doors.asking)
                with _ended_by_signals(server):
                    log.info("serving", base_url=settings.server.base_url, realms=list(site.desks))
                    if when_running is not None:
                        await when_running(site)
                    await server.serve(sockets=[doors.ordinary])
        finally:
            await site.close()
            log.info("stopped")
    finally:
        doors.close()


@asynccontextmanager
async def _application(site: Site, settings: Settings, *, clock: Clock) -> AsyncIterator[Application]:
    """Return what is served: the provider, and in an exam the example resource server beside it."""
    if not settings.conformance.resource_api:
        yield site.application
        return
    server = settings.server
    addresses = (server.base_url, server.mutual_tls.base_url if server.mutual_tls is not None else "")
    first = next(iter(site.desks.values()))
    async with with_resource_api(
        site.application,
        Path(settings.conformance.resource_api),
        provider=first.provider,
        urls=tuple(filter(None, addresses)),
        ca_bundle=server.tls_certificate,
        clock=clock,
    ) as application:
        yield application


@contextmanager
def _ended_by_signals(server: Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the serving, and nothing more.

    uvicorn raises a signal again for the handler that stood before its own: SIGTERM's would kill the process before
    the site is closed, and SIGINT's would interrupt the closing.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
