"""Where realms stand: a file with one realm, a file with a list of them, or a folder that Keycloak exported into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from idp.model.struct import Frozen
from idp.realms.files.reading import RealmFileError, parse

_USERS = re.compile(r".+-users-[0-9]+\.json")  # also of users whose credentials lie elsewhere: -federated-users-0.json


class Source(Frozen, frozen=True, kw_only=True):
    """One realm where it stands: its document, and the files in which the rest of its users lie."""

    document: Any
    parts: tuple[Path, ...] = ()

    def users_of(self, part: Path) -> list[Any]:
        """Return the users of one file; raises `RealmFileError`."""
        return _listed(_parsed(part).get("users"))


def sources(path: Path) -> tuple[Source, ...]:
    """Return the realms of a path, with users in files of their own left where they lie; raises `RealmFileError`."""
    if path.is_dir():
        return _of_folder(path)
    document = _parsed(path)
    if document == []:
        raise RealmFileError("holds no realm.")
    return tuple(Source(document=one) for one in (document if isinstance(document, list) else (document,)))


def documents(path: Path) -> tuple[Any, ...]:
    """Return the documents of a path, each with its users; raises `RealmFileError`."""
    return tuple(
        _with_users(source.document, {"users": [user for part in source.parts for user in source.users_of(part)]})
        for source in sources(path)
    )


def only(found: tuple[Any, ...]) -> Any:
    """Return the one document there must be; raises `RealmFileError`."""
    if len(found) != 1:
        raise RealmFileError(f"holds {len(found)} realms, where one is expected.")
    return found[0]


def name_of(document: Any) -> str:
    """Return the name of the realm that a document is about; nothing if it does not say."""
    name = document.get("realm") if isinstance(document, Mapping) else None
    return name if isinstance(name, str) else ""


def _of_folder(folder: Path) -> tuple[Source, ...]:
    realms: list[Any] = []
    elsewhere: dict[str, list[Any]] = {}
    parts: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.json")):
        if not _USERS.fullmatch(path.name):
            realms.extend(documents(path))
            continue
        part = _parsed(path)  # for whose users they are; one file at a time is in memory
        if isinstance(part, Mapping) and isinstance(part.get("users"), list):
            parts.setdefault(name_of(part), []).append(path)
        if isinstance(part, Mapping) and isinstance(part.get("federatedUsers"), list):
            elsewhere.setdefault(name_of(part), []).extend(part["federatedUsers"])
    if not realms:
        raise RealmFileError("cannot be read: the folder has no realm file (*.json).")
    return tuple(
        Source(
            document=_with_users(document, {"federatedUsers": elsewhere.get(name_of(document), [])}),
            parts=tuple(parts.get(name_of(document), ())),
        )
        for document in realms
    )


def _with_users(document: Any, users: Mapping[str, list[Any]]) -> Any:
    if not isinstance(document, Mapping):
        return document
    return {**document, **{key: [*_listed(document.get(key)), *found] for key, found in users.items() if found}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RealmFileError(f"cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RealmFileError("cannot be read: it is not text in UTF-8.") from None
    return parse(text)
