"""The file of a SQLite store: who may open it, how it is checked and brought up to date, and what its errors mean."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from idp.ports import StoreUnavailableError
from idp.stores.kernel import SchemaTooNewError, StoreInUseError

APPLICATION_ID = 0x48796A61  # "Hyja": tells our files from other programs' (sqlite.org/fileformat2, offset 68).
CHECKED_AT_START = 64 << 20
"""Bytes of a file that is read as a whole when a server starts. Of a large one that takes seconds for each gigabyte: it
is read by `idp store check`, and a damaged page is refused when somebody comes to it."""
LOG_BYTES = 32 << 20
"""How long the log may stay, once it has begun anew."""
BUSY_TIMEOUT = 5000
"""Milliseconds to wait for a short write of another process."""

_PRIVATE = 0o600
_OTHERS = 0o077


def lock(path: Path) -> int:
    """Take the store for this process's life, and return the descriptor that holds it.

    The kernel of the system lets go of it when the process dies, however it dies: no stale lock is ever left.
    Raises `StoreInUseError` while another process holds it.
    """
    descriptor = _open_private(path.with_name(f"{path.name}.lock"), store=path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise StoreInUseError(f"Another server process ({holder or '?'}) is using {path}; stop it first.") from error
    except OSError as error:
        os.close(descriptor)
        raise StoreUnavailableError(
            f"The store {path} cannot be locked ({error.strerror}): use a local disk."
        ) from error
    with suppress(OSError):  # A courtesy to whoever is refused; on a full disk the lock holds without it.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def unlock(descriptor: int) -> None:
    """Let go of the store."""
    os.close(descriptor)


def prepare(
    path: Path,
    *,
    migrations: Sequence[Sequence[str]],
    max_pages: int | None,
    checked_up_to: int = CHECKED_AT_START,
) -> sqlite3.Connection:
    """Create or check the file, bring its schema up to date, and return the connection that writes.

    Raises `SchemaTooNewError` before anything is changed, and `StoreUnavailableError` with a sentence otherwise.
    """
    os.close(_open_private(path, store=path))
    with _opening(path) as connection:
        _refuse_foreign(connection, path, migrations)
        _journal(connection, path, max_pages)
        if path.stat().st_size <= checked_up_to:
            _check(connection, path)
        _migrate(connection, migrations)
        _for_writing(connection)
        return connection


def beside(path: Path, *, migrations: Sequence[Sequence[str]]) -> sqlite3.Connection:
    """Return a connection that writes beside a serving process. It creates, checks and migrates nothing.

    Raises `StoreUnavailableError`: there is no such store, or it has another schema than this program's. A migration
    under a running server of an older version would take the tables away from under it.
    """
    # No descriptor of our own on the file: closing one would drop every lock that this process has on it
    # (sqlite.org/howtocorrupt, §2.2).
    if not path.exists():
        raise StoreUnavailableError(f"There is no store {path}: start the server once, or name another file.")
    with _opening(path) as connection:
        _refuse_foreign(connection, path, migrations)
        if _pragma(connection, "user_version") != len(migrations):
            raise StoreUnavailableError(f"The store {path} has an older schema: start this version's server first.")
        _journal(connection, path, None)  # a file that was restored has no log yet; for any other this changes nothing
        _for_writing(connection)
        return connection


def reader(path: Path) -> sqlite3.Connection:
    """Return a connection that reads: SQLite itself refuses to write on it."""
    with _opening(path) as connection:
        connection.execute("PRAGMA query_only = ON")
        return connection


@contextmanager
def reading(path: Path, *, migrations: Sequence[Sequence[str]]) -> Iterator[sqlite3.Connection]:
    """Read a file for a while, whether or not somebody serves from it: of this schema, or of an older one.

    Raises `SchemaTooNewError`, or `StoreUnavailableError` with a sentence.
    """
    with _opening(path) as connection:
        try:
            _refuse_foreign(connection, path, migrations)
            connection.execute("PRAGMA query_only = ON")
            yield connection
        finally:
            connection.close()


def unavailable(path: Path, error: Exception) -> StoreUnavailableError:
    """Return what an error means to an operator, with the error itself as its cause."""
    meaning, said = "failed unexpectedly", type(error).__name__
    if isinstance(error, sqlite3.Error):
        meaning, said = _MEANING.get(_code(error), "cannot serve"), str(error)
    elif isinstance(error, OSError):
        meaning, said = _MEANING[sqlite3.SQLITE_IOERR], error.strerror or said
    refusal = StoreUnavailableError(f"The store {path} {meaning} ({said}).")
    refusal.__cause__ = error
    return refusal


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process holds the file at this moment."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extension


_MEANING = {
    sqlite3.SQLITE_FULL: "has no room left: free some space on its disk; nothing acknowledged is lost",
    sqlite3.SQLITE_READONLY: "cannot be written: check the owner and the mode of the file and of its directory",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the owner and the mode of the file and of its directory",
    sqlite3.SQLITE_PERM: "cannot be opened: check the owner and the mode of the file and of its directory",
    sqlite3.SQLITE_IOERR: "cannot be written or read: its disk reports an error, or has no room left",
    sqlite3.SQLITE_CORRUPT: "is damaged: stop the server and restore a backup",
    sqlite3.SQLITE_NOTADB: "is damaged or is no SQLite file: stop the server and restore a backup",
    sqlite3.SQLITE_BUSY: "is held by another process: let that one finish first",
    sqlite3.SQLITE_LOCKED: "is held by another process: let that one finish first",
}


def _open_private(path: Path, *, store: Path) -> int:
    """Open or create a file that only its owner may read; SQLite gives the log beside it the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        if os.fstat(descriptor).st_mode & _OTHERS:  # A restored backup, for instance.
            os.fchmod(descriptor, _PRIVATE)
    except OSError as error:
        raise StoreUnavailableError(
            f"The store {store} cannot be written ({error.strerror}: {path.name}): "
            "check the owner and the mode of the file and of its directory."
        ) from error
    return descriptor


@contextmanager
def _opening(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect; close again, and say what it means, if what follows fails."""
    with ExitStack() as undo:
        try:
            # Two threads, two connections: each connection is used by one thread at a time.
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            undo.callback(connection.close)
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
            yield connection
        except sqlite3.Error as error:
            raise unavailable(path, error) from error
        undo.pop_all()


def _refuse_foreign(connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]) -> None:
    version, application = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    with closing(connection.execute("SELECT count(*) FROM sqlite_master")) as cursor:
        (tables,) = cursor.fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreUnavailableError(f"{path} is a database of another program: name another file.")
    if isinstance(version, int) and version > len(migrations):
        raise SchemaTooNewError(
            f"The store {path} has the schema {version}, and this version of the program knows up to "
            f"{len(migrations)}: run the newer version, or restore a backup made before it."
        )


def _journal(connection: sqlite3.Connection, path: Path, max_pages: int | None) -> None:
    if _pragma(connection, "journal_mode = WAL") != "wal":
        raise StoreUnavailableError(f"The store {path} lies on a file system without shared memory: use a local disk.")
    connection.execute("PRAGMA synchronous = FULL")  # what a start writes is on the disk when it serves
    if max_pages is not None:
        _pragma(connection, f"max_page_count = {max_pages}")


def _for_writing(connection: sqlite3.Connection) -> None:
    """Leave to the writer what would make its loop wait: flushing, writing the log back, another process's lock."""
    connection.execute(
        "PRAGMA synchronous = NORMAL"
    )  # the log's beginning and its end are still flushed in their order
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    # While somebody reads one moment for long (a backup) the log cannot begin anew. Afterwards it is cut again.
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    found = _pragma(connection, "quick_check(1)")
    if found != "ok":
        raise StoreUnavailableError(f"The store {path} is damaged: restore a backup ({found}).")


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    version = _pragma(connection, "user_version")
    assert isinstance(version, int)
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")  # All of it or nothing: a process killed here leaves the old schema.
    for statement in (statement for migration in migrations[version:] for statement in migration):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, pragma: str) -> object:
    with closing(connection.execute(f"PRAGMA {pragma}")) as cursor:
        (value,) = cursor.fetchone()
    return value
