"""Opening the store that the settings name: the one place that chooses among the adapters."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from idp.ports import Clock, Observer, Store, StoreUnavailableError
from idp.settings import Store as StoreSettings
from idp.stores.kernel import Kernel
from idp.stores.memory import MemoryKernel
from idp.stores.observed import ObservedKernel
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel

_DAY = 86400

Use = Literal["serve", "beside", "either"]
"""`serve`: for a server, alone if the store is a file. `beside`: for the command line, whether or not a server is
running. `either`: beside, or the first to make the store."""


async def open_store(settings: StoreSettings, *, clock: Clock, use: Use, observer: Observer | None = None) -> Store:
    """Open the store; the observer, if there is one, hears of every call to a part of it.

    Raises:
        StoreUnavailableError: with what to do.

    """
    if settings.clustered:
        # Two drivers are half of a start's time and memory, and a store that is a file needs neither.
        from idp.stores.clustered import open_clustered  # noqa: PLC0415 - see the line above

        cluster = await open_clustered(settings, clock=clock, serving=use != "beside", observer=observer)
        return KernelStore(cluster, clock, events_kept=settings.events_kept_days * _DAY)
    kernel, part = _kernel(settings, clock=clock, use=use)
    if observer is not None:
        kernel = ObservedKernel(kernel, part=part, observer=observer, timer=time.perf_counter)
    return KernelStore(kernel, clock, events_kept=settings.events_kept_days * _DAY)


def _kernel(settings: StoreSettings, *, clock: Clock, use: Use) -> tuple[Kernel, str]:
    """Return the kernel, and what it is called where its calls are counted."""
    if settings.forgetful:
        if use != "serve":
            raise StoreUnavailableError("store.path is :memory:, which only the serving process itself can see.")
        return MemoryKernel(clock), "memory"
    path = Path(settings.path)
    serving = use == "serve" or (use == "either" and not path.exists())
    return SqliteKernel.open(path, clock=clock, serving=serving), "sqlite"
