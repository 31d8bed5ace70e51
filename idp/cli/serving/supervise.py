"""`idp serve` with several workers: this process opens the ports, and starts and watches those that serve."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from functools import partial

from structlog.typing import FilteringBoundLogger

from idp.cli.serving.log import open_log
from idp.listeners.sockets import Listeners, open_listeners
from idp.settings.tables import Settings
from idp.workers.inherited import SHARED
from idp.workers.supervisor import Node, Supervisor

_START_SECONDS = 60.0
_FINISH_SECONDS = 20.0  # what a worker has after draining, to answer and to write down


def supervise(settings: Settings) -> int:
    """Serve by several processes, each started by the same command, until told to end; return the exit status.

    Raises:
        ListenerError, SettingsError: with what to do.

    """
    return asyncio.run(_supervised(settings))


async def _supervised(settings: Settings) -> int:
    log = open_log(settings.log)
    listeners = open_listeners(settings.server, settings.management)
    with tempfile.TemporaryDirectory(prefix="hyrja-") as shared:
        return await _watched(settings, listeners, log, shared=shared)


async def _watched(settings: Settings, listeners: Listeners, log: FilteringBoundLogger, *, shared: str) -> int:
    node = Node(
        workers=settings.server.workers,
        # As we were started ourselves: as a script or as a module, with the same options of the interpreter.
        command=[sys.executable, *sys.orig_argv[1:]],
        environment={**os.environ, SHARED: shared},
        listeners=listeners,
        start_seconds=_START_SECONDS,
        end_seconds=settings.server.drain_seconds + _FINISH_SECONDS,
    )
    supervisor = Supervisor(node, log)
    loop, replacing = asyncio.get_running_loop(), set[asyncio.Task[bool]]()

    def replace() -> None:
        task = loop.create_task(supervisor.replace_all())
        replacing.add(task)
        task.add_done_callback(replacing.discard)

    loop.add_signal_handler(signal.SIGTERM, supervisor.end)
    loop.add_signal_handler(signal.SIGINT, partial(supervisor.end, at_once=True))
    loop.add_signal_handler(signal.SIGHUP, replace)
    log.info("supervising", workers=settings.server.workers, base_url=settings.server.base_url)
    try:
        return await supervisor.run()
    finally:
        listeners.close()
        log.info("stopped", workers=settings.server.workers)
