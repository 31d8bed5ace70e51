"""Backing up a SQLite store while it is served from, and putting a backup in its place.

What is copied is one moment of the store, however much is written meanwhile: a read transaction holds that moment, and
SQLite's backup reads through it (sqlite.org/backup.html). A backup has its name only once it was read and found whole.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from idp.model.struct import Frozen
from idp.ports import StoreUnavailableError
from idp.stores.sqlite import file as sqlite_file
from idp.stores.sqlite.records import MIGRATIONS
from idp.stores.upkeep import fingerprint

_PAGES = 256
"""How many pages a step copies: a megabyte, so that a bar moves and the disk has time for the logins."""

Progress = Callable[[int, int], None]
"""Is told how many pages are copied, and how many there are."""


class BackupRefusedError(StoreUnavailableError):
    """The backup cannot be made or used. The text says what to do."""


class Backup(Frozen, frozen=True, kw_only=True):
    """What a backup holds."""

    records: int
    events: int


def back_up(path: Path, target: Path, *, progress: Progress) -> Backup:
    """Write the store at `path`, as it is now, into the new file `target` (mode 0600), and read it to the end.

    Raises:
        BackupRefusedError: the target exists, or what was written is not whole; nothing has its name then.
        StoreUnavailableError: the store cannot be read, or the target not written.

    """
    with _beside(path) as source, new_file(target) as partial:
        source.execute("BEGIN")
        expected = _counted(source)  # the first read: from here on the connection sees this moment alone
        _copied(source, partial, target, progress)
        fingerprint.write(partial)
        found = _verified(partial, target)
        if found != expected:
            raise BackupRefusedError(f"{target} holds {found} instead of {expected}: the backup was not kept.")
    return found


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Make a file under another name, mode 0600; it gets its name if the block ends well, and is gone otherwise."""
    _refuse_existing(target)
    with _partial(target) as partial:
        yield partial
        _refuse_existing(target)
        partial.rename(target)
        _flush(target.parent)


def restore(backup: Path, path: Path, *, now: str, progress: Progress) -> tuple[Backup, Path | None]:
    """Put a backup in the place of the store at `path`; return what it holds, and where the former store is now.

    The former store is kept beside it, as `….before-<now>`. Nobody may serve from it meanwhile.

    Raises:
        StoreInUseError: a server does.
        StoreUnavailableError: the backup is not whole, not ours, or of a newer version; the store is untouched.

    """
    if not backup.is_file():
        raise BackupRefusedError(f"There is no backup {backup}.")
    path = path.resolve()
    descriptor = sqlite_file.lock(path)
    try:
        with _partial(path) as partial:
            with _beside(backup) as source:
                _copied(source, partial, path, progress)
            found = _verified(partial, backup)
            fingerprint.remove(partial)
            former = _put_aside(path, now)
            partial.rename(path)
            _flush(path.parent)
    finally:
        sqlite_file.unlock(descriptor)
    return found, former


def problems(path: Path) -> list[str]:
    """Return what SQLite finds wrong in the file of a store, page by page; nothing if it is whole."""
    with _beside(path) as connection:
        found = [text for (text,) in connection.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def _copied(source: sqlite3.Connection, partial: Path, target: Path, progress: Progress) -> None:
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as copied:
            source.backup(copied, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
            copied.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, with no log beside it
    except sqlite3.Error as error:
        raise sqlite_file.unavailable(target, error) from error


def _verified(partial: Path, told: Path) -> Backup:
    """Read a copy to its end."""
    found = problems(partial)
    if found:
        raise BackupRefusedError(f"{told} is damaged ({found[0]}): it was not kept.")
    refuse_damaged(partial, told)
    with _beside(partial) as connection:
        return _counted(connection)


def refuse_damaged(path: Path, told: Path) -> None:
    """Refuse a backup that does not hold what it held when it was made; `told` is the name that people know.

    Raises:
        BackupRefusedError: its rows are not those that its fingerprint was taken of.

    """
    with _beside(path) as connection:
        try:
            missed = fingerprint.is_missed(connection)
        except sqlite3.Error as error:  # a text that is none any more
            raise sqlite_file.unavailable(told, error) from error
    if missed:
        raise BackupRefusedError(f"{told} is damaged: its content is not what was backed up. Take another backup.")


def _counted(connection: sqlite3.Connection) -> Backup:
    return Backup(
        records=connection.execute("SELECT count(*) FROM record").fetchone()[0],
        events=connection.execute("SELECT count(*) FROM event").fetchone()[0],
    )


@contextmanager
def _beside(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store of this program that exists, of this schema or an older one, to read it."""
    if not path.is_file():
        raise StoreUnavailableError(f"There is no store {path}.")
    with sqlite_file.reading(path, migrations=MIGRATIONS) as connection:
        yield connection


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Make a file beside the target that nobody else may read; it is gone in the end, unless it was renamed."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a command that was killed
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise BackupRefusedError(f"{target} cannot be written ({error.strerror}).") from error
    try:
        yield partial
    finally:
        for name in (partial, *_logs(partial), partial.with_name(f"{partial.name}.lock")):
            name.unlink(missing_ok=True)


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise BackupRefusedError(f"{target} exists: a backup overwrites nothing; name another file.")


def _put_aside(path: Path, now: str) -> Path | None:
    if not path.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # What was written last is in the log. A log that stays behind would be read as the new store's.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    former = path.with_name(f"{path.name}.before-{now}")
    _refuse_existing(former)
    path.rename(former)
    for log, aside in zip(_logs(path), _logs(former), strict=True):
        with suppress(FileNotFoundError):
            log.rename(aside)
    return former


def _logs(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _flush(folder: Path) -> None:
    """Let a new name survive a power failure, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
