"""Backups of a SQLite store while it is written to, and putting one in its place."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.settings.tables import Store
from idp.stores.kernel import SchemaTooNewError, StoreInUseError
from idp.stores.opening import open_store
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.stores.upkeep import backup
from idp.stores.upkeep.backup import BackupRefusedError
from tests.contracts.values import NOW, a_user
from tests.fakes import FakeClock
from tests.stores.acknowledged import missing
from tests.stores.processes import running


def silent(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "idp.db"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "backup").mkdir()
    return tmp_path / "backup" / "idp.db"


async def _made(path: Path, clock: FakeClock, *users: str) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    realm = KernelStore(kernel, clock).realm("bank")
    assert all(
        await asyncio.gather(*(realm.users.create(a_user(f"id-{name}", username=name, email="")) for name in users))
    )
    await kernel.close()


def made(path: Path, clock: FakeClock, *users: str) -> None:
    asyncio.run(_made(path, clock, *users))


def names(path: Path, clock: FakeClock) -> list[str]:
    return asyncio.run(_names(path, clock))


def lost(path: Path, said: list[str]) -> list[str]:
    return asyncio.run(missing(path, [line.strip() for line in said]))


async def _names(path: Path, clock: FakeClock) -> list[str]:
    kernel = SqliteKernel.open(path, clock=clock)
    found = [user.username async for user in KernelStore(kernel, clock).realm("bank").users.every()]
    await kernel.close()
    return found


def test_a_backup_beside_a_server_that_writes_all_the_time_holds_what_was_acknowledged(
    path: Path, target: Path, clock: FakeClock
) -> None:
    clock.advance(NOW - clock())
    with running("serving_process", str(path)) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2000)]
        done = backup.back_up(path, target, progress=silent)
        assert process.stdout.readline(), "the server goes on"
    assert done.records > 0
    assert done.events > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [name.name for name in target.parent.iterdir()] == [target.name], "one file, nothing beside it"
    # 8 customers write at once; what was said before the backup began is in it.
    assert lost(target, said) == []


@pytest.mark.anyio
async def test_what_was_written_last_is_in_the_backup_although_it_is_only_in_the_log(
    path: Path, target: Path, clock: FakeClock
) -> None:
    kernel = SqliteKernel.open(path, clock=clock)
    await KernelStore(kernel, clock).realm("bank").users.create(a_user("id-1", username="last", email=""))
    assert backup.back_up(path, target, progress=silent).records == 5
    await kernel.close()
    assert await _names(target, clock) == ["last"]


def test_a_backup_is_of_one_moment(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock, *(f"user-{number}" for number in range(4000)))
    seen: list[int] = []

    def writing(_done: int, _total: int) -> None:
        with closing(sqlite3.connect(path)) as other:  # between two steps of the backup
            seen.append(other.execute("DELETE FROM record WHERE key = ?", (f"id-user-{len(seen)}",)).rowcount)
            other.commit()

    assert backup.back_up(path, target, progress=writing).records == 20000
    assert sum(seen) == len(seen) > 2, "somebody wrote in the middle"


def test_a_backup_overwrites_nothing(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock)
    target.write_text("a file of somebody")
    with pytest.raises(BackupRefusedError, match="exists: a backup overwrites nothing"):
        backup.back_up(path, target, progress=silent)
    assert target.read_text() == "a file of somebody"
    target.unlink()

    def arrives(_done: int, _total: int) -> None:
        target.write_text("a file of somebody")

    with pytest.raises(BackupRefusedError, match="exists: a backup overwrites nothing"):
        backup.back_up(path, target, progress=arrives)
    assert target.read_text() == "a file of somebody"
    assert len(list(target.parent.iterdir())) == 1


def test_what_a_killed_backup_left_is_in_nobodys_way(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock, "agim")
    target.with_name(f"{target.name}.partial").write_text("half of a backup")
    backup.back_up(path, target, progress=silent)
    assert names(target, clock) == ["agim"]


def test_a_copy_that_is_not_whole_is_not_kept(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock, *(f"user-{number}" for number in range(3000)))
    size = path.stat().st_size
    with path.open("r+b") as file:  # a page of the middle, as a bad disk leaves it
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        backup.problems(path)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        backup.back_up(path, target, progress=silent)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("within", [b"user-1500", b"id-user-1500"])
def test_a_backup_in_which_a_bit_of_a_value_flipped_is_not_put_back(
    path: Path, target: Path, clock: FakeClock, within: bytes
) -> None:
    made(path, clock, *(f"user-{number}" for number in range(3000)))
    backup.back_up(path, target, progress=silent)
    at = _in_a_value(target, within)
    content = bytearray(target.read_bytes())
    content[at] ^= 1
    target.write_bytes(content)
    assert backup.problems(target) == [], "SQLite finds nothing wrong with it"
    with pytest.raises(StoreUnavailableError, match="its content is not what was backed up"):
        backup.restore(target, path, now="20261123", progress=silent)
    assert len(names(path, clock)) == 3000


def _in_a_value(file: Path, within: bytes) -> int:
    """Return where in a file a text stands within the value of a user."""
    with closing(sqlite3.connect(file)) as connection:
        (value,) = connection.execute(
            "SELECT value FROM record WHERE kind = 'user' AND key = 'id-user-1500'"
        ).fetchone()
    return file.read_bytes().index(value) + bytes(value).rindex(within)


def test_a_store_that_was_restored_is_no_backup_and_what_is_backed_up_of_it_later_is(
    path: Path, target: Path, clock: FakeClock
) -> None:
    made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    backup.restore(target, path, now="1", progress=silent)
    made(path, clock, "besa")
    for later in (target.with_name("later.db"), target.with_name("last.db")):
        backup.back_up(path, later, progress=silent)
        backup.restore(later, path, now=later.name, progress=silent)
    assert sorted(names(path, clock)) == ["agim", "besa"]


@pytest.mark.anyio
async def test_a_backup_that_was_served_from_does_not_pass_for_a_damaged_one(
    path: Path, target: Path, clock: FakeClock
) -> None:
    await _made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    backup.refuse_damaged(target, target)
    store = await open_store(Store(path=str(target)), clock=clock, use="serve")
    assert await store.realm("bank").users.create(a_user("id-besa", username="besa", email=""))
    await store.close()
    backup.refuse_damaged(target, target)


@pytest.mark.anyio
async def test_a_backup_that_somebody_writes_to_cannot_be_served_from_and_says_so(
    path: Path, target: Path, clock: FakeClock
) -> None:
    await _made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    kernel = SqliteKernel.open(target, clock=clock)
    await kernel.close()  # from here on it has a log, and a start writes nothing before it takes the fingerprint out
    with closing(sqlite3.connect(target, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            await open_store(Store(path=str(target)), clock=clock, use="serve")
        other.execute("ROLLBACK")
    await (await open_store(Store(path=str(target)), clock=clock, use="serve")).close()


def test_no_store_no_backup(path: Path, target: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="There is no store"):
        backup.back_up(path, target, progress=silent)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_sentence(path: Path, tmp_path: Path, clock: FakeClock) -> None:
    made(path, clock)
    with pytest.raises(BackupRefusedError, match="cannot be written"):
        backup.back_up(path, tmp_path / "nowhere" / "idp.db", progress=silent)


def test_a_restored_store_is_what_it_was_and_the_former_one_is_kept(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    made(path, clock, "arrived-later")
    done, former = backup.restore(target, path, now="20261123", progress=silent)
    assert done.records == 5
    assert names(path, clock) == ["agim"]
    assert former == path.with_name("idp.db.before-20261123")
    assert names(former, clock) == ["agim", "arrived-later"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(target, clock) == ["agim"], "the backup is where it was"


def test_what_a_killed_server_left_in_its_log_goes_with_the_former_store(
    path: Path, target: Path, clock: FakeClock
) -> None:
    clock.advance(NOW - clock())
    made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    with running("serving_process", str(path)) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(200)]
        process.kill()
        said += process.stdout.readlines()
    assert path.with_name("idp.db-wal").stat().st_size > 0
    _, former = backup.restore(target, path, now="20261123", progress=silent)
    assert names(path, clock) == ["agim"]
    assert former is not None
    assert lost(former, said) == []


def test_a_backup_goes_where_there_was_no_store(path: Path, target: Path, clock: FakeClock) -> None:
    made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    elsewhere = path.with_name("elsewhere.db")
    assert backup.restore(target, elsewhere, now="20261123", progress=silent)[1] is None
    assert names(elsewhere, clock) == ["agim"]


@pytest.mark.anyio
async def test_nothing_is_put_in_the_place_of_a_store_that_is_served_from(
    path: Path, target: Path, clock: FakeClock
) -> None:
    await _made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    kernel = SqliteKernel.open(path, clock=clock)
    with pytest.raises(StoreInUseError, match="stop it first"):
        backup.restore(target, path, now="20261123", progress=silent)
    await kernel.close()
    assert await _names(path, clock) == ["agim"]


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ("absent", BackupRefusedError, "There is no backup"),
        ("foreign", StoreUnavailableError, "another program"),
        ("text", StoreUnavailableError, "no SQLite file"),
        ("newer", SchemaTooNewError, "run the newer version"),
        ("damaged", StoreUnavailableError, "damaged"),
    ],
)
def test_what_is_no_whole_backup_of_ours_leaves_the_store_untouched(
    path: Path, target: Path, clock: FakeClock, what: str, error: type[Exception], says: str
) -> None:
    made(path, clock, "agim")
    made(target, clock, *(f"user-{number}" for number in range(3000)))
    if what == "absent":
        target.unlink()
    elif what == "foreign":
        target.unlink()
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("CREATE TABLE theirs (x)")
    elif what == "text":
        target.write_text("no database at all" * 100)
    elif what == "newer":
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA user_version = 99")
    else:
        with target.open("r+b") as file:
            file.seek(target.stat().st_size // 2 // 4096 * 4096)
            file.write(b"\xff" * 4096)
    before = sorted(path.parent.iterdir())
    with pytest.raises(error, match=says):
        backup.restore(target, path, now="20261123", progress=silent)
    assert sorted(path.parent.iterdir()) == before
    assert names(path, clock) == ["agim"]


@pytest.mark.anyio
async def test_a_command_may_write_into_a_restored_store_before_a_server_has_started(
    path: Path, target: Path, clock: FakeClock
) -> None:
    await _made(path, clock, "agim")
    backup.back_up(path, target, progress=silent)
    backup.restore(target, path, now="20261123", progress=silent)
    kernel = SqliteKernel.open(path, clock=clock, serving=False)
    assert await KernelStore(kernel, clock).realm("bank").users.create(a_user("id-2", username="besa"))
    await kernel.close()
    assert await _names(path, clock) == ["agim", "besa"]
