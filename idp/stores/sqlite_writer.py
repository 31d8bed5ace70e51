"""One thread writes. Whatever waits while the disk works is committed together, by one flush: a group commit.

Each piece of work has a savepoint of its own, so a failing one undoes only itself; nobody hears of success before the
commit that holds it is on the disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Protocol, TypeVar

from idp.ports import Clock
from idp.stores.sqlite_file import unavailable
from idp.stores.sqlite_records import SqliteTransaction

T = TypeVar("T")

GROUP = 128
"""How much work one commit carries at most, so that the first of a group does not wait for a long queue."""


class Job(Protocol):
    """Work of any result, as the writer sees it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where somebody waits for it."""

    def run(self, tx: SqliteTransaction) -> None:
        """Do it and keep the result. Raises what the work raises."""

    def fail(self, error: Exception) -> None:
        """Keep an error in place of the result."""

    def settle(self) -> None:
        """Tell who waits, on the loop."""


class Work(Generic[T]):
    """One function to run atomically, and who waits for it."""

    __slots__ = ("_error", "_future", "_result", "_work", "loop")

    _result: T

    def __init__(self, work: Callable[[SqliteTransaction], T], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._work = work
        self._future: asyncio.Future[T] = loop.create_future()
        self._error: Exception | None = None

    def run(self, tx: SqliteTransaction) -> None:
        """Do it and keep the result."""
        self._result = self._work(tx)

    def fail(self, error: Exception) -> None:
        """Keep an error in place of the result."""
        self._error = error

    def settle(self) -> None:
        """Tell who waits, unless they were cancelled meanwhile."""
        if self._future.done():
            return
        if self._error is None:
            self._future.set_result(self._result)
        else:
            self._future.set_exception(self._error)

    async def done(self) -> T:
        """Wait until it is committed; raises what went wrong."""
        return await self._future


class Writer:
    """The thread that owns the writing connection."""

    def __init__(self, connection: sqlite3.Connection, *, path: Path, clock: Clock, writes_back: bool = True) -> None:
        self._connection = connection
        self._writes_back = writes_back
        self._path = path
        self._clock = clock
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue work; it is settled on the loop it came from."""
        self._queue.put(job)

    def stop(self) -> None:
        """Finish everything queued, write the log back if that is ours to do, and close. Blocks until it is done."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while group := self._next_group():
            self._commit(group)
            _settle(group)
        if self._writes_back:
            with suppress(sqlite3.Error):  # What could not be written back stays in the log, and is read from there.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()

    def _next_group(self) -> list[Job]:
        group: list[Job] = []
        job = self._queue.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP or self._queue.empty():
                return group
            job = self._queue.get()
        if group:
            self._queue.put(None)  # Asked to stop: this group first.
        return group

    def _commit(self, group: Sequence[Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run(job)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the thread must outlive any failure, and everybody must hear of it
            self._roll_back()
            for job in group:
                job.fail(unavailable(self._path, error))

    def _run(self, job: Job) -> None:
        self._connection.execute("SAVEPOINT work")
        try:
            job.run(SqliteTransaction(self._connection, self._clock()))
        except Exception as error:
            if not self._connection.in_transaction:
                # SQLite gave up the whole transaction (a full disk does that): what the others of this group
                # wrote is gone too, and going on would write outside any transaction.
                raise
            self._connection.execute("ROLLBACK TO work")
            job.fail(unavailable(self._path, error) if isinstance(error, sqlite3.Error) else error)
        self._connection.execute("RELEASE work")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # Nothing to roll back, or no way to: the next BEGIN finds out.
            self._connection.execute("ROLLBACK")


def _settle(group: Sequence[Job]) -> None:
    """Wake each loop once for all of its work: a wake-up costs more than a result."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in group:
        loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():
        with suppress(RuntimeError):  # The loop is closed: nobody waits.
            loop.call_soon_threadsafe(_settle_all, jobs)


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()
