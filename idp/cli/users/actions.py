"""`idp user send-actions REALM USER ACTION…`: somebody is to bring their account up to date, and is told by e-mail.

The letter opens nothing: its button leads to the application, where the person logs in as always and is then asked
for what was wished. An operator can begin a change and never make it (ASVS 6.4.6).
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace

import msgspec

from idp.app import Outside
from idp.cli.recording import record_event
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.flows.customers.users import amend
from idp.flows.registry import ACTIONS
from idp.gateways.mail import WrittenMail
from idp.gateways.opening import mail_of, outbox_of
from idp.model.realm import Realm
from idp.model.user import User
from idp.opening.beside import versions_beside
from idp.opening.services import surroundings_of
from idp.ports import MessageUndeliveredError, StoreUnavailableError
from idp.realms.history import RealmHistory
from idp.realms.loading import RealmUnreadableError, load
from idp.settings.loading import SettingsError, StartError
from idp.settings.loading import load as load_settings
from idp.settings.tables import Settings
from idp.web.letters import Letters
from idp.web.locales import Locales


class UserRefusedError(Exception):
    """What was asked for cannot be done; the text says why."""


_REFUSALS = (
    SettingsError,
    StartError,
    MasterKeyError,
    StoreUnavailableError,
    RealmUnreadableError,
    MessageUndeliveredError,
    UserRefusedError,
)


def user(arguments: Namespace) -> int:
    """Do what was asked; return 1 if it was refused."""
    try:
        settings = load_settings(arguments.config, environment=os.environ)
        asyncio.run(_send_actions(settings, arguments))
    except _REFUSALS as error:
        sys.stderr.write(printable(f"idp user: {error}\n"))
        return 1
    sys.stdout.write(printable(f"{arguments.username} is asked for {' '.join(arguments.actions)}, and was told.\n"))
    return 0


async def _send_actions(settings: Settings, asked: Namespace) -> None:
    outside = Outside()
    async with versions_beside(settings, realm=asked.realm, clock=outside.clock) as (history, stores):
        realm = await _live(history, settings, asked.realm)
        found = await stores.users.by_username(asked.username)
        link = _checked(realm, found, asked)
        assert found is not None

        def wished(present: User) -> User:
            actions = tuple(dict.fromkeys((*present.required_actions, *asked.actions)))
            return msgspec.structs.replace(present, required_actions=actions)

        await amend(stores.users, found.id, wished)
        detail = {"actions": " ".join(asked.actions), "client": asked.client}
        await record_event(stores, outside, asked.realm, "EXECUTE_ACTIONS", detail, user_id=found.id)
        sender_of = mail_of(settings, outbox_of(settings, outside.clock), clock=outside.clock, random=outside.random)
        mail = WrittenMail(Letters(Locales.load()), sender_of=sender_of)
        chosen = found.attribute("locale")
        locale = chosen if chosen in realm.locales else realm.default_locale
        await mail.send(realm, to=found.email, letter="execute-actions", locale=locale, fields={"link": link})


async def _live(history: RealmHistory, settings: Settings, name: str) -> Realm:
    latest = await history.latest()
    document = await history.document(latest.version) if latest is not None else None
    if document is None:
        raise UserRefusedError(f"There is no realm “{name}” in this store: no server has served it yet.")
    return load(document.decode(), surroundings=surroundings_of(settings, os.environ)).realm


def _checked(realm: Realm, found: User | None, asked: Namespace) -> str:
    """Return where the letter leads: the home of an application of the realm, and nowhere that somebody typed."""
    enabled = {action.alias for action in realm.required_actions if action.enabled} & ACTIONS.keys()
    unknown = [alias for alias in asked.actions if alias not in enabled]
    if unknown:
        known = ", ".join(sorted(enabled))
        raise UserRefusedError(f"{realm.name} has no required action {', '.join(unknown)}. It has: {known}.")
    if found is None or not found.enabled:
        raise UserRefusedError(f"{realm.name} has no enabled user “{asked.username}”.")
    if not found.email:
        raise UserRefusedError(f"“{asked.username}” has no e-mail address.")
    client = realm.client(asked.client)
    if client is None or not client.base_url:
        raise UserRefusedError(f"{realm.name} has no enabled client “{asked.client}” with a baseUrl to lead people to.")
    return client.base_url
