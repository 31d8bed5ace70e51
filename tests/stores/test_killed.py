from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from idp.stores.kernel import StoreInUseError
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite.records import MIGRATIONS
from tests.fakes import FakeClock
from tests.stores.acknowledged import missing
from tests.stores.processes import running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("after", [1, 60, 777, 5000])
async def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path, after: int) -> None:
    path = tmp_path / "idp.db"
    said = []
    with running("serving_process", str(path)) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after)]
        process.kill()
        said += process.stdout.readlines()
    assert len(said) >= after
    assert await missing(path, [line.strip() for line in said]) == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]


async def test_a_store_killed_again_and_again_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "idp.db"
    for _ in range(5):
        with running("serving_process", str(path)) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(50)]
            process.kill()
            said += process.stdout.readlines()
        assert await missing(path, [line.strip() for line in said]) == []
        path.rename(tmp_path / "kept.db")  # The process begins with the same names each time.


async def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "idp.db"
    link = tmp_path / "link.db"
    with running("serving_process", str(path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        link.symlink_to(path)
        for name in (path, link):
            with pytest.raises(StoreInUseError, match=rf"Another server process \({process.pid}\).*stop it first"):
                SqliteKernel.open(name, clock=clock)
        assert process.stdout.readline()  # The refused one did no harm.
        process.kill()
        process.wait()
        kernel = SqliteKernel.open(path, clock=clock)
        await kernel.close()


async def test_one_process_opens_a_store_once(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    with pytest.raises(StoreInUseError):
        SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    await kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value"))
    await kernel.close()
    again = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    assert await again.get("kind", "realm", "key") == b"value"
    await again.close()


async def test_a_process_killed_in_the_middle_of_a_migration_leaves_the_store_as_it_was(
    tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "idp.db"
    kernel = SqliteKernel.open(path, clock=clock)
    await kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value"))
    await kernel.close()
    with running("migrating_process", str(path)) as process:
        assert process.wait() == -signal.SIGKILL
    again = SqliteKernel.open(path, clock=clock)
    assert await again.get("kind", "realm", "key") == b"value"
    await again.close()
    newer = SqliteKernel.open(path, clock=clock, migrations=(*MIGRATIONS, ("CREATE TABLE more (x)",)))
    assert await newer.get("kind", "realm", "key") == b"value"
    await newer.close()
