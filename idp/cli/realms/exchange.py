"""`idp realm export` and `idp realm import`: realms that go out as files, and come in as files of Keycloak."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import secrets
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp.app import Outside
from idp.cli.recording import record_event
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.flows.assembly import UnusableRealmError
from idp.flows.customers.user_files import UserFiles
from idp.importing import Importing, ImportRefusedError, Plan, importing_beside
from idp.opening.beside import export_beside
from idp.ports import MessageUndeliveredError, StoreUnavailableError
from idp.realms.exchange.exporting import exported
from idp.realms.exchange.merging import Side
from idp.realms.exchange.secret_places import fingerprints, masked
from idp.realms.files.documents import documents, name_of, only
from idp.realms.files.reading import RealmFileError
from idp.realms.history import Authorship, HistoryRefusedError
from idp.realms.loading import RealmUnreadableError
from idp.settings.loading import SettingsError, StartError, load
from idp.settings.tables import Settings

_REFUSALS = (
    SettingsError,
    StartError,
    MasterKeyError,
    StoreUnavailableError,
    HistoryRefusedError,
    ImportRefusedError,
    RealmUnreadableError,
    UnusableRealmError,
)


def export_realm(arguments: Namespace) -> int:
    """Write a realm as a file; return 1 if it cannot be."""
    try:
        text = _exported_file(arguments) if arguments.config is None else asyncio.run(_exported_realm(arguments))
        _write(text, arguments.output)
    except (*_REFUSALS, RealmFileError) as error:
        return _refused("export", str(error))
    except OSError as error:
        return _refused("export", f"{arguments.output} cannot be written: {error.strerror}.")
    except ValueError as error:  # what the sealer says of a value that does not open
        return _refused("export", f"The realm does not open ({error}): check secrets.master_key_files.")
    return 0


def import_realm(arguments: Namespace) -> int:
    """Import the realms of a file or folder; return 1 if one of them is refused."""
    try:
        settings = load(arguments.config, environment=os.environ)
        chosen = _chosen(documents(arguments.file), arguments.realm)
        for document in chosen:
            sys.stdout.write(printable(asyncio.run(_imported(settings, document, arguments))))
    except RealmFileError as error:
        return _refused("import", f"{arguments.file} {error}")
    except _REFUSALS as error:
        return _refused("import", str(error))
    except ValueError as error:
        return _refused("import", f"What is kept does not open ({error}): check secrets.master_key_files.")
    return 0


def _refused(command: str, reason: str) -> int:
    sys.stderr.write(printable(f"idp realm {command}: {reason}\n"))
    return 1


def _exported_file(asked: Namespace) -> str:
    """Export a realm that is a file already: to hand it on without its secrets."""
    document = only(documents(Path(asked.realm)))
    if not isinstance(document, dict):
        raise RealmFileError("is no realm.")
    users = document.get("users") if asked.users and not asked.redacted else None
    settings = {key: value for key, value in document.items() if key != "users"}
    # Whoever compares two redacted files needs the key of the store: this one is thrown away.
    return exported(settings, instead=_instead(asked, secrets.token_bytes(32)), users=users)


async def _exported_realm(asked: Namespace) -> str:
    settings, outside = load(asked.config, environment=os.environ), Outside()
    async with export_beside(settings, realm=asked.realm, clock=outside.clock, random=outside.random) as opened:
        latest = await opened.history.latest()
        if latest is None:
            raise HistoryRefusedError(f"There is no realm “{asked.realm}” in this store.")
        version = latest.version if asked.version is None else await opened.history.found(asked.version)
        document = json.loads(await opened.history.document(version) or b"{}")
        users = None
        if asked.users and not asked.redacted:
            files = UserFiles(realm=asked.realm, sealer=opened.sealer, with_secrets=asked.secrets == "included")
            users = [files.written(user) for user in await opened.stores.users.all()]
        key = await opened.fingerprint_key() if asked.redacted else b""
        detail = {
            "version": version,
            "users": str(0 if users is None else len(users)),
            "secrets": "redacted" if asked.redacted else asked.secrets,
        }
        await record_event(opened.stores, outside, asked.realm, "REALM_EXPORTED", detail)
        return exported(document, instead=_instead(asked, key), users=users)


def _instead(asked: Namespace, key: bytes) -> Callable[[str], str] | None:
    if asked.redacted:
        return fingerprints(key)
    return masked if asked.secrets == "masked" else None


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    # For this user alone: with secrets it is worth as much as the store.
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)


def _chosen(found: tuple[Any, ...], realm: str | None) -> list[dict[str, Any]]:
    realms = [document for document in found if isinstance(document, dict)]
    if len(realms) != len(found):
        raise RealmFileError("holds something that is no realm.")
    if realm is None:
        return realms
    if len(realms) == 1:
        return [{**realms[0], "realm": realm}]
    chosen = [document for document in realms if name_of(document) == realm]
    if not chosen:
        names = ", ".join(name_of(document) for document in realms)
        raise RealmFileError(f"holds no realm “{realm}”, but {names}.")
    return chosen


async def _imported(settings: Settings, document: dict[str, Any], asked: Namespace) -> str:
    outside, name = Outside(), name_of(document)
    if not name:
        raise ImportRefusedError("The file does not say which realm it is: add “realm”, or say --realm NAME.")
    prefer: Side | None = "ours" if asked.ours else "theirs" if asked.theirs else None
    opening = importing_beside(settings, realm=name, clock=outside.clock, random=outside.random, environment=os.environ)
    async with opening as importing:
        plan = await importing.plan(document, prefer=prefer)
        if asked.dry_run:
            return _told(name, plan, "Nothing was changed (--dry-run).")
        return _told(name, plan, await _done(importing, plan, name, asked, outside))


async def _done(importing: Importing, plan: Plan, name: str, asked: Namespace, outside: Outside) -> str:
    authorship = Authorship(author=_author(asked), reason=asked.reason or f"Imported from {asked.file.name}.")
    line = await importing.publish(plan, authorship)
    try:
        came = await importing.welcome(plan)
        unsent = ""
    except MessageUndeliveredError as error:
        came, unsent = 0, f"\nFirst passwords could not be sent ({error}); import the file again."
    detail = {
        "version": plan.loaded.realm.version,
        "changed": str(line is not None).lower(),
        "author": authorship.author,
        "reason": authorship.reason,
        "users": str(came),
    }
    await record_event(importing.stores, outside, name, "REALM_IMPORTED", detail)
    present = len(plan.loaded.users) - came
    said = "Nothing to publish: the live realm says this already." if line is None else f"Published as {line.version}."
    return f"{said}\n{came} users came; {present} of the file were there already and are as they were.{unsent}"


def _author(asked: Namespace) -> str:
    try:
        author: str = asked.author or getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        author = ""
    if not author.strip():
        raise HistoryRefusedError("Say who, with --author.")
    return author.strip()


def _told(name: str, plan: Plan, outcome: str) -> str:
    lines = [f"Realm {name}"]
    if plan.findings:
        lines.append("These parts have errors. They are kept, and are not served:")
        lines += [f"  {finding}" for finding in plan.findings]
    if plan.made:
        lines.append("The secrets of these clients are masked in the file. Each was given a new one")
        lines.append("(idp realm export --secrets included shows it):")
        lines += [f"  {_client(plan, pointer)}" for pointer in plan.made]
    if plan.without_effect:
        lines.append("Kept, and without effect here:")
        lines += [f"  {finding.pointer}  {finding.problem} {finding.repair}" for finding in plan.without_effect]
    lines.append(f"{plan.unwise} findings about what is unwise: idp realm check names them.")
    return "\n".join([*lines, outcome]) + "\n"


def _client(plan: Plan, pointer: str) -> str:
    position = int(pointer.split("/")[2])
    clients = plan.loaded.representation.clients
    return clients[position].client_id if position < len(clients) else pointer
