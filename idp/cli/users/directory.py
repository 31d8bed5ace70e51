"""`idp user list REALM` and `idp user find REALM TEXT`: which users there are, beside a running server.

As in Keycloak's console a text is what a user name, an address, a first or last name or a number begins with; in
quotes it is the whole.

It reads an index and one page of users, however many there are. It needs no key: what is sealed stays so.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from argparse import Namespace

import msgspec

from idp.app import Outside
from idp.cli.terminal import printable
from idp.crypto.base64url import base64url
from idp.model.user import User
from idp.model.user_search import FoundUsers, UserField, UserSearch
from idp.opening.beside import store_beside
from idp.ports import StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

_MOST = 1000


def customers(arguments: Namespace) -> int:
    """Print the users that were asked for; return 1 if the store or the settings refuse."""
    try:
        settings = load(arguments.config, environment=os.environ)
        found = asyncio.run(_found(settings, arguments))
    except (SettingsError, StoreUnavailableError, _SearchRefusedError) as error:
        sys.stderr.write(printable(f"idp user: {error}\n"))
        return 1
    if arguments.json:
        rows = [_row(user) for user in found.users]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
    else:
        sys.stdout.write("".join(printable(f"{_line(user)}\n") for user in found.users))
    if found.after:
        sys.stderr.write(printable(f"There may be more: --after {found.after}\n"))
    return 0


class _SearchRefusedError(Exception):
    """What was asked for cannot be looked for; the text says why."""


async def _found(settings: Settings, asked: Namespace) -> FoundUsers:
    """Return a page; its `after` is what a person types to go on."""
    async with store_beside(settings, clock=Outside().clock) as store:
        users, limit = store.realm(asked.realm).users, _limit(asked)
        if asked.action == "list":
            page = tuple(await users.page(after=asked.after, limit=limit))
            return FoundUsers(users=page, after=page[-1].username if len(page) == limit else "")
        search = _search(asked)
        try:
            after = base64.urlsafe_b64decode(asked.after + "=" * (-len(asked.after) % 4)).decode()
            found = await users.search(search, after=after, limit=limit)
        except ValueError:
            raise _SearchRefusedError(f"--after {asked.after} is not what this search has said.") from None
        return FoundUsers(users=found.users, after=base64url(found.after.encode()))


def _search(asked: Namespace) -> UserSearch:
    """Read the text as Keycloak does: `text` or `text*` is a beginning, `"text"` the whole."""
    text: str = asked.text
    quoted = len(text) > len('""') and text[0] == text[-1] == '"'
    text = text[1:-1] if quoted else text.removesuffix("*")
    if not quoted and "*" in text:
        raise _SearchRefusedError("Users are found by what something begins with: a * stands at the end.")
    fields = tuple(UserField) if asked.by is None else (UserField(asked.by),)
    return UserSearch(text=text, fields=fields, exact=quoted or asked.exact)


def _limit(asked: Namespace) -> int:
    return max(1, min(int(asked.limit), _MOST))


def _row(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "name": user.full_name,
        "phone": user.phone,
        "enabled": user.enabled,
    }


def _line(user: User) -> str:
    disabled = "" if user.enabled else "  (disabled)"
    return f"{user.username:32} {user.email or '-':40} {user.full_name}{disabled}"
