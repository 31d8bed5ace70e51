"""MongoDB and Redis for a run: what serving processes share when there are several.

Redis is a server of the run's own. MongoDB is the replica set that `HYRJA_BENCH_MONGODB` names, in a database of its
own that is dropped afterwards; without one, the stand-in of the tests. That is many times slower than MongoDB, so on it
only our own CPU time means anything: neither its own, nor a throughput or a latency.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.accounting import family
from benchmarks.server import StartFailedError
from idp.model.struct import Frozen
from tests.ports import free_port

VARIABLE = "HYRJA_BENCH_MONGODB"
_STAND_IN = "secantus"
_LONGEST_START = 60.0  # seconds
_PATIENT = "timeoutMS=60000&serverSelectionTimeoutMS=60000"
"""The stand-in is slow beside everything else that a run does; that is no outage."""


class Cluster(Frozen, frozen=True, kw_only=True):
    """The stores of one deployment."""

    settings: dict[str, str]
    """Of the table `[store]`."""
    processes: tuple[int, ...]
    """Of the servers that belong to this run."""


def missing() -> str | None:
    """Return why there is none, or None."""
    if shutil.which("redis-server") is None:
        return "redis-server is not installed (Debian: apt-get install redis-server)"
    if not os.environ.get(VARIABLE) and importlib.util.find_spec(_STAND_IN) is None:
        return f"{VARIABLE} names no MongoDB, and its stand-in for tests is not installed"
    return None


def stands_in() -> bool:
    """Tell whether MongoDB is the stand-in."""
    return not os.environ.get(VARIABLE)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run both until the block ends."""
    with ExitStack() as stack:
        redis_port = free_port()
        redis = ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder)]
        redis += ["--save", "", "--appendonly", "yes"]
        processes = stack.enter_context(_running(redis, port=redis_port, log=folder / "redis.out"))
        mongodb_url, more = stack.enter_context(_mongodb(folder))
        yield Cluster(
            settings={"mongodb_url": mongodb_url, "redis_url": f"redis://127.0.0.1:{redis_port}"},
            processes=(*processes, *more),
        )


@contextmanager
def _mongodb(folder: Path) -> Iterator[tuple[str, Sequence[int]]]:
    database = f"hyrja_bench_{secrets.token_hex(4)}"
    if given := os.environ.get(VARIABLE):
        url = urlunsplit(urlsplit(given)._replace(path=f"/{database}"))
        try:
            yield url, ()
        finally:
            _drop(url, database)
        return
    port, files = free_port(), folder / "mongodb"
    command = [sys.executable, "-m", _STAND_IN, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(files), "--log-level", "ERROR", "--sync-on-commit"]
    with _running(command, port=port, log=folder / "mongodb.out") as processes:
        yield f"mongodb://127.0.0.1:{port}/{database}?replicaSet={_STAND_IN}&{_PATIENT}", processes


def _drop(url: str, database: str) -> None:
    from pymongo import MongoClient  # noqa: PLC0415 - only for a MongoDB that is not ours

    with MongoClient[dict[str, object]](url) as client:
        client.drop_database(database)


@contextmanager
def _running(command: Sequence[str], *, port: int, log: Path) -> Iterator[tuple[int, ...]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        until = time.perf_counter() + _LONGEST_START
        while process.poll() is None and time.perf_counter() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.02)
        else:
            raise StartFailedError(f"{command[0]} did not start:\n{log.read_text(errors='replace')}")
        yield family(process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
