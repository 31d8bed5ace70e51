"""`idp client initial-token|list|remove`: clients that register themselves, beside a running server."""

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
from idp.crypto.base64url import base64url
from idp.crypto.digest import digest
from idp.crypto.sealing import MasterKeyError
from idp.model.clients.registration import InitialToken
from idp.oidc.registration.registrations import Registrations
from idp.opening.beside import registrations_beside
from idp.ports import RealmStores, StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

_DAY = 86400  # seconds
_MOST_USES = 10_000
_MOST_DAYS = 365


class ClientRefusedError(Exception):
    """What was asked for cannot be done; the text says why."""


def client(arguments: Namespace) -> int:
    """Do what was asked and print the outcome; return 1 if it was refused."""
    try:
        settings = load(arguments.config, environment=os.environ)
        answer = asyncio.run(_done(settings, arguments))
    except (SettingsError, MasterKeyError, StoreUnavailableError, ClientRefusedError) as error:
        sys.stderr.write(printable(f"idp client: {error}\n"))
        return 1
    except ValueError as error:  # what the sealer says of a value that does not open
        sys.stderr.write(printable(f"idp client: The clients do not open ({error}): check secrets.master_key_files.\n"))
        return 1
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{printable(line)}\n" for line in _lines(answer)))
    return 0


async def _done(settings: Settings, asked: Namespace) -> list[dict[str, Any]]:
    outside = Outside()
    async with registrations_beside(settings, realm=asked.realm, clock=outside.clock) as (registrations, stores):
        if await stores.versions.latest() is None:
            raise ClientRefusedError(f"There is no realm “{asked.realm}” in this store: no server has served it yet.")
        match asked.action:
            case "initial-token":
                return [await _initial_token(stores, outside, asked)]
            case "remove":
                await _remove(stores, outside, asked)
            case _:
                pass
        return await _rows(registrations)


async def _initial_token(stores: RealmStores, outside: Outside, asked: Namespace) -> dict[str, Any]:
    """Make an initial access token (RFC 7591 §3). It is printed here, once; the store has its digest."""
    if not (1 <= asked.count <= _MOST_USES and 1 <= asked.expires <= _MOST_DAYS):
        raise ClientRefusedError(f"--count is from 1 to {_MOST_USES}, --expires from 1 to {_MOST_DAYS} days.")
    text, now = base64url(outside.random(32)), int(outside.clock())
    token = InitialToken(id=base64url(outside.random(9)), remaining=asked.count, expires_at=now + asked.expires * _DAY)
    await stores.initial_tokens.create(digest(text), token)
    await record_event(
        stores, outside, asked.realm, "INITIAL_ACCESS_TOKEN", {"id": token.id, "count": str(asked.count)}
    )
    return {"token": text, "id": token.id, "count": asked.count, "expires": moment(token.expires_at)}


async def _remove(stores: RealmStores, outside: Outside, asked: Namespace) -> None:
    if not await stores.registered_clients.remove(asked.client_id):
        raise ClientRefusedError(f"No client “{asked.client_id}” has registered itself with {asked.realm}.")
    detail = {"removed_by": "operator"}
    await record_event(stores, outside, asked.realm, "CLIENT_DELETE", detail, client_id=asked.client_id)


async def _rows(registrations: Registrations) -> list[dict[str, Any]]:
    """Return what may be known of each client: never its secret."""
    records = sorted(await registrations.store.all(), key=lambda record: record.registered_at)
    rows = []
    for record in records:
        written = registrations.unsealed(record)
        rows.append(
            {
                "client_id": record.client_id,
                "name": written.name,
                "registered": moment(record.registered_at),
                "registered_by": record.initial_token or "anonymous",
                "redirect_uris": list(written.redirect_uris),
            }
        )
    return rows


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "  ".join(" ".join(value) if isinstance(value, list) else str(value) for value in row.values()) for row in rows
    ]
