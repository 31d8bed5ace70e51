from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.kernel import SchemaTooNewError, Transaction
from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite import records as sqlite_records
from idp.stores.sqlite.records import MIGRATIONS
from tests.fakes import FakeClock
from tests.patience import PATIENCE
from tests.stores.held_disk import put
from tests.stores.processes import running

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "idp.db"


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that another user can reach, which a test's own directory is not."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(path: Path, clock: FakeClock, *, records: int = 1) -> None:
    """Make a store with something in it, and close it."""

    def work(tx: Transaction) -> None:
        for number in range(records):
            tx.put("kind", "realm", f"key-{number}", b"value" * 100)

    kernel = SqliteKernel.open(path, clock=clock)
    asyncio.run(kernel.transact(work))
    asyncio.run(kernel.close())


def test_only_the_owner_may_read_the_files(path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    asyncio.run(kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value")))
    assert mode(path.parent) == 0o700
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("idp.db", "idp.db-wal", "idp.db-shm", "idp.db.lock"), 0o600)
    asyncio.run(kernel.close())


def test_a_restored_file_that_others_may_read_is_closed_to_them(path: Path, clock: FakeClock) -> None:
    fill(path, clock)
    path.chmod(0o644)
    fill(path, clock)
    assert mode(path) == 0o600


def test_a_closed_store_is_one_file_and_its_lock(path: Path, clock: FakeClock) -> None:
    fill(path, clock, records=50)
    assert sorted(file.name for file in path.parent.iterdir()) == ["idp.db", "idp.db.lock"]


@pytest.mark.parametrize("serving", [True, False])
def test_every_commit_is_flushed_to_the_disk(path: Path, clock: FakeClock, *, serving: bool) -> None:
    fill(path, clock)
    flushed: list[int] = []
    kernel = SqliteKernel.open(
        path, clock=clock, serving=serving, flush=lambda log: flushed.append(os.fstat(log).st_ino)
    )
    writing = kernel._writer._connection
    assert writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    # NORMAL: SQLite flushes where the log begins anew and is written back; each commit is flushed by the writer.
    assert writing.execute("PRAGMA synchronous").fetchone() == (1,)
    for key in ("a", "b"):
        asyncio.run(kernel.transact(partial(put, key=key)))
    assert flushed == [path.with_name("idp.db-wal").stat().st_ino] * 2
    asyncio.run(kernel.close())


def test_the_reading_connection_cannot_write(path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        kernel._reader.execute("DELETE FROM record")
    asyncio.run(kernel.close())


def test_a_closed_store_says_so(path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    asyncio.run(kernel.close())
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.transact(lambda tx: tx.now))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.get("kind", "realm", "key"))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.owned("kind", "realm", "owner"))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.every("kind", "realm"))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.page("kind", "realm", prefix="", after="", limit=1))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.recent("realm", limit=1, transaction_id=None))
    with pytest.raises(StoreUnavailableError, match="is closed"):
        asyncio.run(kernel.sweep(events_before=0, limit=1))
    (health,) = asyncio.run(kernel.health())
    assert not health.ok
    assert "is closed" in health.reason


@pytest.mark.parametrize("content", [b"this is not a database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused(path: Path, clock: FakeClock, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        SqliteKernel.open(path, clock=clock)
    assert path.read_bytes() == content
    path.unlink()
    fill(path, clock)  # The refusal holds no lock.


def test_a_damaged_file_is_refused(path: Path, clock: FakeClock) -> None:
    fill(path, clock, records=200)
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xaa" * 64)
    with pytest.raises(StoreUnavailableError, match=r"damaged.*restore a backup"):
        SqliteKernel.open(path, clock=clock)


def test_a_large_file_is_served_from_without_being_read_as_a_whole_and_a_damaged_page_is_refused_when_met(
    path: Path, clock: FakeClock
) -> None:
    fill(path, clock, records=2000)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek((size // 4096 - 1) * 4096)
        file.write(b"\xaa" * 64)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        SqliteKernel.open(path, clock=clock)
    kernel = SqliteKernel.open(path, clock=clock, checked_up_to=size - 1)
    assert asyncio.run(kernel.get("kind", "realm", "key-0")) == b"value" * 100
    with pytest.raises(StoreUnavailableError, match="damaged"):
        asyncio.run(kernel.every("kind", "realm"))
    asyncio.run(kernel.close())


def test_damage_that_shows_while_serving_is_a_refusal(path: Path, clock: FakeClock) -> None:
    fill(path, clock, records=2000)
    kernel = SqliteKernel.open(path, clock=clock)
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xaa" * 64)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        asyncio.run(kernel.every("kind", "realm"))
    asyncio.run(kernel.close())


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreUnavailableError, match="another program"):
        SqliteKernel.open(path, clock=clock)
    assert path.read_bytes() == before


def test_a_directory_is_no_store(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be written"):
        SqliteKernel.open(tmp_path, clock=clock)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot be written"):
        SqliteKernel.open(tmp_path / "var" / "idp.db", clock=clock)


def test_a_read_only_file_is_refused(public_directory: Path, clock: FakeClock) -> None:
    path = public_directory / "idp.db"
    fill(path, clock)
    if os.geteuid() == 0:
        os.chown(public_directory / "idp.db.lock", NOBODY, NOBODY)
    path.chmod(0o444)
    with running("refused_process", str(path), str(NOBODY)) as process:
        said, complaints = process.communicate(timeout=PATIENCE)
    assert complaints == ""
    assert "cannot be written (Permission denied: idp.db): check the owner and the mode" in said


def test_a_read_only_directory_is_refused(public_directory: Path) -> None:
    public_directory.chmod(0o555)
    with running("refused_process", str(public_directory / "idp.db"), str(NOBODY)) as process:
        said, complaints = process.communicate(timeout=PATIENCE)
    public_directory.chmod(0o755)
    assert complaints == ""
    assert "cannot be written (Permission denied: idp.db.lock): check the owner and the mode" in said
    assert list(public_directory.iterdir()) == []


def test_a_newer_schema_is_refused_and_left_alone(path: Path, clock: FakeClock) -> None:
    fill(path, clock)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(
        SchemaTooNewError, match=rf"schema {len(MIGRATIONS) + 1}, .* up to {len(MIGRATIONS)}: run the newer version"
    ):
        SqliteKernel.open(path, clock=clock)
    assert path.read_bytes() == before


def test_an_older_schema_is_brought_up_to_date_and_keeps_everything(path: Path, clock: FakeClock) -> None:
    fill(path, clock)
    newer = (*MIGRATIONS, ("CREATE TABLE note (text TEXT)", "INSERT INTO note VALUES ('migrated')"))
    newest = (*newer, ("UPDATE note SET text = text || ' twice'",))
    for _ in range(2):  # The second time there is nothing left to do.
        kernel = SqliteKernel.open(path, clock=clock, migrations=newest)
        assert kernel._reader.execute("SELECT text FROM note").fetchall() == [("migrated twice",)]
        assert kernel._reader.execute("PRAGMA user_version").fetchone() == (len(newest),)
        assert asyncio.run(kernel.get("kind", "realm", "key-0")) is not None
        asyncio.run(kernel.close())
    with pytest.raises(SchemaTooNewError):
        SqliteKernel.open(path, clock=clock, migrations=newer)


def test_a_migration_that_fails_changes_nothing(path: Path, clock: FakeClock) -> None:
    fill(path, clock)
    broken = (*MIGRATIONS, ("CREATE TABLE note (text TEXT)",), ("INSERT INTO nowhere VALUES (1)",))
    with pytest.raises(StoreUnavailableError, match="nowhere"):
        SqliteKernel.open(path, clock=clock, migrations=broken)
    kernel = SqliteKernel.open(path, clock=clock)
    assert kernel._reader.execute("SELECT name FROM sqlite_master WHERE name = 'note'").fetchall() == []
    assert asyncio.run(kernel.get("kind", "realm", "key-0")) is not None
    asyncio.run(kernel.close())


def test_a_relative_path_means_the_same_file_wherever_the_process_goes(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    monkeypatch.chdir(path.parent)
    kernel = SqliteKernel.open(Path("idp.db"), clock=clock)
    monkeypatch.chdir(os.path.sep)
    asyncio.run(kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value")))
    assert asyncio.run(kernel.get("kind", "realm", "key")) == b"value"
    asyncio.run(kernel.close())


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("_GET", "USING PRIMARY KEY (kind=? AND realm=? AND key=?)"),
        ("_DELETE", "USING PRIMARY KEY (kind=? AND realm=? AND key=?)"),
        ("_OWNED", "USING INDEX record_by_owner (kind=? AND realm=? AND owner=?)"),
        ("_EVERY", "USING PRIMARY KEY (kind=? AND realm=?)"),
        ("_PAGE", "USING PRIMARY KEY (kind=? AND realm=? AND key>? AND key<?)"),
        ("_PAGE_AFTER", "USING PRIMARY KEY (kind=? AND realm=? AND key>? AND key<?)"),
        ("_RECORDS", "USING PRIMARY KEY ((kind,realm,key)>(?,?,?))"),
        ("_EXPIRED", "USING COVERING INDEX record_by_expiry (expires_at<?)"),
        ("_RECENT", "USING INDEX event_by_realm (realm=?)"),
        ("_RECENT_OF", "USING INDEX event_by_transaction (realm=? AND transaction_id=?)"),
    ],
)
def test_every_question_is_answered_by_an_index_alone(path: Path, clock: FakeClock, question: str, answer: str) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    statement: str = getattr(sqlite_records, question)
    plan = kernel._reader.execute(f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?")).fetchall()
    assert len(plan) == 1  # One search; no sorting after it.
    assert answer in plan[0][3]
    asyncio.run(kernel.close())
