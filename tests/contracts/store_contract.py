"""The stores that must keep every promise of `idp.ports`. A new store is one line in `KERNELS`, and its opener.

The promises are the tests beside this file, one file for a group of ports.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from idp.ports import Clock, PartHealth
from idp.stores.kernel import Kernel, Transaction
from idp.stores.memory import MemoryKernel
from idp.stores.optimistic import OptimisticKernel, Place
from idp.stores.placement import is_brief
from idp.stores.portable import Portable
from idp.stores.redis.place import RedisPlace
from idp.stores.sqlite import SqliteKernel
from tests.stores.memory_place import MemoryPlace
from tests.stores.mongodb import mongo_place
from tests.stores.redis_server import redis_place

T = TypeVar("T")

RACERS = 50
ROUNDS = 20


class ReopenedKernel:
    """A SQLite kernel that is closed and opened after every write: what is not in the file is not there."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._kernel = SqliteKernel.open(path, clock=clock)
        self._turn = asyncio.Lock()

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        return await self._kernel.get(kind, realm, key)

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        return await self._kernel.owned(kind, realm, owner)

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        return await self._kernel.every(kind, realm)

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        return await self._kernel.recent(realm, limit=limit, transaction_id=transaction_id)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        async with self._turn:
            try:
                return await self._kernel.transact(work)
            finally:
                await self._kernel.close()
                self._kernel = SqliteKernel.open(self._path, clock=self._clock)

    def together(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def settled(self) -> None:
        return None

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        return await self._kernel.page(kind, realm, prefix=prefix, after=after, limit=limit)

    async def sweep(self, *, events_before: float, limit: int) -> int:
        return await self._kernel.sweep(events_before=events_before, limit=limit)

    def forgot_at(self, kind: str) -> float:
        return self._kernel.forgot_at(kind)

    async def health(self) -> Sequence[PartHealth]:
        return await self._kernel.health()

    async def close(self) -> None:
        await self._kernel.close()


async def _memory(_: Path, clock: Clock) -> Portable:
    return MemoryKernel(clock)


async def _sqlite(directory: Path, clock: Clock) -> Portable:
    return SqliteKernel.open(directory / "idp.db", clock=clock)


async def _reopened(directory: Path, clock: Clock) -> Kernel:
    return ReopenedKernel(directory / "idp.db", clock)


async def _optimistic(_: Path, clock: Clock) -> Portable:
    return OptimisticKernel(
        durable=MemoryPlace(), brief=MemoryPlace(), is_brief=is_brief, clock=clock, random=secrets.token_bytes
    )


async def _memory_and_redis(_: Path, clock: Clock) -> Portable:
    return _with_redis(MemoryPlace(), await redis_place(clock), clock)


async def _mongodb_and_redis(_: Path, clock: Clock) -> Portable:
    return _with_redis(await mongo_place(), await redis_place(clock), clock)


def _with_redis(durable: Place, brief: RedisPlace, clock: Clock) -> Portable:
    return OptimisticKernel(
        durable=durable,
        brief=brief,
        is_brief=is_brief,
        clock=clock,
        random=secrets.token_bytes,
        forgot_at=lambda: brief.forgot_at,
    )


KERNELS: Mapping[str, Callable[[Path, Clock], Awaitable[Kernel]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "sqlite-reopened": _reopened,
    "optimistic": _optimistic,
    "memory+redis": _memory_and_redis,
    "mongodb+redis": _mongodb_and_redis,
}


PORTABLE: Mapping[str, Callable[[Path, Clock], Awaitable[Portable]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "optimistic": _optimistic,
    "mongodb+redis": _mongodb_and_redis,
}


async def race(enter: Callable[[], Awaitable[T]], *, racers: int = RACERS) -> Sequence[T]:
    """Let many callers ask for the same thing at the same time; return what each was told."""
    gun = asyncio.Event()

    async def racer() -> T:
        await gun.wait()
        return await enter()

    runners = [asyncio.ensure_future(racer()) for _ in range(racers)]
    await asyncio.sleep(0)
    gun.set()
    return await asyncio.gather(*runners)
