"""A server process: started, waited for, stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.deployment import ROOT, Deployment
from benchmarks.scenarios import DISCOVERY_PATH
from benchmarks.wire import Connection, expect, get
from idp.model.struct import Frozen

_LONGEST_START = 60.0  # seconds
_GRACE = 15.0  # seconds


class StartFailedError(Exception):
    """The server did not come up; the text holds what it said."""


class Running(Frozen, frozen=True, kw_only=True):
    """A server that has answered."""

    pid: int
    port: int
    started_in: float
    """Seconds from the process's start to its first answer."""


@contextmanager
def provider(deployment: Deployment) -> Iterator[Running]:
    """Serve a deployment as `idp serve` does."""
    command = ["-m", "idp", "serve", "--config", str(deployment.config)]
    log = deployment.folder / "server.out"
    with _process(command, port=deployment.port, host=deployment.host, path=DISCOVERY_PATH, log=log) as running:
        yield running


@contextmanager
def floor(port: int, reply: Path) -> Iterator[Running]:
    """Serve the bytes of a file from a bare ASGI application, on the same server as the provider's."""
    command = ["-m", "benchmarks.floor", str(port), str(reply)]
    log = reply.with_suffix(".out")
    with _process(command, port=port, host=f"localhost:{port}", path="/", log=log) as running:
        yield running


@contextmanager
def _process(command: Sequence[str], *, port: int, host: str, path: str, log: Path) -> Iterator[Running]:
    started = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)
    try:
        _wait_for_answer(process, port=port, request=get(host, path), log=log, until=started + _LONGEST_START)
        yield Running(pid=process.pid, port=port, started_in=time.perf_counter() - started)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_answer(process: subprocess.Popen[bytes], *, port: int, request: bytes, log: Path, until: float) -> None:
    while process.poll() is None and time.perf_counter() < until:
        with suppress(ConnectionRefusedError), Connection(port) as connection:
            # The port is taken first, so this waits in the listener's queue until the server is ready.
            connection.send(request)
            expect(connection.receive(), 200)
            return
        time.sleep(0.002)
    raise StartFailedError(f"The server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
