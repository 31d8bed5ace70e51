"""A disk that keeps everybody waiting, or fails."""

from __future__ import annotations

import asyncio
import os
import threading
from functools import partial

from idp.stores.kernel import Transaction
from idp.stores.sqlite import SqliteKernel


def put(tx: Transaction, key: str) -> None:
    tx.put("kind", "realm", key, b"value")


async def passing() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Disk:
    """A disk that can be made to keep everybody waiting, and to fail."""

    def __init__(self) -> None:
        self.flushes = 0
        self.entered = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.error: OSError | None = None

    def __call__(self, descriptor: int) -> None:
        self.entered.set()
        self.goes_on.wait()
        if self.error is not None:
            raise self.error
        os.fsync(descriptor)
        self.flushes += 1

    async def held_by(self, kernel: SqliteKernel) -> asyncio.Task[None]:
        """Let a first write reach the disk and wait there; what is asked meanwhile becomes one group."""
        self.entered.clear()
        self.goes_on.clear()
        first = asyncio.ensure_future(kernel.transact(partial(put, key="first")))
        await asyncio.to_thread(self.entered.wait)
        return first
