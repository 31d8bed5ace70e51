"""Writing to the file: applied at once, committed together, on the disk before anybody hears of it.

Work is done on the event loop, inside one open transaction; what came together is committed together, and one thread
flushes the log while the next transaction fills up. Handing each piece of work to a thread costs more than the work
itself: three hand-overs, and two threads that take the interpreter from each other. What is left for the thread is
what may wait: for the disk, for another process that holds the file, for the log to be written back.

A commit here is in the log but not on the disk (`synchronous = NORMAL`) until the flush that follows it. Nobody's work
is settled before that. What others read meanwhile may still be lost in a power cut; then whatever they wrote is lost
as well, for the log keeps the order, and nothing was acknowledged that stands on it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Protocol, TypeVar

from idp.ports import Clock, StoreUnavailableError
from idp.stores.sqlite import file as sqlite_file
from idp.stores.sqlite.records import SqliteTransaction

T = TypeVar("T")

LOG_PAGES = 3000
"""After about so many pages the log is written back into the file. Rarely, since a page that changes with every event
is written back once; but a long log makes a start after a crash slow."""

Flush = Callable[[int], None]
"""Puts what was written to a descriptor on the disk; raises `OSError`."""

flushed: Flush = getattr(os, "fdatasync", os.fsync)  # not every platform has the former


class Job(Protocol):
    """Work of any result, as the writer sees it."""

    def run(self, tx: SqliteTransaction) -> None:
        """Do it and keep the result. Raises what the work raises."""

    def fail(self, error: Exception) -> None:
        """Keep an error in place of the result."""

    def settle(self) -> None:
        """Tell who waits, on the loop: it is on the disk, or it failed."""


class Work(Generic[T]):
    """One function to run atomically, and whoever waits for it: its caller, the end of a block, a task of the block."""

    __slots__ = ("_error", "_result", "_settled", "_waiters", "_work", "applied")

    _result: T

    def __init__(self, work: Callable[[SqliteTransaction], T]) -> None:
        self.applied = False
        """Whether it was done, in its order, if not on the disk yet."""
        self._work = work
        self._error: Exception | None = None
        self._settled = False
        self._waiters: list[asyncio.Future[None]] = []

    def run(self, tx: SqliteTransaction) -> None:
        """Do it and keep the result."""
        self._result = self._work(tx)
        self.applied = True

    def fail(self, error: Exception) -> None:
        """Keep an error in place of the result."""
        self._error = error

    def settle(self) -> None:
        """Tell who waits, unless they were cancelled meanwhile."""
        self._settled = True
        for waiter in self._waiters:
            if not waiter.done():
                with suppress(RuntimeError):  # The loop is closed: nobody waits.
                    waiter.set_result(None)

    def result(self) -> T:
        """Return what came of it; raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._result

    async def done(self) -> T:
        """Wait until it is on the disk; raises what went wrong."""
        if not self._settled:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)  # each has its own: who is cancelled takes nobody along
            await waiter
        return self.result()


class Writer:
    """Owns the writing connection. Everything but the three chores of its thread happens on the event loop.

    `flush` is there for the tests: it cannot be told from the disk.
    """

    def __init__(self, connection: sqlite3.Connection, *, path: Path, clock: Clock, flush: Flush = flushed) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._flush = flush
        self._applied: list[Job] = []  # in the open transaction
        self._waiting: deque[Job] = deque()  # while the thread has the connection
        self._scheduled = self._flushing = self._lent = False
        self._changes = self._pages = 0
        self._broken: StoreUnavailableError | None = None
        self._log: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[asyncio.Future[None]] = []
        self._chores: SimpleQueue[Callable[[], Callable[[], None]] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="sqlite-disk", daemon=True)
        self._thread.start()

    @property
    def reading(self) -> sqlite3.Connection | None:
        """The connection, where it sees more than others do: while a transaction is open that is not committed."""
        return self._connection if self._applied else None

    def submit(self, job: Job) -> None:
        """Do the job now if that is possible, or in its turn; it is settled when it is on the disk."""
        self._adopted()
        if self._broken is not None:
            _refuse([job], self._broken)
            return
        self._waiting.append(job)
        self._go_on()

    async def drained(self) -> None:
        """Wait until everything that was submitted is settled."""
        self._adopted()
        while self._applied or self._waiting or self._flushing or self._lent:
            waiter = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    def stop(self, *, writes_back: bool) -> None:
        """Write the log back if that is ours to do, and close. Blocks until it is done; nothing may be under way."""
        self._chores.put(None)
        self._thread.join()
        if writes_back:
            with suppress(sqlite3.Error):  # What could not be written back stays in the log, and is read from there.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()
        if self._log is not None:
            os.close(self._log)

    # On the loop.

    def _go_on(self) -> None:
        """Do what waits, and see to it that it is committed."""
        while self._waiting and not self._lent and self._begun():
            self._apply(self._waiting.popleft())
        if self._applied and not self._scheduled and not self._flushing and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._commit)  # not at once: what is ready to run now may have work for it, too
        if self._idle and not (self._applied or self._waiting or self._flushing or self._lent):
            idle, self._idle = self._idle, []
            for waiter in idle:
                if not waiter.done():
                    waiter.set_result(None)

    def _begun(self) -> bool:
        """Open a transaction, unless one is open; false if that has to wait, or is not possible."""
        if self._connection.in_transaction:
            return True
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if sqlite_file.is_busy(error):  # a command of an operator writes at this moment
                self._lent = True
                self._chores.put(self._begin_patiently)
            else:
                self._refuse_waiting(sqlite_file.unavailable(self._path, error))
            return False
        self._changes = self._connection.total_changes
        return True

    def _apply(self, job: Job) -> None:
        first = not self._applied  # alone in its transaction: that itself is what undoes it
        try:
            if not first:
                self._connection.execute("SAVEPOINT work")
            transaction = SqliteTransaction(self._connection, self._clock())
            job.run(transaction)
            self._pages += transaction.pages
            if not first:
                self._connection.execute("RELEASE work")
        except Exception as error:  # noqa: BLE001 - everybody who waits must hear of it, whatever it is
            self._undo(job, error, alone=first)
        else:
            self._applied.append(job)

    def _undo(self, job: Job, error: Exception, *, alone: bool) -> None:
        """Take back what a failed job wrote, and that alone if it can be done."""
        meaning = sqlite_file.unavailable(self._path, error) if isinstance(error, sqlite3.Error) else error
        try:
            self._connection.execute("ROLLBACK" if alone else "ROLLBACK TO work")
            if not alone:
                self._connection.execute("RELEASE work")
        except sqlite3.Error:
            # SQLite gave up the whole transaction (a full disk does that): what the others wrote is gone too.
            self._roll_back()
            applied, self._applied = self._applied, []
            _refuse(applied, sqlite_file.unavailable(self._path, error))
        _refuse([job], meaning)

    def _commit(self) -> None:
        self._scheduled = False
        if self._flushing or self._lent or not self._applied:
            return  # whatever is under way comes back to `_go_on`
        group, self._applied = self._applied, []
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            _refuse(group, sqlite_file.unavailable(self._path, error))
        else:
            if self._connection.total_changes == self._changes:  # nothing was written: nothing is to be flushed
                _settle(group)
            else:
                self._flushing = True
                self._chores.put(lambda: self._flush_log(group))
        if self._pages >= LOG_PAGES:
            self._pages = 0
            self._lent = True  # a transaction that is open meanwhile would keep the log from ever beginning anew
            self._chores.put(self._write_back)
        self._go_on()

    def _on_disk(self, group: Sequence[Job], error: OSError | None) -> None:
        self._flushing = False
        if error is None:
            _settle(group)
        else:
            # Nobody can say any more what is on the disk, not even by flushing again: the system forgets what it could
            # not write. Whoever starts anew reads what is really there.
            self._broken = sqlite_file.unavailable(self._path, error)
            applied, self._applied = self._applied, []
            if applied:
                self._roll_back()
            _refuse([*group, *applied], self._broken)
            self._refuse_waiting(self._broken)
        self._go_on()

    def _given_back(self, error: sqlite3.Error | None) -> None:
        self._lent = False
        if error is not None:
            self._refuse_waiting(sqlite_file.unavailable(self._path, error))
        self._go_on()

    def _refuse_waiting(self, error: Exception) -> None:
        waiting = list(self._waiting)
        self._waiting.clear()
        _refuse(waiting, error)

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # Nothing to roll back, or no way to: the next BEGIN finds out.
            self._connection.execute("ROLLBACK")

    def _adopted(self) -> None:
        """Belong to the loop that runs now: a test, or a command, may run one after another."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self._loop, self._scheduled = loop, False
        while self._flushing or self._lent:
            self._outcomes.get()()

    def _come_back(self) -> None:
        if not self._outcomes.empty():
            self._outcomes.get()()

    # On the thread.

    def _serve(self) -> None:
        while (chore := self._chores.get()) is not None:
            self._outcomes.put(chore())
            loop = self._loop
            if loop is not None:
                with suppress(RuntimeError):  # The loop is closed; the next one asks for the outcome.
                    loop.call_soon_threadsafe(self._come_back)

    def _flush_log(self, group: Sequence[Job]) -> Callable[[], None]:
        try:
            if self._log is None:
                # SQLite keeps no lock on the log: closing a descriptor of ours drops none (sqlite.org/howtocorrupt).
                self._log = os.open(f"{self._path}-wal", os.O_RDWR | os.O_CLOEXEC)
            self._flush(self._log)
        except OSError as failure:
            error = failure
            return lambda: self._on_disk(group, error)
        return lambda: self._on_disk(group, None)

    def _begin_patiently(self) -> Callable[[], None]:
        found: sqlite3.Error | None = None
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {sqlite_file.BUSY_TIMEOUT}")
            self._connection.execute("BEGIN IMMEDIATE")
            self._changes = self._connection.total_changes
        except sqlite3.Error as error:
            found = error
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA busy_timeout = 0")
        return lambda: self._given_back(found)

    def _write_back(self) -> Callable[[], None]:
        with suppress(sqlite3.Error):  # What could not be written back stays in the log, and is read from there.
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return lambda: self._given_back(None)


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()


def _refuse(jobs: Sequence[Job], error: Exception) -> None:
    for job in jobs:
        job.fail(error)
        job.settle()
