"""`idp user show|unlock|disable|enable|end-sessions REALM USER`: looking after one account, beside a running server.

Every node sees within a second what is changed here, and applications that asked for it are told of ended sessions.
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from typing import Any

import msgspec

from idp.app import Outside
from idp.cli.recording import record_event
from idp.cli.terminal import moment, printable
from idp.crypto.sealing import MasterKeyError
from idp.flows.customers.users import amend
from idp.flows.versions.published import loaded_version
from idp.model.realm import Realm
from idp.model.session import UserSession
from idp.model.user import User
from idp.oidc.registration.registrations import Registrations
from idp.oidc.sessions.back_channel import keep, owed_to
from idp.opening.beside import Exporting, export_beside
from idp.opening.services import surroundings_of
from idp.ports import RealmStores, StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings


class CustomerRefusedError(Exception):
    """What was asked for cannot be done; the text says why."""


def customer(arguments: Namespace) -> int:
    """Do what was asked and say so; return 1 if it was refused."""
    try:
        settings = load(arguments.config, environment=os.environ)
        said = asyncio.run(_done(settings, arguments))
    except (SettingsError, MasterKeyError, StoreUnavailableError, CustomerRefusedError) as error:
        sys.stderr.write(printable(f"idp user: {error}\n"))
        return 1
    except ValueError as error:  # what the sealer says of a value that does not open
        sys.stderr.write(printable(f"idp user: The realm does not open ({error}): check secrets.master_key_files.\n"))
        return 1
    sys.stdout.write("".join(f"{printable(line)}\n" for line in said))
    return 0


async def _done(settings: Settings, asked: Namespace) -> list[str]:
    outside = Outside()
    async with export_beside(settings, realm=asked.realm, clock=outside.clock, random=outside.random) as opened:
        stores = opened.stores
        found = await stores.users.by_username(asked.username)
        if found is None:
            raise CustomerRefusedError(f"{asked.realm} has no user “{asked.username}”.")
        account = _Account(settings, outside, opened, asked.realm, found)
        match asked.action:
            case "show":
                return await account.shown(as_json=asked.json)
            case "unlock":
                return [await account.unlocked(asked.reason)]
            case "disable":
                return [await account.disabled(asked.reason)]
            case "enable":
                return [await account.enabled(asked.reason)]
            case _:
                return [await account.sessions_ended(asked.reason)]


class _Account:
    """One account of a realm, and what an operator does with it. Each act is an event with its reason."""

    def __init__(self, settings: Settings, outside: Outside, opened: Exporting, realm: str, user: User) -> None:
        self._settings = settings
        self._outside = outside
        self._opened = opened
        self._stores: RealmStores = opened.stores
        self._realm = realm
        self._user = user

    async def shown(self, *, as_json: bool) -> list[str]:
        """Say what is known, without anything that could be used to log in."""
        now, locks = self._now(), await self._stores.attempts.locks(self._user.id)
        sessions = await self._stores.user_sessions.of_user(self._user.id)
        known: dict[str, Any] = {
            "id": self._user.id,
            "username": self._user.username,
            "enabled": self._user.enabled,
            "required_actions": list(self._user.required_actions),
            "credentials": [type(one).__struct_config__.tag for one in self._user.credentials],
            "locks": {
                name: "for good" if lock.permanent else f"until {moment(lock.not_before)}"
                for name, lock in locks.factors.items()
                if lock.locked(now)
            },
            "failures": {name: lock.attempts for name, lock in locks.factors.items()},
            "sessions": [
                {"began": moment(one.started_at), "last_seen": moment(one.last_seen_at), "clients": sorted(one.clients)}
                for one in sessions
            ],
        }
        if as_json:
            return [msgspec.json.format(msgspec.json.encode(known), indent=2).decode()]
        return [f"{name}: {_told(value)}" for name, value in known.items()]

    async def unlocked(self, reason: str) -> str:
        if not await self._stores.attempts.forgive(self._user.id):
            return f"{self._user.username} has no failures and no locks."
        await self._recorded("USER_UNLOCKED", reason)
        return f"{self._user.username} can try again."

    async def disabled(self, reason: str) -> str:
        await self._amended(enabled=False, not_before=self._now() + 1)
        await self._recorded("USER_DISABLED", reason)
        ended = await self._end_sessions()
        return f"{self._user.username} is disabled; sessions ended: {ended}."

    async def enabled(self, reason: str) -> str:
        await self._amended(enabled=True)
        await self._recorded("USER_ENABLED", reason)
        return f"{self._user.username} can log in again."

    async def sessions_ended(self, reason: str) -> str:
        # What was given out until now counts no more; so offline tokens end, which no session stands behind.
        await self._amended(not_before=self._now() + 1)
        await self._recorded("USER_LOGGED_OUT", reason)
        return f"{self._user.username} is logged out; sessions ended: {await self._end_sessions()}."

    async def _amended(self, **changed: bool | int) -> None:
        await amend(self._stores.users, self._user.id, lambda user: msgspec.structs.replace(user, **changed))

    async def _end_sessions(self) -> int:
        sessions = await self._stores.user_sessions.of_user(self._user.id)
        realm = await self._live_realm() if any(session.clients for session in sessions) else None
        return sum([await self._ended(session, realm) for session in sessions])

    async def _ended(self, session: UserSession, realm: Realm | None) -> bool:
        """As `idp.oidc.sessions.user_sessions.end_session` does it: owed first, then ended."""
        if realm is not None:
            now = self._now()
            owed = owed_to(realm.client, session, session.clients, now=now, first_at=now)
            await keep(self._stores.logout_deliveries, owed)
        if await self._stores.user_sessions.end(session.sid) is None:
            return False
        await self._recorded("LOGOUT", "an operator ended it", sid=session.sid)
        return True

    async def _live_realm(self) -> Realm:
        """Return the live version, with the clients that registered themselves: they are told as well."""
        history = self._opened.history
        latest = await history.latest()
        if latest is None:
            raise CustomerRefusedError(f"There is no realm “{self._realm}” in this store: no server has served it yet.")
        live = await loaded_version(history, latest.version, surroundings_of(self._settings, os.environ))
        registrations = Registrations(
            realm=self._realm, store=self._stores.registered_clients, sealer=self._opened.sealer
        )
        await registrations.open(live.representation, live.realm)
        return msgspec.structs.replace(live.realm, registered=registrations.clients)

    async def _recorded(self, event_type: str, reason: str, *, sid: str | None = None) -> None:
        detail = {"reason": reason}
        await record_event(self._stores, self._outside, self._realm, event_type, detail, user_id=self._user.id, sid=sid)

    def _now(self) -> int:
        return int(self._outside.clock())


def _told(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict() if value:
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case list() if value:
            return "; ".join(_told(one) for one in value)
        case dict() | list():
            return "none"
        case _:
            return str(value)
