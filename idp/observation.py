"""Opening what watches a serving process: the management port, the metrics, the traces; each only where it is wanted.

Where nothing is, nothing is measured: the provider then speaks to an observer that lets everything pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from idp.app import Site
from idp.listeners.server import ServerBeside
from idp.ports import Clock, Observer
from idp.settings.loading import StartError
from idp.settings.tables import Settings
from idp.telemetry.figures import Figures
from idp.telemetry.health import Health, Phase
from idp.telemetry.metrics import Metrics
from idp.telemetry.observers import Observers
from idp.telemetry.requests import Places, Timed
from idp.web.http import Application

if TYPE_CHECKING:
    from idp.telemetry.tracing import Tracing

_SHARE_SECONDS = 1.0


class Observation:
    """What watches this process. Made by `observation`."""

    def __init__(self, *, figures: Figures | None, tracing: Tracing | None, observers: Sequence[Observer]) -> None:
        self._figures = figures
        self._tracing = tracing
        self.observer: Observer | None = Observers(observers) if len(observers) > 1 else next(iter(observers), None)
        """Who is to hear of everything that happens."""
        self.health = Health()
        self._stop_answering: Callable[[], None] = lambda: None
        self._replaced = False
        self.answering = asyncio.Event()
        """That probes are answered: from the beginning, or once this process serves, where others do meanwhile."""

    def answered_by(self, server: ServerBeside) -> None:
        """Take who answers probes."""
        self._stop_answering = partial(server.end, at_once=True)

    def around(self, application: Application, site: Site) -> Application:
        """Return the application with every request of it measured and traced, where that is wanted."""
        if self.observer is None:
            return application
        places = Places(site.addresses, site.desks)
        if self._tracing is not None:
            application = self._tracing.around(application, places)
        return Timed(application, places=places, observer=self.observer, timer=time.perf_counter)

    def serving(self, site: Site) -> None:
        """Say that requests may come."""
        self.health.ask = site.store.health
        self.health.phase = Phase.SERVING
        self.answering.set()
        if self._figures is not None:
            self._figures.hashing_queue = site.hashing_queue

    def draining(self) -> None:
        """Say that requests should go elsewhere from now on, if they would come here: not if others have this place."""
        if not self._replaced:
            self.health.phase = Phase.DRAINING

    def retiring(self) -> None:
        """Answer no probe any more: another process has this one's place, and the node is as ready as before.

        So says this one to a probe that it has accepted already.
        """
        self._replaced = True
        self._stop_answering()


@contextlib.asynccontextmanager
async def observation(
    settings: Settings,
    *,
    door: socket.socket | None,
    clock: Clock,
    shared: Path | None = None,
    alone: bool = True,
    lines_lost: Callable[[], int] = lambda: 0,
) -> AsyncIterator[Observation]:
    """Open what the settings want. `door` is the listener of the management port; it is answered from now on.

    `shared` is the folder in which several serving processes add up what they count. Where this one is not `alone`, the
    others answer until it serves: a probe that it took from their port would say of the whole node that it starts.
    `lines_lost` says how many lines of the log could not be written.

    Raises:
        StartError: traces are wanted and cannot be made.

    """
    metrics = Metrics() if door is not None else None
    figures = Figures(metrics, folder=shared, lines_lost=lines_lost) if metrics is not None else None
    async with contextlib.AsyncExitStack() as undo:
        tracing = _tracing(settings, clock) if settings.telemetry.otlp_endpoint else None
        if tracing is not None:
            undo.push_async_callback(tracing.close)
        opened = Observation(
            figures=figures, tracing=tracing, observers=[each for each in (metrics, tracing) if each is not None]
        )
        undo.push_async_callback(opened.health.close)
        if door is not None and figures is not None:
            from idp.telemetry.management import management  # noqa: PLC0415 - Prometheus's library, where it is asked

            if alone:
                opened.answering.set()
            answering = _answering(door, management(opened.health, figures), opened.answering)
            opened.answered_by(await undo.enter_async_context(answering))
            if shared is not None:
                await undo.enter_async_context(_beside(_shared(opened.health, figures)))
        yield opened


def _tracing(settings: Settings, clock: Clock) -> Tracing:
    try:
        from idp.telemetry.tracing import Tracing  # noqa: PLC0415 - an extra, and 9 MB that few need
    except ImportError:
        raise StartError(
            "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed: install hyrja[telemetry], or leave "
            "the setting out."
        ) from None
    return Tracing(
        settings.telemetry,
        clock=clock,
        trusted=settings.server.trusted_proxies,
        instance=f"{socket.gethostname()}:{os.getpid()}",
    )


@contextlib.asynccontextmanager
async def _answering(door: socket.socket, application: Application, when: asyncio.Event) -> AsyncIterator[ServerBeside]:
    """Answer at a door for as long as the block lasts: until the very end, so that a probe hears of a draining."""
    server = ServerBeside(application)

    async def answer() -> None:
        await when.wait()
        await server.serve(sockets=[door])

    serving = asyncio.get_running_loop().create_task(answer())
    try:
        yield server
    finally:
        server.should_exit = True
        server.force_exit = True  # a probe that keeps its connection open is not waited for
        when.set()
        await serving


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _shared(health: Health, figures: Figures) -> None:
    """Let the other processes see how this one is: whichever of them is asked answers for all."""
    while True:
        figures.saw(await health.readiness())
        figures.share()
        await asyncio.sleep(_SHARE_SECONDS)
