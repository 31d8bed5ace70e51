from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.kernel import Transaction
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite_records import MIGRATIONS, SqliteTransaction
from idp.stores.sqlite_writer import GROUP
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kernel(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteKernel]:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    yield kernel
    await kernel.close()


def put(tx: Transaction, key: str) -> None:
    tx.put("kind", "realm", key, b"value")


class Gate:
    """A work that keeps the writer busy, so that what is asked meanwhile becomes one group."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, tx: Transaction) -> None:
        put(tx, "gate")
        self.entered.set()
        self.opened.wait()

    async def behind(self, kernel: SqliteKernel) -> asyncio.Task[None]:
        """Let the writer enter, and return the task that waits for it."""
        task = asyncio.ensure_future(kernel.transact(self))
        await asyncio.to_thread(self.entered.wait)
        return task


def forced_rollback(tx: Transaction) -> None:
    """What SQLite does by itself on some errors: it gives up the whole transaction."""
    assert isinstance(tx, SqliteTransaction)
    tx._connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


async def test_what_waits_together_is_committed_together(kernel: SqliteKernel) -> None:
    gate = Gate()
    first = await gate.behind(kernel)
    commits: list[str] = []
    kernel._writer._connection.set_trace_callback(commits.append)
    waiting = [asyncio.ensure_future(kernel.transact(partial(put, key=f"{number:03}"))) for number in range(100)]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    kernel._writer._connection.set_trace_callback(None)
    assert commits.count("COMMIT") == 2  # The gate's own, and one for the hundred behind it.
    assert len(await kernel.every("kind", "realm")) == 101


async def test_a_long_queue_is_committed_in_bounded_groups(kernel: SqliteKernel) -> None:
    gate = Gate()
    first = await gate.behind(kernel)
    statements: list[str] = []
    kernel._writer._connection.set_trace_callback(statements.append)
    keys = [f"{number:04}" for number in range(2 * GROUP + 1)]
    waiting = [asyncio.ensure_future(kernel.transact(partial(put, key=key))) for key in keys]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    kernel._writer._connection.set_trace_callback(None)
    assert statements.count("COMMIT") == 4


async def test_nobody_hears_of_success_before_the_commit(kernel: SqliteKernel) -> None:
    gate = Gate()
    first = await gate.behind(kernel)
    assert await kernel.get("kind", "realm", "gate") is None
    assert not first.done()
    gate.opened.set()
    await first
    assert await kernel.get("kind", "realm", "gate") == b"value"


async def test_when_sqlite_gives_up_a_transaction_all_of_its_group_are_refused(kernel: SqliteKernel) -> None:
    gate = Gate()
    first = await gate.behind(kernel)
    works: Sequence[Callable[[Transaction], None]] = [
        partial(put, key="before"),
        forced_rollback,
        partial(put, key="after"),
    ]
    waiting = [asyncio.ensure_future(kernel.transact(work)) for work in works]
    await asyncio.sleep(0)
    gate.opened.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert list(await kernel.every("kind", "realm")) == ["gate"]


async def test_a_commit_that_fails_fails_everybody_in_its_group_and_nobody_after_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    # A deferred constraint is what SQLite finds out in the COMMIT itself; it leaves the transaction open.
    tables = (
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    kernel = SqliteKernel.open(tmp_path / "other.db", clock=clock, migrations=(*MIGRATIONS, tables))
    kernel._writer._connection.execute("PRAGMA foreign_keys = ON")

    def orphan(tx: Transaction) -> None:
        assert isinstance(tx, SqliteTransaction)
        tx._connection.execute("INSERT INTO child VALUES (1)")

    gate = Gate()
    first = await gate.behind(kernel)
    works: Sequence[Callable[[Transaction], None]] = [partial(put, key="a"), orphan, partial(put, key="b")]
    waiting = [asyncio.ensure_future(kernel.transact(work)) for work in works]
    await asyncio.sleep(0)
    gate.opened.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert list(await kernel.every("kind", "realm")) == ["gate"]
    await kernel.transact(partial(put, key="next"))
    assert list(await kernel.every("kind", "realm")) == ["gate", "next"]
    await kernel.close()


async def test_the_writer_goes_on_after_a_transaction_was_given_up(kernel: SqliteKernel) -> None:
    with pytest.raises(StoreUnavailableError):
        await kernel.transact(forced_rollback)
    await kernel.transact(partial(put, key="next"))
    assert await kernel.get("kind", "realm", "next") == b"value"


async def test_an_error_of_sqlite_in_one_work_is_only_its_own(kernel: SqliteKernel) -> None:
    def wrong(tx: Transaction) -> None:
        assert isinstance(tx, SqliteTransaction)
        put(tx, "wrong")
        tx._connection.execute("SELECT nothing FROM nowhere")

    gate = Gate()
    first = await gate.behind(kernel)
    waiting = [
        asyncio.ensure_future(kernel.transact(work)) for work in (partial(put, key="a"), wrong, partial(put, key="b"))
    ]
    await asyncio.sleep(0)
    gate.opened.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), StoreUnavailableError, type(None)]
    assert list(await kernel.every("kind", "realm")) == ["a", "b", "gate"]


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
    write = asyncio.ensure_future(kernel.transact(partial(put, key="key")))
    await asyncio.sleep(0.05)
    assert not write.done()
    release.set()
    await asyncio.gather(other, write)
    assert await kernel.get("kind", "realm", "key") == b"value"


async def test_the_log_stays_small_however_much_is_written(kernel: SqliteKernel, tmp_path: Path) -> None:
    sizes = []
    for turn in range(15):
        puts = [partial(_put_much, key=f"{turn}-{number}") for number in range(GROUP)]
        await asyncio.gather(*(kernel.transact(put) for put in puts))
        assert len(await kernel.every("kind", "realm")) == (turn + 1) * GROUP  # Reading keeps no part of the log alive.
        sizes.append(_size(tmp_path / "idp.db-wal"))
    assert _size(tmp_path / "idp.db") > 10_000_000
    assert max(sizes) < 8_000_000


def _size(path: Path) -> int:
    return path.stat().st_size


def _put_much(tx: Transaction, key: str) -> None:
    tx.put("kind", "realm", key, b"x" * 7000)


def test_a_store_serves_one_loop_after_another(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    for key in ("a", "b"):
        asyncio.run(kernel.transact(partial(put, key=key)))
    asyncio.run(kernel.close())
