"""The fingerprint in a backup: what was in it when it was made, so that damage is seen when it is put back.

SQLite's pages carry no checksums: a bit that flips on a disk or on the way, within a value, leaves a file that SQLite
calls whole. It stands in a table of the backup's own, which a restored store has no more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec

_ROWS = ("SELECT * FROM record ORDER BY kind, realm, key", "SELECT * FROM event ORDER BY id")
_TABLE = "backup_fingerprint"


def of(connection: sqlite3.Connection) -> bytes:
    """Return the SHA-256 of every row of a store, as a connection sees it."""
    digest = sha256()
    for rows in _ROWS:
        for row in connection.execute(rows):
            encoded = msgspec.msgpack.encode(row)
            digest.update(len(encoded).to_bytes(8))  # where a row ends belongs to what it says
            digest.update(encoded)
        digest.update(bytes(8))  # and where a table does
    return digest.digest()


def write(backup: Path) -> None:
    """Write a backup's fingerprint into it."""
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        found = of(connection)
        connection.execute("BEGIN")
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        connection.execute(f"CREATE TABLE {_TABLE} (sha256 BLOB NOT NULL)")
        connection.execute(f"INSERT INTO {_TABLE} VALUES (?)", (found,))  # noqa: S608 - a constant of this module
        connection.execute("COMMIT")


def is_missed(connection: sqlite3.Connection) -> bool:
    """Tell whether a file has a fingerprint, and holds something else than it says."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone():
        return False  # a plain copy of a store that was stopped
    written = connection.execute(f"SELECT sha256 FROM {_TABLE}").fetchone()  # noqa: S608 - a constant of this module
    return bool(written != (of(connection),))


def remove(store: Path) -> None:
    """Take the fingerprint out of a store that is going to be served from, if it was a backup.

    It is true until the first write; afterwards the store would pass for a damaged backup.
    """
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
