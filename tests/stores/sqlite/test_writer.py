from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.kernel import Transaction
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite.file import LOG_BYTES
from idp.stores.sqlite.records import MIGRATIONS, SqliteTransaction
from idp.stores.sqlite.writer import Work
from tests.fakes import FakeClock
from tests.stores.held_disk import Disk, passing, put

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def kernel(tmp_path: Path, clock: FakeClock, disk: Disk) -> AsyncIterator[SqliteKernel]:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, flush=disk)
    yield kernel
    disk.goes_on.set()
    await kernel.close()


def forced_rollback(tx: Transaction) -> None:
    """What SQLite does by itself on some errors: it gives up the whole transaction."""
    assert isinstance(tx, SqliteTransaction)
    tx._connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


async def beside(path: Path) -> list[str]:
    """Return the keys that another process sees."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT key FROM record ORDER BY key").fetchall()
    connection.close()
    return [key for (key,) in rows]


async def test_what_waits_together_is_committed_and_flushed_together(kernel: SqliteKernel, disk: Disk) -> None:
    first = await disk.held_by(kernel)
    statements: list[str] = []
    kernel._writer._connection.set_trace_callback(statements.append)
    waiting = [asyncio.ensure_future(kernel.transact(partial(put, key=f"{number:03}"))) for number in range(100)]
    await passing()
    disk.goes_on.set()
    await asyncio.gather(first, *waiting)
    kernel._writer._connection.set_trace_callback(None)
    assert statements.count("COMMIT") == 1
    assert disk.flushes == 2  # the first one's own, and one for the hundred behind it
    assert len(await kernel.every("kind", "realm")) == 101


async def test_nobody_hears_of_success_before_it_is_on_the_disk(kernel: SqliteKernel, disk: Disk) -> None:
    first = await disk.held_by(kernel)
    await passing()
    assert not first.done()
    disk.goes_on.set()
    await first
    assert disk.flushes == 1


async def test_what_was_written_is_read_here_at_once_and_elsewhere_when_it_is_committed(
    kernel: SqliteKernel, disk: Disk, tmp_path: Path
) -> None:
    first = await disk.held_by(kernel)
    second = asyncio.ensure_future(kernel.transact(partial(put, key="second")))
    await passing()
    assert not second.done()
    assert await kernel.get("kind", "realm", "second") == b"value"
    assert list(await kernel.every("kind", "realm")) == ["first", "second"]
    assert await beside(tmp_path / "idp.db") == ["first"]
    disk.goes_on.set()
    await asyncio.gather(first, second)
    assert await beside(tmp_path / "idp.db") == ["first", "second"]


async def test_who_wrote_nothing_waits_for_no_disk(kernel: SqliteKernel, disk: Disk) -> None:
    assert await kernel.transact(lambda tx: tx.delete("kind", "realm", "nobody")) is False
    assert disk.flushes == 0


async def test_a_disk_that_fails_is_believed_nothing_any_more(kernel: SqliteKernel, disk: Disk) -> None:
    # After a failed flush the system forgets what it could not write: the next flush would succeed, and prove nothing.
    first = await disk.held_by(kernel)
    behind = asyncio.ensure_future(kernel.transact(partial(put, key="behind")))
    await passing()
    disk.error = OSError(errno.EIO, "Input/output error")
    disk.goes_on.set()
    for write in (first, behind):
        with pytest.raises(StoreUnavailableError, match="its disk reports an error"):
            await write
    disk.error = None
    with pytest.raises(StoreUnavailableError):
        await kernel.transact(partial(put, key="later"))
    (health,) = await kernel.health()
    assert not health.ok
    assert disk.flushes == 0


async def test_in_a_block_nobody_waits_and_at_its_end_everything_is_on_the_disk(
    kernel: SqliteKernel, disk: Disk
) -> None:
    first = await disk.held_by(kernel)
    seen: list[bytes | None] = []

    async def block() -> None:
        async with kernel.together():
            await kernel.transact(partial(put, key="a"))
            seen.append(await kernel.get("kind", "realm", "a"))
            await kernel.transact(partial(put, key="b"))
            seen.append(await kernel.get("kind", "realm", "b"))

    writing = asyncio.ensure_future(block())
    await passing()
    assert seen == [b"value", b"value"]
    assert not writing.done()
    disk.goes_on.set()
    await asyncio.gather(first, writing)
    assert disk.flushes == 2


async def test_a_block_that_ends_by_an_exception_is_on_the_disk_all_the_same(kernel: SqliteKernel, disk: Disk) -> None:
    first = await disk.held_by(kernel)

    async def block() -> None:
        async with kernel.together():
            await kernel.transact(partial(put, key="taken"))
            raise LookupError("the code is another client's")

    writing = asyncio.ensure_future(block())
    await passing()
    assert not writing.done()
    disk.goes_on.set()
    with pytest.raises(LookupError):
        await writing
    await first


async def test_a_block_that_is_not_on_the_disk_says_so_whatever_else_went_wrong(
    kernel: SqliteKernel, disk: Disk
) -> None:
    disk.error = OSError(errno.EIO, "Input/output error")

    async def block() -> None:
        async with kernel.together():
            await kernel.transact(partial(put, key="taken"))
            raise LookupError("the code is another client's")

    with pytest.raises(StoreUnavailableError):
        await block()


async def test_a_task_that_is_started_in_a_block_waits_for_the_disk_itself(kernel: SqliteKernel, disk: Disk) -> None:
    first = await disk.held_by(kernel)
    async with kernel.together():
        other = asyncio.ensure_future(kernel.transact(partial(put, key="other")))
        await passing()
        assert not other.done()
        disk.goes_on.set()
    await asyncio.gather(first, other)


async def test_everybody_who_waits_for_one_write_is_told_and_nobody_goes_away_with_another(
    kernel: SqliteKernel, disk: Disk
) -> None:
    first = await disk.held_by(kernel)
    write = Work(partial(put, key="key"))
    kernel._writer.submit(write)
    gone, *staying = (asyncio.ensure_future(write.done()) for _ in range(3))
    await passing()
    gone.cancel()
    await passing()
    disk.goes_on.set()
    await asyncio.gather(first, *staying)


async def test_when_sqlite_gives_up_a_transaction_all_of_its_group_are_refused(
    kernel: SqliteKernel, disk: Disk
) -> None:
    first = await disk.held_by(kernel)
    works: Sequence[Callable[[Transaction], None]] = [partial(put, key="a"), partial(put, key="b"), forced_rollback]
    waiting = [asyncio.ensure_future(kernel.transact(work)) for work in works]
    await passing()
    disk.goes_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert list(await kernel.every("kind", "realm")) == ["first"]


async def test_a_commit_that_fails_fails_everybody_in_its_group_and_nobody_after_it(
    tmp_path: Path, clock: FakeClock, disk: Disk
) -> None:
    # A deferred constraint is what SQLite finds out in the COMMIT itself; it leaves the transaction open.
    tables = (
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    kernel = SqliteKernel.open(tmp_path / "other.db", clock=clock, migrations=(*MIGRATIONS, tables), flush=disk)
    kernel._writer._connection.execute("PRAGMA foreign_keys = ON")

    def orphan(tx: Transaction) -> None:
        assert isinstance(tx, SqliteTransaction)
        tx._connection.execute("INSERT INTO child VALUES (1)")

    first = await disk.held_by(kernel)
    works: Sequence[Callable[[Transaction], None]] = [partial(put, key="a"), orphan, partial(put, key="b")]
    waiting = [asyncio.ensure_future(kernel.transact(work)) for work in works]
    await passing()
    disk.goes_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert list(await kernel.every("kind", "realm")) == ["first"]
    await kernel.transact(partial(put, key="next"))
    assert list(await kernel.every("kind", "realm")) == ["first", "next"]
    await kernel.close()


async def test_the_writer_goes_on_after_a_transaction_was_given_up(kernel: SqliteKernel) -> None:
    with pytest.raises(StoreUnavailableError):
        await kernel.transact(forced_rollback)
    await kernel.transact(partial(put, key="next"))
    assert await kernel.get("kind", "realm", "next") == b"value"


async def test_an_error_of_sqlite_in_one_work_is_only_its_own(kernel: SqliteKernel, disk: Disk) -> None:
    def wrong(tx: Transaction) -> None:
        assert isinstance(tx, SqliteTransaction)
        put(tx, "wrong")
        tx._connection.execute("SELECT nothing FROM nowhere")

    first = await disk.held_by(kernel)
    works = (wrong, partial(put, key="a"), wrong, partial(put, key="b"))  # alone in its transaction, and among others
    waiting = [asyncio.ensure_future(kernel.transact(work)) for work in works]
    await passing()
    disk.goes_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError, type(None)] * 2
    assert list(await kernel.every("kind", "realm")) == ["a", "b", "first"]


async def test_closing_finishes_what_was_asked_before(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "other.db", clock=clock)
    waiting = [asyncio.ensure_future(kernel.transact(partial(put, key=f"{number:04}"))) for number in range(300)]
    await asyncio.sleep(0)
    await kernel.close()
    await asyncio.gather(*waiting)
    again = SqliteKernel.open(tmp_path / "other.db", clock=clock)
    assert len(await again.every("kind", "realm")) == 300
    await again.close()


async def test_a_short_write_of_another_process_is_waited_for(kernel: SqliteKernel, tmp_path: Path) -> None:
    # The command line's connection; here it lives on a thread of its own, which SQLite sees no differently.
    holding, release = threading.Event(), threading.Event()

    def other_program() -> None:
        connection = sqlite3.connect(tmp_path / "idp.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        holding.set()
        release.wait()
        connection.execute("COMMIT")
        connection.close()

    other = asyncio.ensure_future(asyncio.to_thread(other_program))
    await asyncio.to_thread(holding.wait)
    writes = [asyncio.ensure_future(kernel.transact(partial(put, key=key))) for key in ("a", "b")]
    await asyncio.sleep(0.05)  # the loop goes on meanwhile, and reads
    assert await kernel.get("kind", "realm", "a") is None
    assert not any(write.done() for write in writes)
    release.set()
    await asyncio.gather(other, *writes)
    assert await kernel.get("kind", "realm", "b") == b"value"


_MANY = 128


async def test_the_log_stays_small_however_much_is_written(kernel: SqliteKernel, tmp_path: Path) -> None:
    sizes = []
    for turn in range(40):
        puts = [partial(_put_much, key=f"{turn}-{number}") for number in range(_MANY)]
        await asyncio.gather(*(kernel.transact(put) for put in puts))
        assert len(await kernel.every("kind", "realm")) == (turn + 1) * _MANY  # Reading keeps no part of the log alive.
        sizes.append(_size(tmp_path / "idp.db-wal"))
    assert _size(tmp_path / "idp.db") > 30_000_000
    assert max(sizes) < 20_000_000


async def test_the_log_that_grew_under_a_long_reader_is_cut_when_it_has_gone(
    kernel: SqliteKernel, tmp_path: Path
) -> None:
    async def write(turns: range) -> None:
        for turn in turns:
            puts = [partial(_put_much, key=f"{turn}-{number}") for number in range(_MANY)]
            await asyncio.gather(*(kernel.transact(put) for put in puts))

    await write(range(1))
    with closing(sqlite3.connect(tmp_path / "idp.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        await write(range(1, 60))
        assert _size(tmp_path / "idp.db-wal") > LOG_BYTES
    await write(range(60, 90))
    assert _size(tmp_path / "idp.db-wal") <= LOG_BYTES


def _size(path: Path) -> int:
    return path.stat().st_size


def _put_much(tx: Transaction, key: str) -> None:
    tx.put("kind", "realm", key, b"x" * 7000)


def test_a_store_serves_one_loop_after_another(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    for key in ("a", "b"):
        asyncio.run(kernel.transact(partial(put, key=key)))
    asyncio.run(kernel.close())


def test_a_loop_that_ended_while_the_disk_was_busy_leaves_the_writer_to_the_next(
    tmp_path: Path, clock: FakeClock, disk: Disk
) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, flush=disk)

    async def abandoned() -> None:
        write = await disk.held_by(kernel)
        behind = asyncio.ensure_future(kernel.transact(partial(put, key="behind")))
        await passing()
        for task in (write, behind):
            task.cancel()

    asyncio.run(abandoned())
    disk.goes_on.set()
    asyncio.run(kernel.transact(partial(put, key="next")))
    assert list(asyncio.run(kernel.every("kind", "realm"))) == ["behind", "first", "next"]
    asyncio.run(kernel.close())
