"""The command line's way into a store that a server may be serving from."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.kernel import SchemaTooNewError
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite.records import MIGRATIONS
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "idp.db"


async def made(path: Path, clock: FakeClock) -> None:
    await SqliteKernel.open(path, clock=clock).close()


async def test_what_is_written_beside_a_server_is_seen_by_it_at_once_and_the_other_way_round(
    path: Path, clock: FakeClock
) -> None:
    server = SqliteKernel.open(path, clock=clock)
    beside = SqliteKernel.open(path, clock=clock, serving=False)
    here, there = (KernelStore(kernel, clock).realm("bank").secrets for kernel in (server, beside))
    assert await there.keep("signing", "k1", b"one")
    assert await here.all("signing") == {"k1": b"one"}
    assert await here.revision("signing") == 1
    assert await here.replace("signing", "k1", b"two", expected=b"one")
    assert not await there.replace("signing", "k1", b"three", expected=b"one")
    assert await there.all("signing") == {"k1": b"two"}
    await beside.close()
    assert await here.replace("signing", "k1", b"three", expected=b"two"), "the server goes on"
    await server.close()


async def test_a_server_and_the_command_line_write_at_the_same_time_and_lose_nothing(
    path: Path, clock: FakeClock
) -> None:
    server = SqliteKernel.open(path, clock=clock)
    beside = SqliteKernel.open(path, clock=clock, serving=False)
    sides = [KernelStore(kernel, clock).realm("bank").secrets for kernel in (server, beside)]
    await asyncio.gather(*(side.keep("signing", f"{n}-{i}", b"x") for i, side in enumerate(sides) for n in range(50)))
    assert await sides[0].revision("signing") == 100
    assert len(await sides[1].all("signing")) == 100
    await beside.close()
    await server.close()


async def test_the_command_line_keeps_no_server_away(path: Path, clock: FakeClock) -> None:
    await made(path, clock)
    beside = SqliteKernel.open(path, clock=clock, serving=False)
    server = SqliteKernel.open(path, clock=clock)
    await server.close()
    again = SqliteKernel.open(path, clock=clock, serving=False)
    await again.close()
    await beside.close()


async def test_a_store_that_is_not_there_is_not_made(path: Path, clock: FakeClock) -> None:
    with pytest.raises(StoreUnavailableError, match=r"There is no store .*: start the server once"):
        SqliteKernel.open(path, clock=clock, serving=False)
    assert os.listdir(path.parent) == []  # noqa: PTH208 - names are enough


async def test_a_store_of_another_schema_is_neither_migrated_nor_written(path: Path, clock: FakeClock) -> None:
    await made(path, clock)
    newer = (*MIGRATIONS, ("CREATE TABLE more (x)",))
    with pytest.raises(StoreUnavailableError, match="older schema: start this version's server first"):
        SqliteKernel.open(path, clock=clock, serving=False, migrations=newer)
    await SqliteKernel.open(path, clock=clock, migrations=newer).close()
    with pytest.raises(SchemaTooNewError):
        SqliteKernel.open(path, clock=clock, serving=False)


async def test_another_programs_database_is_left_alone(path: Path, clock: FakeClock) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreUnavailableError, match="another program"):
        SqliteKernel.open(path, clock=clock, serving=False)


async def test_a_store_held_by_a_long_write_is_a_sentence_and_no_traceback(path: Path, clock: FakeClock) -> None:
    await made(path, clock)
    beside = SqliteKernel.open(path, clock=clock, serving=False)
    beside._writer._connection.execute("PRAGMA busy_timeout = 10")  # the test does not wait for five seconds
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="is held by another process"):
            await KernelStore(beside, clock).realm("bank").secrets.keep("signing", "k1", b"one")
        other.execute("ROLLBACK")
    assert await KernelStore(beside, clock).realm("bank").secrets.keep("signing", "k1", b"one")
    await beside.close()
