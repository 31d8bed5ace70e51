"""Real Redis servers for the tests: `redis-server`, as Debian packages it, in a folder of its own."""

from __future__ import annotations

import asyncio
import atexit
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from idp.ports import Clock, RealmStores
from idp.stores.optimistic import OptimisticKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from idp.stores.redis.place import PATIENCE as SHORT_PATIENCE
from idp.stores.redis.place import RedisPlace
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.stores.memory_place import MemoryPlace

PROGRAM = shutil.which("redis-server")
_MISSING = "redis-server is not installed (Debian: apt-get install redis-server)"
needs_redis = pytest.mark.skipif(PROGRAM is None, reason=_MISSING)


class RedisServer:
    """A server that a test may kill, freeze and start again. It keeps nothing, unless `arguments` say so."""

    def __init__(self, directory: Path, *arguments: str, watching: Path | None = None) -> None:
        """`watching`: a configuration of Sentinel; it is a Sentinel then."""
        self._directory = directory
        self._arguments = ("--save", "", *arguments) if watching is None else (str(watching), "--sentinel")
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, on the same port and the same files, and wait until it answers."""
        assert PROGRAM is not None
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._directory)]
        self._process = subprocess.Popen(  # noqa: S603 - Debian's server
            [PROGRAM, *self._arguments, *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while b"PONG" not in self.said("PING"):
            assert self._process.poll() is None, "redis-server did not start"
            time.sleep(0.02)

    def said(self, *command: str) -> bytes:
        """Send one command as an operator would, and return what is answered (its first bytes); b"" if nobody is."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
                parts = [f"*{len(command)}", *(line for part in command for line in (f"${len(part.encode())}", part))]
                connection.sendall("\r\n".join([*parts, ""]).encode())
                return connection.recv(65536)
        except OSError:
            return b""

    def follow(self) -> None:
        """Wait until it has what its master has."""
        while b"master_link_status:up" not in self.said("INFO", "replication"):
            time.sleep(0.02)

    def empty(self) -> None:
        """Let it forget everything."""
        assert self.said("FLUSHALL") == b"+OK\r\n"

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()

    def keep_file(self) -> None:
        """Keep a copy of what is on the disk now."""
        shutil.copytree(self._directory / "appendonlydir", self._directory / "kept")

    def bring_file_back(self) -> None:
        """Put that copy in place of what is on the disk."""
        shutil.rmtree(self._directory / "appendonlydir")
        shutil.copytree(self._directory / "kept", self._directory / "appendonlydir")

    def freeze(self) -> None:
        """Let it hold every connection and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def cluster_of(count: int, directory: Path, *arguments: str) -> Iterator[Sequence[RedisServer]]:
    """Make a cluster of masters."""
    client = shutil.which("redis-cli")
    if client is None:
        pytest.skip(_MISSING)
    servers = []
    try:
        for number in range(count):
            (directory / str(number)).mkdir()
            own = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "1000")
            servers.append(RedisServer(directory / str(number), *own, *arguments))
        hosts = [f"127.0.0.1:{server.port}" for server in servers]
        subprocess.run(  # noqa: S603 - Debian's client
            [client, "--cluster", "create", *hosts, "--cluster-yes"], check=True, capture_output=True
        )
        while not all(b"cluster_state:ok" in server.said("CLUSTER", "INFO") for server in servers):
            time.sleep(0.05)
        yield servers
    finally:
        for server in servers:
            server.kill()


@cache
def shared_redis() -> RedisServer:
    """Return this process's server; it ends with the process. A test without one is left out, and says so."""
    if PROGRAM is None:
        pytest.skip(_MISSING)
    directory = Path(tempfile.mkdtemp())
    server = RedisServer(directory)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(server.kill)
    return server


async def redis_place(clock: Clock) -> RedisPlace:
    """Return a place in the shared server, emptied long ago."""
    server = shared_redis()
    await asyncio.to_thread(server.empty)
    return await settled_place(server.url, clock, patience=PATIENCE)


async def settled_place(url: str, clock: Clock, *, patience: float = SHORT_PATIENCE) -> RedisPlace:
    """Return a place in a server that has forgotten nothing for an hour. `patience`: seconds for an answer."""
    earlier = RedisPlace(url, clock=lambda: clock() - 3600, random=secrets.token_bytes, patience=PATIENCE)
    await earlier.open()
    await earlier.close()
    place = RedisPlace(url, clock=clock, random=secrets.token_bytes, patience=patience)
    await place.open()
    return place


def stores_on(place: RedisPlace, clock: Clock, *, realm: str) -> RealmStores:
    """Return the stores of one realm whose brief records lie in Redis, and the others in memory."""
    kernel = OptimisticKernel(
        durable=MemoryPlace(),
        brief=place,
        is_brief=is_brief,
        clock=clock,
        random=secrets.token_bytes,
        forgot_at=lambda: place.forgot_at,
    )
    return KernelStore(kernel, clock).realm(realm)
