"""`idp realm export`: a realm goes out as a file, or as a folder with its users in files of so many each.

However many users there are, one page of them is in memory. Nothing stands where it was asked for before all of it is
written, and the event says that it left.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from idp.app import Outside
from idp.cli.recording import record_event
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.flows.customers.user_files import UserFiles
from idp.model.user import User
from idp.opening.beside import Exporting, export_beside
from idp.ports import StoreUnavailableError
from idp.realms.exchange.exporting import Instead, exported, exported_piecemeal
from idp.realms.exchange.secret_places import fingerprints, masked
from idp.realms.files.documents import documents, only
from idp.realms.files.reading import RealmFileError
from idp.realms.history import HistoryRefusedError
from idp.settings.loading import SettingsError, load

_PRIVATE = 0o600
_IN_MEMORY = 16 << 20
"""Characters of an export for a pipe that are kept in memory until it is whole."""


class ExportRefusedError(Exception):
    """What was asked for cannot be written; the text says why."""


def export_realm(arguments: Namespace) -> int:
    """Write a realm as a file or folder; return 1 if it cannot be."""
    try:
        _refuse_contradictions(arguments)
        if arguments.config is None:
            _give(_exported_file(arguments), arguments.output)
        else:
            asyncio.run(_exported_realm(arguments))
    except (
        SettingsError,
        MasterKeyError,
        StoreUnavailableError,
        HistoryRefusedError,
        ExportRefusedError,
        RealmFileError,
    ) as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"{arguments.output} cannot be written: {error.strerror}.")
    except ValueError as error:  # what the sealer says of a value that does not open
        return _refused(f"The realm does not open ({error}): check secrets.master_key_files.")
    return 0


def _refused(reason: str) -> int:
    sys.stderr.write(printable(f"idp realm export: {reason}\n"))
    return 1


def _refuse_contradictions(asked: Namespace) -> None:
    if asked.users_per_file is None:
        return
    if asked.users_per_file < 1 or asked.output is None or asked.config is None or not asked.users or asked.redacted:
        raise ExportRefusedError(
            "--users-per-file N writes a folder of users: it needs --config, --users and --output FOLDER, and N from 1."
        )
    if asked.output.exists() and (not asked.output.is_dir() or any(asked.output.iterdir())):
        raise ExportRefusedError(f"{asked.output} is not empty: users of an earlier export would be taken for these.")


def _exported_file(asked: Namespace) -> str:
    """Export a realm that is a file already: to hand it on without its secrets."""
    document = only(documents(Path(asked.realm)))
    if not isinstance(document, dict):
        raise RealmFileError("is no realm.")
    users = document.get("users") if asked.users and not asked.redacted else None
    settings = {key: value for key, value in document.items() if key != "users"}
    # Whoever compares two redacted files needs the key of the store: this one is thrown away.
    return exported(settings, instead=_instead(asked, secrets.token_bytes(32)), users=users)


async def _exported_realm(asked: Namespace) -> None:
    settings, outside = load(asked.config, environment=os.environ), Outside()
    async with export_beside(settings, realm=asked.realm, clock=outside.clock, random=outside.random) as opened:
        latest = await opened.history.latest()
        if latest is None:
            raise HistoryRefusedError(f"There is no realm “{asked.realm}” in this store.")
        version = latest.version if asked.version is None else await opened.history.found(asked.version)
        document = json.loads(await opened.history.document(version) or b"{}")
        instead = _instead(asked, await opened.fingerprint_key() if asked.redacted else b"")
        users = _Counted(opened, asked)

        async def leaves() -> None:
            kind = "redacted" if asked.redacted else asked.secrets
            detail = {"version": version, "users": str(users.count), "secrets": kind}
            await record_event(opened.stores, outside, asked.realm, "REALM_EXPORTED", detail)

        if asked.users_per_file is not None:
            await _written_folder(asked, document, instead, users, leaves)
        elif asked.users and not asked.redacted:
            await _written_file(asked.output, exported_piecemeal(document, instead=instead, users=users.all()), leaves)
        else:
            await _written_file(asked.output, _once(exported(document, instead=instead)), leaves)


class _Counted:
    """The users of the store as a file has them, and how many there were."""

    def __init__(self, opened: Exporting, asked: Namespace) -> None:
        self.count = 0
        self._users = opened.stores.users
        self._files = UserFiles(realm=asked.realm, sealer=opened.sealer, with_secrets=asked.secrets == "included")

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        async for user in self._users.every():
            yield self._written(user)

    async def in_files(self, most: int) -> AsyncIterator[list[Mapping[str, Any]]]:
        """Yield as many at a time as one file has."""
        portion: list[Mapping[str, Any]] = []
        async for user in self._users.every():
            portion.append(self._written(user))
            if len(portion) == most:
                yield portion
                portion = []
        if portion:
            yield portion

    def _written(self, user: User) -> Mapping[str, Any]:
        self.count += 1
        return self._files.written(user)


async def _once(text: str) -> AsyncIterator[str]:
    yield text


async def _written_file(output: Path | None, text: AsyncIterator[str], leaves: Callable[[], Awaitable[None]]) -> None:
    with _put_in_place(output) as file:
        async for piece in text:
            file.write(piece)
        await leaves()


@contextmanager
def _put_in_place(output: Path | None) -> Iterator[IO[str]]:
    """Yield a file of this user alone (with secrets it is worth as much as the store); it is given out at the end."""
    if output is None or _is_device(output):
        # Whoever lets a program encrypt it wants it in clear on no disk: it stays in memory, or has no name at least,
        # so that nothing is left of it however this process ends.
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8") as passing:
            yield passing
            passing.seek(0)
            _give_all(passing, output)
        return
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8", dir=output.resolve().parent, delete=False) as file:
        partial = Path(file.name)
        try:
            yield file
            file.flush()
            partial.replace(output.resolve())  # not the link that may lead there
        finally:
            partial.unlink(missing_ok=True)


def _is_device(output: Path) -> bool:
    return output.exists() and not output.is_file()


def _give_all(file: IO[str], output: Path | None) -> None:
    if output is None:
        shutil.copyfileobj(file, sys.stdout)
        return
    with output.open("w", encoding="utf-8") as device:
        shutil.copyfileobj(file, device)


def _give(text: str, output: Path | None) -> None:
    """Write a text that is made already."""
    asyncio.run(_written_file(output, _once(text), _nothing))


async def _nothing() -> None:
    """Nobody is told: no store is open."""


async def _written_folder(
    asked: Namespace,
    document: Mapping[str, Any],
    instead: Instead | None,
    users: _Counted,
    leaves: Callable[[], Awaitable[None]],
) -> None:
    """Write Keycloak's folder: `NAME-realm.json`, and `NAME-users-0.json` and on with so many users each."""
    output: Path = asked.output.resolve()
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as place:
        partial = Path(place) / "export"  # itself this user's alone
        partial.mkdir(mode=0o700)
        number = 0
        async for portion in users.in_files(asked.users_per_file):
            written = exported({"realm": asked.realm}, instead=instead, users=portion)
            _write_private(partial / f"{asked.realm}-users-{number}.json", written)
            number += 1
        _write_private(partial / f"{asked.realm}-realm.json", exported(document, instead=instead))
        await leaves()
        partial.rename(output)  # which may be there, empty


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as file:
        file.write(text)


def _instead(asked: Namespace, key: bytes) -> Instead | None:
    if asked.redacted:
        return fingerprints(key)
    return masked if asked.secrets == "masked" else None
