"""Realm files as commands without a server read them."""

from __future__ import annotations

import os
from pathlib import Path

from idp.realms.loading import LoadedRealm, load_file
from idp.realms.placeholders import Surroundings

_UNCHECKED_SECRET = "a secret of the vault, which no command opens"  # noqa: S105 - stands in for one


def read_realm(path: Path) -> LoadedRealm:
    """Load a realm file; without a server there is no vault, so what it would give is taken as given.

    Raises:
        RealmUnreadableError: there is no such file, or it is no realm.

    """
    surroundings = Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
    return load_file(path, surroundings=surroundings)
