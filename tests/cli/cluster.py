"""Two nodes on one store, each `idp serve --workers 2` on real sockets, and a proxy before them.

The proxy is as simple as one can be: every connection of a browser goes to the next node that is ready, and to the
other one if nobody takes the connection there. It never repeats what it has sent, and knows no sticky sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx

from tests.cli.deployment import Deployment, Edit, command, environment
from tests.listening import listening
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.stores.mongodb import fresh_url
from tests.stores.redis_server import shared_redis


class Stores(NamedTuple):
    """Where a cluster keeps what."""

    mongodb_url: str
    redis_url: str


def _shared_stores() -> Stores:
    redis = shared_redis()
    redis.empty()
    return Stores(fresh_url(), redis.url)


class Cluster(Deployment):
    """One configuration for both nodes, whose origin is the proxy's."""

    def __init__(self, folder: Path, *, edit: Edit = lambda _: None, stores: Stores | None = None) -> None:
        super().__init__(folder, edit=edit)
        mongodb_url, redis_url = stores or _shared_stores()
        self.change(
            f'path = "{folder / "store" / "hyrja.sqlite"}"',
            f'mongodb_url = "{mongodb_url}"\nredis_url = "{redis_url}"',
        )
        self.change("[store]", 'workers = 2\ndrain_seconds = 1.0\nallowed_hosts = ["127.0.0.1"]\n[store]')
        with self.config.open("a", encoding="utf-8") as config:
            config.write("[management]\nport = 1\n")  # each node has its own, from its environment


class Node:
    """One node: a supervisor and its workers."""

    def __init__(self, cluster: Cluster, name: str, **variables: str) -> None:
        self._cluster = cluster
        self._output = cluster.folder / f"output-{name}.txt"
        self.port, self.management = free_port(), free_port()
        self._environment = {
            **environment(),
            "HYRJA_SERVER__PORT": str(self.port),
            "HYRJA_MANAGEMENT__PORT": str(self.management),
            **variables,
        }

    def start(self) -> None:
        """Start, and wait until `idp health` is content."""
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - this Python and this project
                command("serve", "--config", str(self._cluster.config)),
                cwd=self._cluster.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + PATIENCE * 4
        while self.process.poll() is None and time.monotonic() < deadline:
            if self.ready():
                return
            time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the node does not become ready: {self._output.read_text(encoding='utf-8')}")

    def ready(self) -> bool:
        """Tell what a probe would be told."""
        with contextlib.suppress(httpx.HTTPError):
            return (
                httpx.get(f"http://127.0.0.1:{self.management}/health/ready", timeout=5).status_code == httpx.codes.OK
            )
        return False

    def asked(self) -> subprocess.CompletedProcess[str]:
        """Run `idp health`."""
        return subprocess.run(  # noqa: S603 - this Python and this project
            command("health", "--config", str(self._cluster.config)),
            cwd=self._cluster.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def end(self) -> int:
        """SIGTERM; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE * 2)

    def workers(self) -> list[int]:
        """The processes that serve, or that still end; none if the node is a single process."""
        with contextlib.suppress(FileNotFoundError):  # the node has ended
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [int(number) for number in children.read_text(encoding="ascii").split()]
        return []

    def kill(self) -> None:
        """End every process of the node at once, as a power cut does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # or it may start another one while they are counted
        workers = self.workers()
        self.process.kill()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self.process.wait(PATIENCE)


class Proxy:
    """Gives connections to the nodes in turn."""

    def __init__(self, port: int, nodes: list[Node]) -> None:
        self._port = port
        self._nodes = nodes
        self._turns = cycle(range(len(nodes)))
        self.taken_out: set[Node] = set()
        """Nodes that a health check has found unready: nothing new is sent there."""

    async def watch(self) -> None:
        """Look after the nodes, several times a second, as proxies do."""
        while True:
            for node in self._nodes:
                ready = await asyncio.to_thread(node.ready)
                (self.taken_out.discard if ready else self.taken_out.add)(node)
            await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.watch())
        try:
            async with listening(self._carry, port=self._port):
                yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _in_turn(self) -> Iterator[Node]:
        first = next(self._turns)
        order = [self._nodes[(first + step) % len(self._nodes)] for step in range(len(self._nodes))]
        yield from sorted(order, key=lambda node: node in self.taken_out)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closed(writer):
            for node in self._in_turn():
                try:
                    answer, request = await asyncio.open_connection("127.0.0.1", node.port)
                except OSError:
                    continue  # nothing was sent
                async with _closed(request):
                    await asyncio.gather(_copied(reader, request), _copied(answer, writer))
                return


@contextlib.asynccontextmanager
async def _closed(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.close()  # what is cut on one side is cut on the other: a killed process may leave no orderly end


@contextlib.asynccontextmanager
async def cluster(
    folder: Path,
    *,
    edit: Edit = lambda _: None,
    stores: Stores | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[tuple[Cluster, list[Node]]]:
    """Two nodes that serve behind a proxy; both are killed in the end, if they still live.

    `variables`: what the environment of the second one has beside that of the first one.
    """
    deployment = Cluster(folder, edit=edit, stores=stores)
    nodes = [Node(deployment, "one"), Node(deployment, "two", **variables)]
    try:
        for node in nodes:
            await asyncio.to_thread(node.start)
        async with Proxy(deployment.port, nodes).serving():
            yield deployment, nodes
    finally:
        for node in nodes:
            with contextlib.suppress(AttributeError):
                node.kill()
