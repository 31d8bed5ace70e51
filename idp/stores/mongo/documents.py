"""How a record and an event look in MongoDB: which collection, which name, which fields.

A database administrator reads kind, realm, owner and times; what a record says is one encoded value, as in every store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from idp.stores.kernel import EventRow
from idp.stores.optimistic import RecordKey, Stamped
from idp.stores.portable import KeptEvent, KeptRecord

Document: TypeAlias = dict[str, Any]

EVENTS: Final = "events"
SCHEMA: Final = "schema"

_COLLECTIONS: Final = {
    "user": "users",
    "username": "user_claims",
    "identity": "user_claims",
    "address-reservation": "user_claims",
    "user-term": "user_terms",
    "user-session": "user_sessions",
    "refresh-family": "refresh_families",
    "registered-client": "clients",
    "registered-client-revision": "clients",
    "registered-client-number": "clients",
    "initial-token": "clients",
    "realm-with-history": "realms",
    "realm-version": "realms",
    "realm-publication": "realms",
    "latest-realm-publication": "realms",
    "realm-confirmation": "realms",
    "realm-draft": "realms",
    "secret": "secrets",
    "secret-revision": "secrets",
    "locks": "protection",
    "throttle": "protection",
    "counter": "protection",
    "first-use": "protection",
    "latest": "protection",
    "logout-delivery": "deliveries",
    "logout-delivery-place": "deliveries",
}
_OTHERS: Final = "records"

COLLECTIONS: Final = tuple(sorted({*_COLLECTIONS.values(), _OTHERS}))
"""Every collection of records; events lie in their own."""

LAST: Final = "\U0010ffff"
"""Behind every other character: MongoDB compares strings without a collation by their bytes in UTF-8."""


def collection_of(kind: str) -> str:
    """Return the collection of a kind; `first-use/…` lies where `first-use` does."""
    return _COLLECTIONS.get(kind.partition("/")[0], _OTHERS)


def shelf_prefix(kind: str, realm: str) -> str:
    """Return what the names of all records of a kind and realm begin with, and no other's.

    The last part of a name is the key, as it is, so that a range of keys is a range of names.
    """
    return f"{_escaped(kind)}:{_escaped(realm)}:"


def name_of(key: RecordKey) -> str:
    """Return the `_id` of a record."""
    return shelf_prefix(key.kind, key.realm) + key.key


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")


def end(seconds: float) -> DatetimeMS:
    """Return when something ends, as MongoDB keeps it: in milliseconds, never earlier than it is."""
    return DatetimeMS(math.ceil(seconds * 1000))


def moment(seconds: float) -> DatetimeMS:
    """Return a moment that ends are compared with: never later than it is."""
    return DatetimeMS(math.floor(seconds * 1000))


def document_of(key: RecordKey, record: Stamped) -> Document:
    """Return the document of a record. What is none is left out: the indexes know only what is there."""
    document: Document = {
        "_id": name_of(key),
        "kind": key.kind,
        "realm": key.realm,
        "stamp": Binary(record.stamp),
        "value": Binary(record.value),
    }
    if record.expires_at is not None:
        document["expires_at"] = end(record.expires_at)
    if record.owner is not None:
        document["owner"] = record.owner
    return document


def stamped_of(document: Mapping[str, Any]) -> Stamped:
    """Return the record of a document."""
    expires_at = document.get("expires_at")
    return Stamped(
        stamp=bytes(document["stamp"]),
        value=bytes(document["value"]),
        expires_at=None if expires_at is None else int(expires_at) / 1000,
        owner=document.get("owner"),
    )


def record_of(document: Mapping[str, Any]) -> KeptRecord:
    """Return a document with everything that is known of it."""
    record, kind, realm = stamped_of(document), document["kind"], document["realm"]
    return KeptRecord(
        kind=kind,
        realm=realm,
        key=document["_id"][len(shelf_prefix(kind, realm)) :],
        value=record.value,
        expires_at=record.expires_at,
        owner=record.owner,
    )


def kept_event_of(document: Mapping[str, Any]) -> KeptEvent:
    """Return an event with everything that is known of it."""
    row = EventRow(
        at=int(document["at"]) // 1000,
        type=document["type"],
        transaction_id=document["transaction_id"],
        user_id=document.get("user_id"),
        value=bytes(document["value"]),
    )
    return KeptEvent(realm=document["realm"], row=row)


def event_of(realm: str, row: EventRow) -> Document:
    """Return the document of an event.

    `order` is filled in by the server (an empty timestamp in an inserted document): no two of a replica set are the
    same, and they grow whichever node records, whatever its clock says.
    """
    document: Document = {
        "_id": ObjectId(),
        "order": Timestamp(0, 0),
        "realm": realm,
        "at": moment(row.at),
        "type": row.type,
        "transaction_id": row.transaction_id,
        "value": Binary(row.value),
    }
    if row.user_id is not None:
        document["user_id"] = row.user_id
    return document
