"""Opening the store that the settings name: the one place that chooses among the adapters."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import time
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from idp.ports import Clock, Observer, Store, StoreUnavailableError
from idp.settings.tables import Store as StoreSettings
from idp.stores.addresses import address_of
from idp.stores.kernel import Kernel
from idp.stores.memory import MemoryKernel
from idp.stores.observed import ObservedKernel
from idp.stores.portable import Portable
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite.file import unavailable
from idp.stores.upkeep import fingerprint
from idp.stores.upkeep.copying import unfinished_copy

_DAY = 86400

Use = Literal["serve", "fill", "beside", "either"]
"""`serve`: for a server, alone if the store is a file. `fill`: as alone, to bring another store's records into it.
`beside`: for the command line, whether or not a server is running. `either`: beside, or the first to make the store."""


async def open_store(settings: StoreSettings, *, clock: Clock, use: Use, observer: Observer | None = None) -> Store:
    """Open the store; the observer, if there is one, hears of every call to a part of it.

    Raises:
        StoreUnavailableError: with what to do.

    """
    kernel = await open_kernel(settings, clock=clock, use=use, observer=observer)
    if use == "serve":
        await _refuse_half_a_store(kernel)
        if isinstance(kernel, SqliteKernel):
            await _begin_to_change(kernel, Path(settings.path))
    told: Kernel = kernel
    if observer is not None and not settings.clustered:
        part = "memory" if settings.forgetful else "sqlite"
        told = ObservedKernel(kernel, part=part, observer=observer, timer=time.perf_counter)
    process = f"{socket.gethostname()}/{os.getpid()}" if settings.clustered and use == "serve" else None
    return KernelStore(told, clock, events_kept=settings.events_kept_days * _DAY, process=process)


async def open_kernel(settings: StoreSettings, *, clock: Clock, use: Use, observer: Observer | None = None) -> Portable:
    """Open what lies beneath a store, for its upkeep; of a clustered one the observer hears of each part by itself.

    Raises:
        StoreUnavailableError: with what to do.

    """
    if settings.clustered:
        # Two drivers are half of a start's time and memory, and a store that is a file needs neither.
        from idp.stores.clustered import open_clustered  # noqa: PLC0415 - see the line above

        return await open_clustered(
            settings, clock=clock, serving=use != "beside", may_be_new=use == "serve", observer=observer
        )
    if settings.forgetful:
        if use != "serve":
            raise StoreUnavailableError("store.path is :memory:, which only the serving process itself can see.")
        return MemoryKernel(clock)
    path = Path(settings.path)
    serving = use in {"serve", "fill"} or (use == "either" and not path.exists())  # noqa: ASYNC240 - one look, for one command
    return SqliteKernel.open(path, clock=clock, serving=serving)


def named(settings: StoreSettings) -> str:
    """Return what a store is called in a sentence: no password of its address, and the same name from wherever."""
    if not settings.clustered:
        return f"sqlite:{Path(settings.path).resolve()}"
    url = urlsplit(address_of("mongodb_url", settings.mongodb_url, settings.mongodb_url_file))
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


async def _begin_to_change(kernel: SqliteKernel, path: Path) -> None:
    """Take out what says of a backup that nothing was changed since."""
    try:
        await asyncio.to_thread(fingerprint.remove, path)
    except sqlite3.Error as error:
        await kernel.close()
        raise unavailable(path, error) from error


async def _refuse_half_a_store(kernel: Portable) -> None:
    """Refuse to serve from what a copy has not filled yet: who is missing there would be made a second time."""
    unfinished = await unfinished_copy(kernel)
    if unfinished is None:
        return
    await kernel.close()
    raise StoreUnavailableError(
        f"A copy of {unfinished.origin} into this store is not finished: run idp store copy again, to its end."
    )
