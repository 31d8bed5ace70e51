"""The commands: each first undoes what nobody has confirmed in time, whether or not a server runs."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from idp.app import Outside
from idp.assurance.changes.difference import Difference, difference
from idp.cli.recording import record_event
from idp.cli.reports.difference import FORMATS
from idp.cli.terminal import moment, printable
from idp.cli.versions.sides import LIVE, Side, Sides
from idp.cli.versions.telling import draft_lines, finding_lines, history_lines, history_rows
from idp.crypto.sealing import MasterKeyError
from idp.flows.assembly import UnusableRealmError
from idp.flows.versions.publishing import judged
from idp.model.struct import Frozen
from idp.model.version import Draft, Publication, publication_detail
from idp.opening.beside import versions_beside
from idp.opening.services import surroundings_of
from idp.ports import RealmStores, StoreUnavailableError
from idp.realms.exchange.secret_places import masked, without_secrets
from idp.realms.files.placeholders import Surroundings
from idp.realms.history import Authorship, HistoryRefusedError, RealmHistory
from idp.realms.loading import RealmUnreadableError, load_file
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

_MINUTE = 60
_LONGEST_MINUTES = 24 * 60
_DRAFT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_UNCHECKED_SECRET = "a secret of the vault, which a comparison does not open"  # noqa: S105 - stands in for one
_REFUSALS = (SettingsError, MasterKeyError, StoreUnavailableError, HistoryRefusedError, RealmUnreadableError)


class Told(Frozen, frozen=True, kw_only=True):
    """What a command has to say, and whether it did what was asked (0) or not (1)."""

    text: str
    status: int = 0


def versions(arguments: Namespace) -> int:
    """Run a command; return 1 if it was refused, 2 if its output cannot be written."""
    try:
        if arguments.action == "diff" and arguments.config is None:
            told = _files_compared(arguments)
        else:
            told = asyncio.run(_done(load(arguments.config, environment=os.environ), arguments))
    except (*_REFUSALS, UnusableRealmError) as error:
        sys.stderr.write(printable(f"idp realm: {error}\n"))
        return 1
    except ValueError as error:  # what the sealer says of a value that does not open
        sys.stderr.write(printable(f"idp realm: The versions do not open ({error}): check secrets.master_key_files.\n"))
        return 1
    return _written(told, getattr(arguments, "output", None))


async def _done(settings: Settings, asked: Namespace) -> Told:
    outside = Outside(environment=os.environ)
    surroundings = surroundings_of(settings, os.environ)
    async with versions_beside(settings, realm=asked.realm, clock=outside.clock) as (history, stores):
        office = Office(history, stores, outside, surroundings)
        await office.undo_unconfirmed()
        return await office.serve(asked)


class Office:
    """Where one realm's history is kept for a person at a terminal."""

    def __init__(
        self, history: RealmHistory, stores: RealmStores, outside: Outside, surroundings: Surroundings
    ) -> None:
        self._history = history
        self._stores = stores
        self._outside = outside
        self._sides = Sides(history, surroundings)

    async def undo_unconfirmed(self) -> None:
        """Go back, if nobody has confirmed the present version in time: no server needs to run for that."""
        reverted = await self._history.reverted()
        if reverted is not None:
            await self._record("REALM_REVERTED", reverted)

    async def serve(self, asked: Namespace) -> Told:
        """Do what was asked."""
        match asked.action:
            case "log":
                return await self._log(asked)
            case "show":
                return await self._show(asked)
            case "draft":
                return await self._draft(asked)
            case "diff":
                return await self._diff(asked)
            case "publish":
                return await self._publish(asked)
            case "rollback":
                return await self._rollback(asked)
            case _:
                return await self._confirm(asked)

    async def _log(self, asked: Namespace) -> Told:
        rows = history_rows(
            await self._history.log(),
            await self._history.confirmations(),
            sessions=await self._stores.user_sessions.standing(),
            logins=await self._stores.authentication_sessions.standing(),
        )
        if not rows:
            raise HistoryRefusedError(f"There is no realm “{asked.realm}” in this store: no server has served it yet.")
        return Told(text=_json(rows) if asked.json else history_lines(asked.realm, rows))

    async def _show(self, asked: Namespace) -> Told:
        side = await self._sides.meant(asked.of)
        document, version = side.document, side.loaded.realm.version
        # Not in the document: a realm file has no place for it.
        sys.stderr.write(
            f"This is {version[:12]}. To publish what you make of it, and nothing else: --base {version[:12]}\n"
        )
        shown = document if asked.secrets == "included" else without_secrets(document, masked)
        return Told(text=json.dumps(shown, ensure_ascii=False, indent=2) + "\n")

    async def _draft(self, asked: Namespace) -> Told:
        if asked.remove:
            if asked.name is None or not await self._history.drop_draft(asked.name):
                raise HistoryRefusedError(f"There is no draft “{asked.name or ''}” to remove: name one with --name.")
        elif asked.file is not None:
            return await self._kept(asked)
        drafts = await self._history.drafts()
        return Told(text=_json([_draft_row(draft) for draft in drafts]) if asked.json else draft_lines(drafts))

    async def _kept(self, asked: Namespace) -> Told:
        if asked.name is None or not _DRAFT_NAME.fullmatch(asked.name):
            raise HistoryRefusedError("Name the draft with --name: letters, digits, _ . and -.")
        side, base = await self._sides.file(asked.file), await self._sides.meant(asked.base)
        author = _author(asked)
        draft = await self._history.keep_draft(
            asked.name, side.loaded.document, base=base.loaded.realm.version, author=author
        )
        detail = {"draft": draft.name, "version": draft.version, "base": draft.base, "author": author}
        await record_event(self._stores, self._outside, self._history.realm, "REALM_DRAFT_KEPT", detail)
        text = _users_line(side) + finding_lines(judged(side.loaded, live=base.loaded))
        return Told(text=f"{text}Draft {draft.name} is kept: {draft.version[:12]}, made from {draft.base[:12]}.\n")

    async def _diff(self, asked: Namespace) -> Told:
        if len(asked.sides) not in {1, 2}:
            raise HistoryRefusedError("Name one side, which is compared with live, or two.")
        before = await self._sides.meant(asked.sides[0] if len(asked.sides) > 1 else LIVE)
        return _compared(before, await self._sides.meant(asked.sides[-1]), asked)

    async def _publish(self, asked: Namespace) -> Told:
        if (asked.file is None) == (asked.draft is None):
            raise HistoryRefusedError("Name the realm file, or a draft with --draft.")
        within = _seconds(asked.confirm_within)
        side = await (self._sides.file(asked.file) if asked.file is not None else self._sides.draft(asked.draft))
        latest = await self._history.latest()
        live = None if latest is None else await self._sides.live()
        judgement = judged(side.loaded, live=None if live is None else live.loaded)
        text = _users_line(side) + finding_lines(judgement)
        if judgement.errors:
            return Told(text=f"{text}Not published: a realm with errors is never served.\n", status=1)
        if live is not None:
            text += FORMATS["text"](_difference(live, side))
        if judgement.news and not asked.accept_findings:
            return Told(text=f"{text}Not published: repair what is new, or say --accept-findings.\n", status=1)
        if asked.dry_run:
            return Told(text=f"{text}Nothing was published.\n")
        line = await self._history.publish(
            side.loaded.document, _authorship(asked), base=await self._base(asked, latest), confirm_within=within
        )
        await self._record("REALM_PUBLISHED", line)
        return Told(text=text + _published(line))

    async def _base(self, asked: Namespace, latest: Publication | None) -> str | None:
        """Return the version that the change was made from: the one named, the draft's, or what was just compared."""
        if asked.base is not None:
            return await self._history.found(asked.base)
        if asked.draft is not None:
            return (await self._history.draft(asked.draft)).base
        return None if latest is None else latest.version

    async def _rollback(self, asked: Namespace) -> Told:
        latest = await self._history.latest()
        if asked.to is None and (latest is None or latest.parent is None):
            raise HistoryRefusedError(f"The realm “{asked.realm}” has no version to go back to.")
        version = latest.parent if asked.to is None and latest is not None else await self._history.found(asked.to)
        assert version is not None, "refused above"
        side = await self._sides.version(version)
        judgement = judged(side.loaded, live=None)
        if judgement.errors:
            text = finding_lines(judgement)
            return Told(text=f"{text}Not rolled back: a realm with errors is never served.\n", status=1)
        text = await self._undone(side)
        line = await self._history.rollback(version, _authorship(asked))
        await self._record("REALM_ROLLED_BACK", line)
        return Told(text=f"{text}{asked.realm} is {version[:12]} again, as line {line.number} of its history.\n")

    async def _undone(self, side: Side) -> str:
        """Tell what going back means; a present version that cannot be read is no reason to stay with it."""
        try:
            live = await self._sides.live()
        except RealmUnreadableError:
            return ""
        return FORMATS["text"](_difference(live, side))

    async def _confirm(self, asked: Namespace) -> Told:
        author = _author(asked)
        line = await self._history.confirm(author)
        if line is None:
            raise HistoryRefusedError(f"Nothing waits to be confirmed in “{asked.realm}”.")
        await self._record("REALM_CONFIRMED", line, confirmed_by=author)
        return Told(text=f"{line.version[:12]} stays.\n")

    async def _record(self, event_type: str, line: Publication, **more: str) -> None:
        detail = {**publication_detail(line), **more}
        await record_event(self._stores, self._outside, self._history.realm, event_type, detail)


def _files_compared(asked: Namespace) -> Told:
    """Compare two files without any settings: what the vault would give is taken as given."""
    if len(asked.sides) != 1:
        raise HistoryRefusedError("Without --config, name two realm files.")
    surroundings = Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
    paths = (Path(asked.realm), Path(asked.sides[0]))
    before, after = (Side(label=str(path), loaded=load_file(path, surroundings=surroundings)) for path in paths)
    return _compared(before, after, asked)


def _compared(before: Side, after: Side, asked: Namespace) -> Told:
    found = _difference(before, after)
    return Told(text=FORMATS[asked.format](found), status=int(asked.fail_on_weaker and bool(found.weaker)))


def _difference(before: Side, after: Side) -> Difference:
    labels = (before.label, after.label)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task("Comparing what logins take", total=None)
        return difference(
            before.loaded,
            after.loaded,
            labels=labels,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )


def _published(line: Publication) -> str:
    text = (
        f"Published {line.version[:12]} as line {line.number} of the history; a running server follows in a second.\n"
    )
    if line.confirm_by is None:
        return text
    return (
        f"{text}It goes back by itself at {moment(line.confirm_by)}, unless somebody completes a login through it "
        "before, or says: idp realm confirm.\n"
    )


def _users_line(side: Side) -> str:
    if not side.users:
        return ""
    return f"The file's {side.users} users are not looked at: publishing never touches users.\n"


def _draft_row(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "version": draft.version,
        "base": draft.base,
        "author": draft.author,
        "at": draft.at,
    }


def _authorship(asked: Namespace) -> Authorship:
    reason = asked.reason.strip()
    if not reason:
        raise HistoryRefusedError("Say why, with --reason.")
    return Authorship(author=_author(asked), reason=reason)


def _author(asked: Namespace) -> str:
    named: str | None = asked.author
    author = (named if named is not None else getpass.getuser()).strip()
    if not author:
        raise HistoryRefusedError("Say who, with --author.")
    return author


def _seconds(minutes: int | None) -> int | None:
    if minutes is not None and not 1 <= minutes <= _LONGEST_MINUTES:
        raise HistoryRefusedError(f"--confirm-within is from 1 to {_LONGEST_MINUTES} minutes.")
    return None if minutes is None else minutes * _MINUTE


def _json(rows: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"


def _written(told: Told, output: Path | None) -> int:
    if output is None:
        sys.stdout.write(printable(told.text))
        return told.status
    try:
        output.write_text(told.text, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(printable(f"idp realm: {output} cannot be written: {error.strerror}.\n"))
        return 2
    return told.status
