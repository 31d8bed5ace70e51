"""Realm files as commands without a server read them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from idp.realms.files.documents import documents, only
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import LoadedRealm, load, load_file

_UNCHECKED_SECRET = "a secret of the vault, which no command opens"  # noqa: S105 - stands in for one


def read_realm(path: Path) -> LoadedRealm:
    """Load a realm file; without a server there is no vault, so what it would give is taken as given.

    Raises:
        RealmUnreadableError: there is no such file, or it is no realm.

    """
    return load_file(path, surroundings=_surroundings())


def read_draft(path: Path, live: Path) -> LoadedRealm:
    """Load a file that is to replace another one; if it has no users, those of `live` stay, as at its publication.

    Raises:
        RealmUnreadableError: one of the files is not there, or is no realm.

    """
    draft = read_realm(path)
    if draft.users:
        return draft
    read_realm(live)
    users = only(documents(live)).get("users", [])
    return load(json.dumps({**only(documents(path)), "users": users}), surroundings=_surroundings())


def _surroundings() -> Surroundings:
    return Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
