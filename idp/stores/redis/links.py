"""The connections to the servers: made when they are needed, shared by everybody, left alone while they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from idp.model.struct import Frozen
from idp.ports import StoreUnavailableError
from idp.stores.redis.addresses import Host
from idp.stores.redis.servers import Servers
from idp.stores.redis.wire import Wire

_PAUSE = 0.25  # seconds after a failed attempt in which nobody tries


class Link(Frozen, frozen=True, kw_only=True):
    """A connection to a server that was accepted, and the buckets it has."""

    wire: Wire
    run: str
    buckets: Sequence[int]


Accepted = Callable[[Link], Awaitable[None]]


class Links:
    """The present connections.

    While the servers fail, one caller in a quarter of a second tries, and all others are refused at once: a frozen
    server must not gather requests. `accepted` is awaited for each link before anybody uses it.
    """

    def __init__(self, servers: Servers, *, accepted: Accepted) -> None:
        self._servers = servers
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._known: dict[Host, Link] = {}
        self._of: dict[int, Link] = {}
        self._attempt: asyncio.Task[None] | None = None
        self._failed = ""
        self._next_at = 0.0
        self._closed = False

    async def of(self, bucket: int) -> Link:
        """Return the link of a bucket. Raises `StoreUnavailableError`."""
        link = self._of.get(bucket)
        if link is not None and not link.wire.broken:
            return link
        if link is not None and link.wire.timed_out and not self._failed:
            self._failed = f"Redis: {link.wire.broken}."
        await self._connect()
        if bucket not in self._of or self._of[bucket].wire.broken:
            raise StoreUnavailableError(self._failed or "Redis: no server has this part of the data.")
        return self._of[bucket]

    async def all(self) -> Sequence[Link]:
        """Return a link to every server. Raises `StoreUnavailableError`."""
        if len(self._of) == 0 or any(link.wire.broken for link in self._of.values()):
            await self._connect()
        if self._failed:
            raise StoreUnavailableError(self._failed)
        return list(self._distinct())

    def moved(self) -> None:
        """Look again which server has what, before the next use."""
        self._of.clear()

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        if self._attempt is not None:
            self._attempt.cancel()
        for link in self._known.values():
            link.wire.abort("it was closed")

    async def _connect(self) -> None:
        if self._closed:
            raise StoreUnavailableError("Redis: the store is closed.")
        if self._failed and (self._attempt is not None or self._loop.time() < self._next_at):
            raise StoreUnavailableError(self._failed)
        if self._attempt is None:
            self._attempt = self._loop.create_task(self._try())
        await asyncio.shield(self._attempt)

    async def _try(self) -> None:
        try:
            hosts = await self._servers.of_buckets()
            results = await asyncio.gather(
                *(self._link(host, buckets) for host, buckets in hosts.items()), return_exceptions=True
            )
            links = [result for result in results if isinstance(result, Link)]
            self._of = {bucket: link for link in links for bucket in link.buckets}
            for result in results:
                if isinstance(result, BaseException):
                    raise result  # The servers that do serve have their links all the same.
            self._failed = ""
        except StoreUnavailableError as error:
            self._failed = str(error)
            self._next_at = self._loop.time() + _PAUSE
        finally:
            self._attempt = None

    async def _link(self, host: Host, buckets: Sequence[int]) -> Link:
        known = self._known.get(host)
        if known is not None and not known.wire.broken:
            link = Link(wire=known.wire, run=known.run, buckets=buckets)
        else:
            wire, run = await self._servers.connected(host)
            link = Link(wire=wire, run=run, buckets=buckets)
        self._known[host] = link
        await self._accepted(link)
        return link

    def _distinct(self) -> Iterator[Link]:
        return iter({id(link): link for link in self._of.values()}.values())
