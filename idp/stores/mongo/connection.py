"""The connection to MongoDB: bounded in time, acknowledged by the majority, and quiet about its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from idp.ports import StoreUnavailableError
from idp.stores.mongo.documents import Document

MAJORITY: Final = WriteConcern("majority", j=True)
"""Acknowledged when most members have it on their disks: nothing that a customer was told is lost with a primary."""

SETTLED: Final = ReadConcern("majority")
"""What most members have: what is read is never undone by a change of the primary."""

_BOUNDS: Final[dict[str, Any]] = {
    "appname": "hyrja",
    "timeoutMS": 3000,
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 1000,
}
"""What holds unless the URL says otherwise."""

_WAITING: Final[dict[str, Any]] = {"timeoutMS": None, "socketTimeoutMS": 2000}
"""With `timeoutMS` the driver would tell the server how long to wait, and then not wait that long itself."""

_DENIED: Final = frozenset({11, 13, 18, 8000})  # UserNotFound, Unauthorized, AuthenticationFailed, AtlasError


class Connection(NamedTuple):
    """A client, its database, and the name of both for people: hosts, never who connects or with what password."""

    client: AsyncMongoClient[Document]
    database: AsyncDatabase[Document]
    where: str

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Say what an error of the driver means."""
        try:
            yield
        except PyMongoError as error:
            raise self.unavailable(error) from error

    def unavailable(self, error: PyMongoError) -> StoreUnavailableError:
        """Return what an error means to an operator."""
        return StoreUnavailableError(f"{self.where} {_meaning(error)} ({_said(error)}).")


def connect(url: str, *, waits: bool = False) -> Connection:
    """Return a connection; nothing is asked yet. `waits`: for requests that the server answers when something happens.

    Raises:
        StoreUnavailableError: the URL cannot be used. The text does not repeat it: there is a password in it.

    """
    try:
        parsed = parse_uri(url)
        given = {name.lower() for name in parsed["options"]}
        bounds = {name: value for name, value in _BOUNDS.items() if name.lower() not in given}
        # From the primary alone, whatever the URL says: a member that is behind still has the session that was ended,
        # and as the change stream has told of that already, it would be remembered for good.
        wanted = bounds | {"readPreference": "primary"} | (_WAITING if waits else {})
        client: AsyncMongoClient[Document] = AsyncMongoClient(url, **wanted)
    except (InvalidURI, ConfigurationError, ValueError, TypeError) as error:
        # From None: what the driver says may quote a part of the URL.
        raise StoreUnavailableError(
            f"store.mongodb_url cannot be used ({type(error).__name__}): "
            "mongodb://user:password@host:27017/database?replicaSet=name, with %-escapes in user and password."
        ) from None
    if not parsed["database"]:
        raise StoreUnavailableError("store.mongodb_url names no database: mongodb://…/hyrja?replicaSet=….")
    hosts = ",".join(f"{host}:{port}" if port else host for host, port in parsed["nodelist"])
    database = client.get_database(
        parsed["database"],
        codec_options=CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS),
        read_concern=SETTLED,
        write_concern=MAJORITY,
    )
    return Connection(client=client, database=database, where=f"MongoDB at {hosts}")


def ambiguous(error: PyMongoError) -> bool:
    """Tell whether a write that failed so may have happened all the same."""
    reached = not isinstance(error, ServerSelectionTimeoutError)
    return error.timeout or (reached and isinstance(error, ConnectionFailure))


def _meaning(error: PyMongoError) -> str:
    if isinstance(error, ServerSelectionTimeoutError):
        return "has no primary that answers"
    if isinstance(error, NotPrimaryError):
        return "is choosing another primary"
    if error.timeout:
        return "does not answer in time"
    if isinstance(error, ConnectionFailure):
        return "cannot be reached"
    if isinstance(error, OperationFailure) and error.code in _DENIED:
        return "refuses the user that store.mongodb_url names: check its password and its roles"
    return "cannot serve"


def _said(error: PyMongoError) -> str:
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"
