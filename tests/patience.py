"""How long tests wait for what must come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 180.0
"""Seconds. It only ends what would hang: a machine may be slower than ours and busy with other things, so no test tells
by it whether something was quick enough."""


async def until(holds: Callable[[], object]) -> None:
    """Wait for what others do by themselves: another task, another process, a node that notices within a second."""

    async def held() -> object:
        return holds()

    await until_true(held)


async def until_true(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait in the same way for what has to be asked for."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)
