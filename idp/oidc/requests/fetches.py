"""Fetches that several requests wait for together."""

from __future__ import annotations

import asyncio

from idp.ports import Documents


class Fetches:
    """One call at a time for each address, however many ask for it; nothing is kept after it.

    Whoever names a client can make us fetch its request objects, before anything is proven: without this, a flood of
    such requests would be a flood of calls to the client's site, and of connections here.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    async def fetch(self, outbound: Documents, address: str, *, largest: int) -> bytes:
        """Return the document at an address, or raise `UnfetchableError`: as `Documents.fetch`, shared."""
        task = self._under_way.get(address)
        if task is None:
            task = asyncio.ensure_future(outbound.fetch(address, largest=largest))
            self._under_way[address] = task
            task.add_done_callback(lambda done: self._finished(address, done))
        # One who goes away does not take the answer from the others.
        return await asyncio.shield(task)

    def _finished(self, address: str, done: asyncio.Task[bytes]) -> None:
        del self._under_way[address]
        if not done.cancelled():
            done.exception()  # looked at, though everybody who waited may have gone
