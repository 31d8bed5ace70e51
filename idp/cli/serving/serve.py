"""One serving process, until it is told to stop: alone, or as one of several workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from structlog.typing import FilteringBoundLogger

from idp.app import Outside, Site, open_site
from idp.cli.serving.log import open_log, open_outlet
from idp.cli.serving.resource_api import with_resource_api
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.listeners.doors import Doors, open_doors
from idp.listeners.server import Server, ended_by_signals
from idp.listeners.sockets import ListenerError
from idp.observation import Observation, observation
from idp.ports import Clock, StoreUnavailableError
from idp.settings.loading import SettingsError, StartError
from idp.settings.tables import Settings
from idp.web.http import Application
from idp.workers.inherited import SHARED, Inheritance
from idp.workers.large_pages import use_large_pages
from idp.workers.serving import supervised

Running = Callable[[Site], Awaitable[None]]
EXPECTED = (SettingsError, StartError, ListenerError, MasterKeyError, StoreUnavailableError)
"""What can go wrong at a start; each says what to do."""


def serve(settings: Settings, *, inherited: Inheritance | None = None) -> int:
    """Serve; return 1 if the provider does not start."""
    try:
        run(lambda: serving(settings, environment=os.environ, inherited=inherited))
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


async def serving(
    settings: Settings,
    *,
    environment: Mapping[str, str],
    when_running: Running | None = None,
    inherited: Inheritance | None = None,
) -> None:
    """Open the site, serve until told to stop, then finish what was acknowledged.

    `inherited`: what a supervisor gave to this process, which is then one of several workers.
    """
    outlet = open_outlet(settings.log)
    log = open_log(settings.log, worker=None if inherited is None else inherited.place, outlet=outlet)
    outside = Outside(environment=environment)
    listeners = None if inherited is None else inherited.listeners()
    shared = Path(environment[SHARED]) if inherited is not None and SHARED in environment else None
    doors = open_doors(settings.server, clock=outside.clock, listeners=listeners, management=settings.management)
    try:
        async with observation(
            settings,
            door=doors.listeners.management,
            clock=outside.clock,
            shared=shared,
            alone=inherited is None or inherited.alone,
            lines_lost=lambda: outlet.lost,
        ) as watch:
            await _served(settings, outside, doors, watch, log=log, when_running=when_running, inherited=inherited)
    finally:
        doors.close()
        outlet.settle()


async def _served(
    settings: Settings,
    outside: Outside,
    doors: Doors,
    watch: Observation,
    *,
    log: FilteringBoundLogger,
    when_running: Running | None,
    inherited: Inheritance | None,
) -> None:
    site = await open_site(settings, outside=outside, log=log, observer=watch.observer)
    try:
        async with _application(site, settings, clock=outside.clock) as application:
            server = Server(
                watch.around(application, site),
                context=doors.context,
                asking=doors.asking,
                keep_alive_seconds=settings.server.keep_alive_seconds,
                drain_seconds=settings.server.drain_seconds,
            )
            server.on_draining = watch.draining
            with ended_by_signals(server):
                log.info("serving", base_url=settings.server.base_url, realms=list(site.desks))
                if when_running is not None:
                    await when_running(site)
                watch.serving(site)
                Thread(target=use_large_pages, name="large-pages", daemon=True).start()  # nobody waits for it
                async with supervised(server, inherited, on_retiring=watch.retiring):
                    await server.serve(sockets=[doors.listeners.ordinary])
    finally:
        await site.close()
        log.info("stopped")


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
