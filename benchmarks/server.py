"""A server process: started, waited for, stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from benchmarks.accounting import family, of_session
from benchmarks.bank import KEYCLOAKS
from benchmarks.deployment import ROOT, Deployment
from benchmarks.wire import Connection, UnexpectedAnswerError, expect, get
from idp.model.struct import Frozen

_LONGEST_START = 60.0  # seconds
_LONGEST_IMPORT = 300.0  # seconds: of a thousand customers and more into a slow store
_GRACE = 15.0  # seconds
_SERVING = re.compile(rb'"event": ?"serving"')
"""Of the line that each serving process logs when it has started."""


class StartFailedError(Exception):
    """The server did not come up; the text holds what it said."""


class Running(Frozen, frozen=True, kw_only=True):
    """A server that has answered."""

    processes: tuple[int, ...]
    """Its serving processes and the one that watches over them."""
    port: int
    started_in: float
    """Seconds from the process's start to its first answer."""
    stores: tuple[int, ...] = ()
    """Processes in which its stores keep what it tells them."""


@contextmanager
def provider(deployment: Deployment) -> Iterator[Running]:
    """Serve a deployment as `idp serve` does."""
    command = [sys.executable, "-m", "idp", "serve", "--config", str(deployment.config)]
    log = deployment.folder / "server.out"
    request = get(deployment.host, KEYCLOAKS.discovery)
    with started(command, port=deployment.port, request=request, log=log, patience=_LONGEST_IMPORT) as running:
        _wait_for_workers(deployment, until=time.perf_counter() + _LONGEST_START)
        processes = family(running.processes[0])
        yield msgspec.structs.replace(running, processes=processes, stores=deployment.stores)


def _wait_for_workers(deployment: Deployment, *, until: float) -> None:
    """The first worker answers while others still start, which would be measured as their work."""
    while len(_SERVING.findall(deployment.log.read_bytes())) < deployment.workers:
        if time.perf_counter() > until:
            raise StartFailedError(f"Of {deployment.workers} workers, some did not start: see {deployment.log}.")
        time.sleep(0.02)


@contextmanager
def floor(port: int, reply: Path) -> Iterator[Running]:
    """Serve the bytes of a file from a bare ASGI application, on the same server as the provider's."""
    command = [sys.executable, "-m", "benchmarks.floor", str(port), str(reply)]
    request = get(f"localhost:{port}", "/")
    with started(command, port=port, request=request, log=reply.with_suffix(".out")) as running:
        yield running


@contextmanager
def started(
    command: Sequence[str],
    *,
    port: int,
    request: bytes,
    log: Path,
    patience: float = _LONGEST_START,
    environment: Mapping[str, str] = {},
) -> Iterator[Running]:
    """Run a command until the block ends; the block begins when the port has answered the request.

    Raises:
        StartFailedError: it has not within `patience` seconds, or the process has ended.

    """
    began = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for_answer(process, port=port, request=request, log=log, until=began + patience)
        yield Running(processes=family(process.pid), port=port, started_in=time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in of_session(process.pid):  # workers whose supervisor had to be killed
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


def _wait_for_answer(process: subprocess.Popen[bytes], *, port: int, request: bytes, log: Path, until: float) -> None:
    while process.poll() is None and time.perf_counter() < until:
        # The port may be taken first, so this waits in the listener's queue until the server is ready.
        with suppress(OSError, UnexpectedAnswerError), Connection(port) as connection:
            connection.send(request)
            expect(connection.receive(), 200)
            return
        time.sleep(0.002)
    said = log.read_text(encoding="utf-8", errors="replace")
    raise StartFailedError(f"The server did not start:\n{said}")
