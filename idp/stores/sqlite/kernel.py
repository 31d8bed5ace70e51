"""The kernel that keeps everything in one SQLite file: the default store, with nothing to install.

Reads and writes happen at once on the event loop (some microseconds: less than any thread costs); one thread flushes
what was written, and it is on the disk when `transact` returns. One process serves from a file; the command line may
write beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from idp.ports import Clock, PartHealth, StoreUnavailableError
from idp.stores.kernel import Transaction
from idp.stores.portable import KeptEvent, KeptRecord, Portion
from idp.stores.sqlite import file as sqlite_file
from idp.stores.sqlite.records import (
    MIGRATIONS,
    SqliteTransaction,
    select_events,
    select_every,
    select_owned,
    select_page,
    select_recent,
    select_records,
    select_value,
)
from idp.stores.sqlite.writer import Flush, Work, Writer, flushed

T = TypeVar("T")


_SLICE = 50  # records and events that one transaction of a sweep removes at most


class Together:
    """A block whose writes are on the disk when it ends, also when it ends by an exception.

    Inside it nobody waits for the disk: a verb returns when it is done, in its order. So nothing may leave the process
    from inside that counts on the disk. That is true of the task that opened the block; others that it starts wait.
    """

    __slots__ = ("_token", "jobs", "task")

    def __init__(self) -> None:
        self.jobs: list[Work[Any]] = []
        self.task = asyncio.current_task()
        self._token: Token[Together | None] | None = None

    async def __aenter__(self) -> None:
        """Begin, unless this is inside another block already, which waits for everything."""
        if _BLOCK.get() is None:
            self._token = _BLOCK.set(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the disk; raises `StoreUnavailableError` if anything is not on it."""
        if self._token is None:
            return
        _BLOCK.reset(self._token)
        for job in self.jobs:
            await job.done()


_BLOCK: ContextVar[Together | None] = ContextVar("together", default=None)


class SqliteKernel:
    """Implements `idp.stores.portable.Portable`. Made by `SqliteKernel.open`."""

    def __init__(
        self, *, path: Path, clock: Clock, descriptor: int | None, writer: Writer, reader: sqlite3.Connection
    ) -> None:
        self._path = path
        self._clock = clock
        self._descriptor = descriptor
        self._writer = writer
        self._reader = reader
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
        max_pages: int | None = None,
        serving: bool = True,
        flush: Flush = flushed,
        checked_up_to: int = sqlite_file.CHECKED_AT_START,
    ) -> SqliteKernel:
        """Open or create the store at `path`, for this process to serve from alone.

        With `serving=False` an existing store of this program's own schema is opened beside whoever serves from it: for
        the command line, whose few short transactions wait for the server's and the server's for them.

        `max_pages` bounds the file (a page has 4096 bytes). Raises `StoreUnavailableError`, of which `StoreInUseError`
        and `SchemaTooNewError` are kinds, with a sentence that says what to do. A file of at most `checked_up_to` bytes
        is read as a whole before it is served from. `flush` is another disk, for tests.
        """
        path = path.resolve()  # One file has one lock, whatever links lead to it.
        with ExitStack() as undo:
            descriptor = sqlite_file.lock(path) if serving else None
            if descriptor is not None:
                undo.callback(sqlite_file.unlock, descriptor)
                connection = sqlite_file.prepare(
                    path, migrations=migrations, max_pages=max_pages, checked_up_to=checked_up_to
                )
            else:
                connection = sqlite_file.beside(path, migrations=migrations)
            undo.callback(connection.close)
            reader = sqlite_file.reader(path)
            undo.pop_all()
        writer = Writer(connection, path=path, clock=clock, flush=flush)
        return cls(path=path, clock=clock, descriptor=descriptor, writer=writer, reader=reader)

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        try:
            return select_value(self._readable(), self._clock(), kind, realm, key)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        """Return the values of every live record of an owner, by key."""
        try:
            return select_owned(self._readable(), self._clock(), kind, realm, owner)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        """Return every live record of a kind, by key."""
        try:
            return select_every(self._readable(), self._clock(), kind, realm)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        """Return the first live records whose keys begin with `prefix` and come behind `after`."""
        try:
            now = self._clock()
            return select_page(self._readable(), now, kind, realm, prefix=prefix, after=after, limit=limit)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        """Return the newest events first."""
        try:
            return select_recent(self._readable(), realm, limit=limit, transaction_id=transaction_id)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def records(self, *, after: str, limit: int) -> Portion[KeptRecord]:
        """Return what lies there, by kind, realm and key."""
        try:
            return select_records(self._readable(), after=after, limit=limit)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def events(self, *, after: str, limit: int) -> Portion[KeptEvent]:
        """Return events, the oldest first."""
        try:
            return select_events(self._readable(), after=after, limit=limit)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in its turn; it is on the disk when this returns, or when the block around it ends."""
        return await self._written(work)

    def together(self) -> Together:
        """Let what is written in a block reach the disk as a whole, when the block ends."""
        return Together()

    async def settled(self) -> None:
        """Wait for the disk with what the block around has written so far, also in a task that the block began."""
        block = _BLOCK.get()
        if block is not None:
            for job in tuple(block.jobs):
                await job.done()

    async def sweep(self, *, events_before: float, limit: int) -> int:
        """Remove what expired, and old events, a few at a time: whoever is served meanwhile waits for one slice."""
        removed = 0
        for slice_ends in range(_SLICE, limit + _SLICE, _SLICE):
            count = min(_SLICE, limit - slice_ends + _SLICE)

            def work(tx: SqliteTransaction, count: int = count) -> int:
                return tx.remove_expired(count) + tx.remove_events(before=events_before, limit=count)

            found = await self._written(work)
            removed += found
            if not found:
                break
        return removed

    def forgot_at(self, kind: str) -> float:
        """Return 0: what is here is forgotten when it expires, and not before."""
        del kind
        return 0.0

    async def health(self) -> Sequence[PartHealth]:
        """Say whether a transaction that changes nothing gets through: not where another process holds the file."""
        try:
            await self._written(lambda tx: tx.touch())
        except StoreUnavailableError as error:
            return [PartHealth(part="sqlite", ok=False, reason=str(error))]
        return [PartHealth(part="sqlite", ok=True)]

    async def _written(self, work: Callable[[SqliteTransaction], T]) -> T:
        if self._closed:
            raise self._shut()
        job = Work(work)
        self._writer.submit(job)
        block = _BLOCK.get()
        if block is not None and job.applied and block.task is asyncio.current_task():
            block.jobs.append(job)
            return job.result()
        return await job.done()

    async def close(self) -> None:
        """Commit what is queued, and let the next process in; who serves writes the log back into the file."""
        if self._closed:
            return
        self._closed = True
        await self._writer.drained()
        await asyncio.to_thread(self._writer.stop, writes_back=self._descriptor is not None)
        self._reader.close()
        if self._descriptor is not None:
            sqlite_file.unlock(self._descriptor)

    def _readable(self) -> sqlite3.Connection:
        """Return the connection that sees everything that was written here, be it committed or not."""
        return self._writer.reading or self._reader

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailableError:
        return self._shut() if self._closed else sqlite_file.unavailable(self._path, error)

    def _shut(self) -> StoreUnavailableError:
        return StoreUnavailableError(f"The store {self._path} is closed.")
