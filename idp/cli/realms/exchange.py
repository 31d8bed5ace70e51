"""`idp realm import`: realms come in as files and folders of Keycloak, users of a folder one file at a time."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from argparse import Namespace

import msgspec

from idp.app import Outside
from idp.cli.progress import Shown, shown_progress
from idp.cli.realms.arrivals import People
from idp.cli.recording import record_event
from idp.cli.terminal import printable
from idp.crypto.sealing import MasterKeyError
from idp.importing import Importing, ImportRefusedError, Plan, importing_beside
from idp.ports import MessageUndeliveredError, StoreUnavailableError
from idp.realms.exchange.merging import Side
from idp.realms.files.documents import Source, name_of, sources
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
)


def import_realm(arguments: Namespace) -> int:
    """Import the realms of a file or folder; return 1 if one of them is refused."""
    try:
        settings = load(arguments.config, environment=os.environ)
        for source in _chosen(sources(arguments.file), arguments.realm):
            sys.stdout.write(printable(asyncio.run(_imported(settings, source, arguments))))
    except RealmFileError as error:
        return _refused(f"{arguments.file} {error}")
    except _REFUSALS as error:
        return _refused(str(error))
    except ValueError as error:
        return _refused(f"What is kept does not open ({error}): check secrets.master_key_files.")
    return 0


def _refused(reason: str) -> int:
    sys.stderr.write(printable(f"idp realm import: {reason}\n"))
    return 1


def _chosen(found: tuple[Source, ...], realm: str | None) -> list[Source]:
    if not all(isinstance(source.document, dict) for source in found):
        raise RealmFileError("holds something that is no realm.")
    if realm is None:
        return list(found)
    if len(found) == 1:
        return [msgspec.structs.replace(found[0], document={**found[0].document, "realm": realm})]
    chosen = [source for source in found if name_of(source.document) == realm]
    if not chosen:
        names = ", ".join(name_of(source.document) for source in found)
        raise RealmFileError(f"holds no realm “{realm}”, but {names}.")
    return chosen


async def _imported(settings: Settings, source: Source, asked: Namespace) -> str:
    outside, name = Outside(), name_of(source.document)
    if not name:
        raise ImportRefusedError("The file does not say which realm it is: add “realm”, or say --realm NAME.")
    prefer: Side | None = "ours" if asked.ours else "theirs" if asked.theirs else None
    opening = importing_beside(settings, realm=name, clock=outside.clock, random=outside.random, environment=os.environ)
    with shown_progress() as shown:
        async with opening as importing:
            plan = await importing.plan(source.document, prefer=prefer)
            people = People(importing, plan, source)
            await people.looked_at(lambda done: shown("users read", done, None))
            if asked.dry_run:
                return _told(name, plan, people, "Nothing was changed (--dry-run).")
            done = await _done(importing, plan, people, name, asked, outside, shown)
            return _told(name, plan, people, done)


async def _done(
    importing: Importing, plan: Plan, people: People, name: str, asked: Namespace, outside: Outside, shown: Shown
) -> str:
    authorship = Authorship(author=_author(asked), reason=asked.reason or f"Imported from {asked.file.name}.")
    line = await importing.publish(plan, authorship)
    try:
        await people.welcomed(lambda done: shown("users let in", done, people.count))
        unsent = ""
    except MessageUndeliveredError as error:
        unsent = f"\nFirst passwords could not be sent ({error}); import the file again."
    detail = {
        "version": plan.loaded.realm.version,
        "changed": str(line is not None).lower(),
        "author": authorship.author,
        "reason": authorship.reason,
        "users": str(people.came),
    }
    await record_event(importing.stores, outside, name, "REALM_IMPORTED", detail)
    said = "Nothing to publish: the live realm says this already." if line is None else f"Published as {line.version}."
    present = people.count - people.came - len(people.kept_out)
    return f"{said}\n{people.came} users came; {present} of the file were there already and are as they were.{unsent}"


def _author(asked: Namespace) -> str:
    try:
        author: str = asked.author or getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        author = ""
    if not author.strip():
        raise HistoryRefusedError("Say who, with --author.")
    return author.strip()


def _told(name: str, plan: Plan, people: People, outcome: str) -> str:
    lines = [f"Realm {name}"]
    if plan.findings:
        lines.append("These parts have errors. They are kept, and are not served:")
        lines += [f"  {finding}" for finding in plan.findings]
    if people.problems.number:
        lines.append("These users of the file stay out, or come without what is named:")
        lines += [f"  {problem}" for problem in people.problems.told]
        lines += [f"  … and {more} more." for more in [people.problems.number - len(people.problems.told)] if more]
    if plan.made:
        lines.append("The secrets of these clients are masked in the file. Each was given a new one")
        lines.append("(idp realm export --secrets included shows it):")
        lines += [f"  {_client(plan, pointer)}" for pointer in plan.made]
    if plan.without_effect:
        lines.append("Kept, and without effect here:")
        lines += [f"  {finding.pointer}  {finding.problem} {finding.repair}" for finding in plan.without_effect]
    lines.append(f"{plan.unwise + people.unwise} findings about what is unwise: idp realm check names them.")
    return "\n".join([*lines, outcome]) + "\n"


def _client(plan: Plan, pointer: str) -> str:
    position = int(pointer.split("/")[2])
    clients = plan.loaded.representation.clients
    return clients[position].client_id if position < len(clients) else pointer
