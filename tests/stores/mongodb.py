"""A MongoDB for the tests: the server that `HYRJA_TEST_MONGODB` names, or a stand-in of this process's own.

The stand-in (SecantusDB) speaks the protocol of MongoDB and has its transactions, but is none: see CONTRIBUTING.md.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pymongo import AsyncMongoClient, pool_shared
from pymongo.errors import InvalidOperation

from idp.stores.mongo.connection import connect
from idp.stores.mongo.documents import Document
from idp.stores.mongo.fresh import FreshPlace
from idp.stores.mongo.place import MongoPlace
from tests.ports import free_port
from tests.stores.mongo.cutting_proxy import CuttingProxy

_PATIENT = "timeoutMS=20000&serverSelectionTimeoutMS=20000"
"""A machine that is busy with other tests is not a server that is lost."""


_Connect = Callable[..., Coroutine[Any, Any, socket.socket]]


def _closed_if_cancelled(connect_socket: _Connect) -> _Connect:
    """Close the socket of an attempt to connect that is cancelled.

    PyMongo leaves it to the garbage collector, whose warning would fail whichever test happens to run then. It comes to
    that when a client is closed soon after it was opened, on a busy machine: its monitors are still connecting.
    """

    @wraps(connect_socket)
    async def connecting(*arguments: Any) -> socket.socket:
        try:
            return await connect_socket(*arguments)
        except asyncio.CancelledError as cancelled:
            for frame, _ in traceback.walk_tb(cancelled.__traceback__):
                if "sock" in frame.f_locals:
                    frame.f_locals["sock"].close()
            raise

    return connecting


pool_shared._async_create_connection = _closed_if_cancelled(pool_shared._async_create_connection)


class MongoServer:
    """A stand-in that a test may kill, freeze and start again; what it acknowledged is on the disk."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._directory = directory
        self._arguments = arguments
        self.port = free_port()
        self.start()

    def url(self, database: str) -> str:
        return f"mongodb://127.0.0.1:{self.port}/{database}?replicaSet=secantus&{_PATIENT}"

    def start(self) -> None:
        """Start, on the same port and the same files, and wait until it answers."""
        command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--storage-path", str(self._directory), "--log-level", "ERROR", "--sync-on-commit"]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a development dependency
            [*command, *self._arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not self._listens():
            assert self._process.poll() is None, "the stand-in did not start"
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it hold every connection and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class DroppedPlace(MongoPlace):
    """A place whose database goes when it is closed."""

    async def close(self) -> None:
        with suppress(InvalidOperation):  # closed before
            await self.connection.client.drop_database(self.connection.database.name)
        await super().close()


@cache
def _shared() -> MongoServer:
    directory = Path(tempfile.mkdtemp(prefix="hyrja-mongodb-"))
    server = MongoServer(directory)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(server.kill)  # before its files go
    return server


def fresh_url() -> str:
    """Return the URL of a database that does not exist yet."""
    name = f"hyrja_test_{os.getpid()}_{next(_NUMBERS)}"
    given = os.environ.get("HYRJA_TEST_MONGODB")
    return urlunsplit(urlsplit(given)._replace(path=f"/{name}")) if given else _shared().url(name)


@asynccontextmanager
async def dropped(url: str) -> AsyncIterator[str]:
    """Drop the database of a URL in the end."""
    yield url
    client: AsyncMongoClient[Document] = AsyncMongoClient(url)
    await client.drop_database(client.get_default_database().name)
    await client.close()


@asynccontextmanager
async def through(
    url: str, between: Callable[[int], AbstractAsyncContextManager[CuttingProxy]], *, patience: int = 1500
) -> AsyncIterator[tuple[CuttingProxy, str]]:
    """Return something that stands in front of a server, and the URL of a database through it, with `patience` ms."""
    parts = urlsplit(url)
    async with between(parts.port or 27017) as proxy:
        # A direct connection: the members of a replica set tell their own addresses, past everything in front.
        yield proxy, f"mongodb://127.0.0.1:{proxy.port}{parts.path}?directConnection=true&timeoutMS={patience}"


async def mongo_place() -> FreshPlace:
    """Return an empty place in a database of its own, as a serving node has it."""
    url = fresh_url()
    return FreshPlace(await DroppedPlace.open(url, serving=True), connect(url, waits=True))


_NUMBERS = itertools.count()
