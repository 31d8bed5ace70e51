"""Records and events in SQLite: the tables, and the statements that read and write them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from idp.stores.kernel import EventRow
from idp.stores.portable import KeptEvent, KeptRecord, Portion

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE record (
            kind TEXT NOT NULL,
            realm TEXT NOT NULL,
            key TEXT NOT NULL,
            expires_at REAL,
            owner TEXT,
            value BLOB NOT NULL,
            PRIMARY KEY (kind, realm, key)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX record_by_expiry ON record (expires_at) WHERE expires_at IS NOT NULL",
        "CREATE INDEX record_by_owner ON record (kind, realm, owner) WHERE owner IS NOT NULL",
        """
        CREATE TABLE event (
            id INTEGER PRIMARY KEY,
            realm TEXT NOT NULL,
            at INTEGER NOT NULL,
            type TEXT NOT NULL,
            transaction_id TEXT NOT NULL,
            user_id TEXT,
            value BLOB NOT NULL
        )
        """,
        "CREATE INDEX event_by_realm ON event (realm, id)",
        "CREATE INDEX event_by_transaction ON event (realm, transaction_id, id)",
        "CREATE INDEX event_by_user ON event (realm, user_id, id) WHERE user_id IS NOT NULL",
        "CREATE INDEX event_by_time ON event (at)",
    ),
    # Every event paid for them, and nothing was found by them that is not found without.
    ("DROP INDEX event_by_user", "DROP INDEX event_by_time"),
)
"""The schema's history. A version is a list of statements, applied together; only ever append to this."""

_LIVE = "(expires_at IS NULL OR expires_at > ?)"
_GET = f"SELECT value FROM record WHERE kind = ? AND realm = ? AND key = ? AND {_LIVE}"  # noqa: S608 - constants only
# Without the hint SQLite walks every record of the kind, since those already lie in the order of their keys.
_OWNED = (
    "SELECT value FROM record INDEXED BY record_by_owner "  # noqa: S608 - constants only
    f"WHERE kind = ? AND realm = ? AND owner = ? AND {_LIVE} ORDER BY key"
)
_EVERY = f"SELECT key, value FROM record WHERE kind = ? AND realm = ? AND {_LIVE} ORDER BY key"  # noqa: S608 - constants only
_REST = f"AND key < ? AND {_LIVE} ORDER BY key LIMIT ?"
# One lower bound each: of two SQLite searches by the first and walks from there, through every page that came before.
_PAGE = f"SELECT key, value FROM record WHERE kind = ? AND realm = ? AND key >= ? {_REST}"  # noqa: S608 - constants only
_PAGE_AFTER = f"SELECT key, value FROM record WHERE kind = ? AND realm = ? AND key > ? {_REST}"  # noqa: S608 - constants only
_LAST = "\U0010ffff"  # behind every other character, in SQLite's order of bytes as well
_RECENT = "SELECT value FROM event WHERE realm = ? ORDER BY id DESC LIMIT ?"
_RECENT_OF = "SELECT value FROM event WHERE realm = ? AND transaction_id = ? ORDER BY id DESC LIMIT ?"
# Not REPLACE: that takes the old row out of every index and puts the new one into every index, changed or not.
_PUT = (
    "INSERT INTO record (kind, realm, key, expires_at, owner, value) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (kind, realm, key) DO UPDATE "
    "SET expires_at = excluded.expires_at, owner = excluded.owner, value = excluded.value"
)
_DELETE = f"DELETE FROM record WHERE kind = ? AND realm = ? AND key = ? AND {_LIVE}"  # noqa: S608 - constants only
_APPEND = "INSERT INTO event (realm, at, type, transaction_id, user_id, value) VALUES (?, ?, ?, ?, ?, ?)"
_EXPIRED = "SELECT kind, realm, key FROM record WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
_REMOVE = "DELETE FROM record WHERE kind = ? AND realm = ? AND key = ?"
# Events stand in the order in which they happened, so the old ones are the first ones: no index by time is needed.
_REMOVE_EVENTS = (
    "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, at FROM event ORDER BY id LIMIT ?) WHERE at < ?)"
)
_PAGES_OF_RECORD, _PAGES_OF_EVENT, _PAGE_SIZE = 3, 3, 4096

_RECORDS = (
    "SELECT kind, realm, key, value, expires_at, owner FROM record "
    "WHERE (kind, realm, key) > (?, ?, ?) ORDER BY kind, realm, key LIMIT ?"
)
_EVENTS = "SELECT id, realm, at, type, transaction_id, user_id, value FROM event WHERE id > ? ORDER BY id LIMIT ?"


def select_value(connection: sqlite3.Connection, now: float, kind: str, realm: str, key: str) -> bytes | None:
    """Return the value of one live record."""
    row: tuple[bytes] | None = connection.execute(_GET, (kind, realm, key, now)).fetchone()
    return None if row is None else row[0]


def select_owned(connection: sqlite3.Connection, now: float, kind: str, realm: str, owner: str) -> Sequence[bytes]:
    """Return the values of every live record of an owner, by key."""
    return [value for (value,) in connection.execute(_OWNED, (kind, realm, owner, now))]


def select_every(connection: sqlite3.Connection, now: float, kind: str, realm: str) -> Mapping[str, bytes]:
    """Return every live record of a kind, by key."""
    return dict(connection.execute(_EVERY, (kind, realm, now)))


def select_page(
    connection: sqlite3.Connection, now: float, kind: str, realm: str, *, prefix: str, after: str, limit: int
) -> Mapping[str, bytes]:
    """Return the first live records of a kind whose keys begin with `prefix` and come behind `after`."""
    # A range of the primary key, and no LIKE: that would compare every key of the kind.
    page, begin = (_PAGE_AFTER, after) if after and after >= prefix else (_PAGE, prefix)
    return dict(connection.execute(page, (kind, realm, begin, prefix + _LAST, now, limit)))


def select_recent(
    connection: sqlite3.Connection, realm: str, *, limit: int, transaction_id: str | None
) -> Sequence[bytes]:
    """Return the newest events first."""
    if transaction_id is None:
        return [value for (value,) in connection.execute(_RECENT, (realm, limit))]
    return [value for (value,) in connection.execute(_RECENT_OF, (realm, transaction_id, limit))]


def select_records(connection: sqlite3.Connection, *, after: str, limit: int) -> Portion[KeptRecord]:
    """Return records in the order in which they lie, behind the one that `after` names."""
    place = msgspec.json.decode(after, type=tuple[str, str, str]) if after else ("", "", "")
    items = [
        KeptRecord(kind=kind, realm=realm, key=key, value=value, expires_at=expires_at, owner=owner)
        for kind, realm, key, value, expires_at, owner in connection.execute(_RECORDS, (*place, limit))
    ]
    if len(items) < limit:
        return Portion(items=items, after=None)
    last = items[-1]
    return Portion(items=items, after=msgspec.json.encode((last.kind, last.realm, last.key)).decode())


def select_events(connection: sqlite3.Connection, *, after: str, limit: int) -> Portion[KeptEvent]:
    """Return events in the order in which they were recorded, behind the one that `after` names."""
    rows = connection.execute(_EVENTS, (int(after or 0), limit)).fetchall()
    items = [
        KeptEvent(
            realm=realm, row=EventRow(at=at, type=of, transaction_id=transaction_id, user_id=user_id, value=value)
        )
        for _, realm, at, of, transaction_id, user_id, value in rows
    ]
    return Portion(items=items, after=str(rows[-1][0]) if len(rows) == limit else None)


class SqliteTransaction:
    """Implements `idp.stores.kernel.Transaction`, within a savepoint that the writer has opened."""

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self.now = now
        self.pages = 0
        """About how many pages this has changed: each index has one."""
        self._connection = connection

    def get(self, kind: str, realm: str, key: str) -> bytes | None:
        """Return the value of one live record."""
        return select_value(self._connection, self.now, kind, realm, key)

    def put(
        self,
        kind: str,
        realm: str,
        key: str,
        value: bytes,
        *,
        expires_at: float | None = None,
        owner: str | None = None,
    ) -> None:
        """Write a record."""
        self._connection.execute(_PUT, (kind, realm, key, expires_at, owner, value))
        self.pages += _PAGES_OF_RECORD + len(value) // _PAGE_SIZE

    def delete(self, kind: str, realm: str, key: str) -> bool:
        """Remove a live record."""
        self.pages += _PAGES_OF_RECORD
        return self._connection.execute(_DELETE, (kind, realm, key, self.now)).rowcount == 1

    def append(self, realm: str, event: EventRow) -> None:
        """Write an event after all others."""
        row = (realm, event.at, event.type, event.transaction_id, event.user_id, event.value)
        self._connection.execute(_APPEND, row)
        self.pages += _PAGES_OF_EVENT + len(event.value) // _PAGE_SIZE

    def touch(self) -> None:
        """Write something, which fails where nothing can be written.

        Something else each time: SQLite writes no page for a value that is there already, and a full disk would pass.
        """
        self.put("health", "", "", b"" if self.get("health", "", "") else b"written")

    def remove_expired(self, limit: int) -> int:
        """Remove at most that many expired records, the oldest first."""
        expired = self._connection.execute(_EXPIRED, (self.now, limit)).fetchall()
        self._connection.executemany(_REMOVE, expired)
        self.pages += _PAGES_OF_RECORD * len(expired)
        return len(expired)

    def remove_events(self, *, before: float, limit: int) -> int:
        """Remove those of the first `limit` events that are older than `before`."""
        removed = self._connection.execute(_REMOVE_EVENTS, (limit, before)).rowcount
        self.pages += _PAGES_OF_EVENT * removed
        return removed
