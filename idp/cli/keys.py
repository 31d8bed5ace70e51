"""`idp keys list|rotate|disable`: the keys that a realm signs with, beside a running server, which follows at once."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, get_args

import msgspec
from rich.console import Console
from rich.table import Table

from idp.app import Outside
from idp.cli.recording import record_event
from idp.cli.terminal import moment, printable
from idp.crypto import key_ring
from idp.crypto.kept_keys import KeptKeys
from idp.crypto.key_ring import KeptKey, KeyRefusedError, Ring
from idp.crypto.sealing import MasterKeyError
from idp.model.client import SigningAlgorithm
from idp.model.policies.keys import ENCRYPTION_FAMILIES, KeyAlgorithm
from idp.opening.beside import keys_beside
from idp.ports import StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

ALGORITHMS: tuple[KeyAlgorithm, ...] = (*get_args(SigningAlgorithm), *ENCRYPTION_FAMILIES, "HS256")
_TABLE_WIDTH = 150  # columns of a terminal
_STYLES = {"active": "bold green", "passive": "yellow", "disabled": "dim"}


def keys(arguments: Namespace) -> int:
    """Do what was asked and print the keys afterwards; return 1 if it was refused."""
    try:
        settings = load(arguments.config, environment=os.environ)
        rows = asyncio.run(_done(settings, arguments))
    except (SettingsError, MasterKeyError, StoreUnavailableError, KeyRefusedError) as error:
        sys.stderr.write(printable(f"idp keys: {error}\n"))
        return 1
    except ValueError as error:  # what the sealer says of a value that does not open
        sys.stderr.write(printable(f"idp keys: The kept keys do not open ({error}): check secrets.master_key_files.\n"))
        return 1
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
    else:
        _print(arguments.realm, rows)
    return 0


async def _done(settings: Settings, asked: Namespace) -> list[dict[str, Any]]:
    outside = Outside()
    async with keys_beside(settings, realm=asked.realm, clock=outside.clock, random=outside.random) as (kept, stores):
        match asked.action:
            case "rotate":
                before, rotated = await kept.ring(), list[KeptKey]()
                for algorithm in [asked.algorithm] if asked.algorithm else key_ring.algorithms(before):
                    key = await kept.rotate(algorithm, at_once=asked.now, unseen=key_ring.SEEN_BY_ALL)
                    rotated.append(key)
                    if key not in before.keys:  # one that waited already, and goes on waiting, is no event
                        await record_event(stores, outside, asked.realm, "SIGNING_KEY_ROTATED", _named(key))
                if asked.now:
                    await _signing(rotated, outside)
            case "disable":
                key = await _disabled(kept, asked)
                await record_event(stores, outside, asked.realm, "SIGNING_KEY_DISABLED", _named(key))
            case _:
                pass
        now = int(outside.clock())
        return _rows(await kept.ring(), asked.algorithm, now=now)


async def _signing(rotated: Sequence[KeptKey], outside: Outside) -> None:
    """Wait until the new keys sign: whoever goes on to disable the old ones would be refused before."""
    left = max((key.signs_from for key in rotated), default=0) - outside.clock()
    await asyncio.sleep(max(0.0, min(left, key_ring.SEEN_BY_ALL)))


async def _disabled(kept: KeptKeys, asked: Namespace) -> KeptKey:
    if asked.algorithm is not None:
        named = [key for key in (await kept.ring()).keys if key.kid == asked.kid]
        if named and named[0].algorithm != asked.algorithm:
            raise KeyRefusedError(f"The key {asked.kid} is one of {named[0].algorithm}, not of {asked.algorithm}.")
    return await kept.disable(asked.kid)


def _named(key: KeptKey) -> dict[str, str]:
    return {"kid": key.kid, "algorithm": key.algorithm}


def _rows(ring: Ring, algorithm: KeyAlgorithm | None, *, now: int) -> list[dict[str, Any]]:
    """Return the public half of what there is to say about each key, the newest of each algorithm first."""
    shown = [key for key in reversed(ring.keys) if algorithm in (None, key.algorithm)]
    return [
        {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "state": key_ring.state(ring, key, now=now),
            "created_at": key.created_at,
            "signs_from": key.signs_from,
            "disabled_at": key_ring.retires_at(ring, key),
        }
        for key in sorted(shown, key=lambda key: ALGORITHMS.index(key.algorithm))
    ]


def _print(realm: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=printable(f"Keys of {realm}"), title_justify="left")
    for column in ("algorithm", "state", "kid", "created", "signs from", "disabled"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        state = row["state"]
        known = (row["created_at"], row["signs_from"], row["disabled_at"])
        times = ("" if at is None else moment(at) for at in known)
        table.add_row(row["algorithm"], f"[{_STYLES[state]}]{state}[/]", row["kid"], *times)
    # As wide as it must be: a kid that is cut short cannot be copied into the next command.
    Console(highlight=False, width=max(Console().width, _TABLE_WIDTH)).print(table)
