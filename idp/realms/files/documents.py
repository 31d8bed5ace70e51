"""Where realms stand: a file with one realm, a file with a list of them, or a folder that Keycloak exported into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from idp.realms.files.reading import RealmFileError, parse

_USERS = re.compile(r".+-users-[0-9]+\.json")  # also of users whose credentials lie elsewhere: -federated-users-0.json


def documents(path: Path) -> tuple[Any, ...]:
    """Return the documents of a path, each with its users; raises `RealmFileError`."""
    if path.is_dir():
        return _of_folder(path)
    document = _parsed(path)
    if document == []:
        raise RealmFileError("holds no realm.")
    return tuple(document) if isinstance(document, list) else (document,)


def only(found: tuple[Any, ...]) -> Any:
    """Return the one document there must be; raises `RealmFileError`."""
    if len(found) != 1:
        raise RealmFileError(f"holds {len(found)} realms, where one is expected.")
    return found[0]


def name_of(document: Any) -> str:
    """Return the name of the realm that a document is about; nothing if it does not say."""
    name = document.get("realm") if isinstance(document, Mapping) else None
    return name if isinstance(name, str) else ""


def _of_folder(folder: Path) -> tuple[Any, ...]:
    realms: list[Any] = []
    users: dict[str, dict[str, list[Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        if not _USERS.fullmatch(path.name):
            realms.extend(documents(path))
            continue
        part = _parsed(path)
        for key in ("users", "federatedUsers"):
            if isinstance(part, Mapping) and isinstance(part.get(key), list):
                users.setdefault(name_of(part), {}).setdefault(key, []).extend(part[key])
    if not realms:
        raise RealmFileError("cannot be read: the folder has no realm file (*.json).")
    return tuple(_with_users(document, users.get(name_of(document), {})) for document in realms)


def _with_users(document: Any, users: Mapping[str, list[Any]]) -> Any:
    if not isinstance(document, Mapping):
        return document
    return {**document, **{key: [*_listed(document.get(key)), *found] for key, found in users.items()}}


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
