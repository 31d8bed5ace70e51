"""`idp user list REALM` and `idp user find REALM TEXT`: which users there are, beside a running server.

It reads an index and one page of users, however many there are. It needs no key: what is sealed stays so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

import msgspec

from idp.app import Outside
from idp.cli.terminal import printable
from idp.model.user import User
from idp.opening.beside import store_beside
from idp.ports import StoreUnavailableError, Users
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

_MOST = 1000


def customers(arguments: Namespace) -> int:
    """Print the users that were asked for; return 1 if the store or the settings refuse."""
    try:
        settings = load(arguments.config, environment=os.environ)
        found = asyncio.run(_found(settings, arguments))
    except (SettingsError, StoreUnavailableError) as error:
        sys.stderr.write(printable(f"idp user: {error}\n"))
        return 1
    if arguments.json:
        rows = [_row(user) for user in found]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return 0
    sys.stdout.write("".join(printable(f"{_line(user)}\n") for user in found))
    if found and len(found) == _limit(arguments):
        sys.stderr.write(printable(f"There may be more: --after {found[-1].username}\n"))
    return 0


async def _found(settings: Settings, asked: Namespace) -> Sequence[User]:
    async with store_beside(settings, clock=Outside().clock) as store:
        users = store.realm(asked.realm).users
        text = asked.text if asked.action == "find" else ""
        named = await users.page(prefix=text, after=asked.after, limit=_limit(asked))
        return (*await _of_address(users, text, named), *named)


async def _of_address(users: Users, text: str, named: Sequence[User]) -> Sequence[User]:
    """Return who has the address that was typed, unless their name is the same."""
    user = await users.by_email(text) if "@" in text else None
    return () if user is None or user in named else (user,)


def _limit(asked: Namespace) -> int:
    return max(1, min(int(asked.limit), _MOST))


def _row(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "name": user.full_name,
        "enabled": user.enabled,
    }


def _line(user: User) -> str:
    disabled = "" if user.enabled else "  (disabled)"
    return f"{user.username:32} {user.email or '-':40} {user.full_name}{disabled}"
