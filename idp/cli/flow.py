"""`idp flow prove FILE`: what somebody must hold to be given each acr of a realm, without a server."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from idp.assurance.prover import Proof, new_access, prove
from idp.assurance.report import compared, told
from idp.cli.terminal import printable
from idp.flows.assembly import UnusableRealmError
from idp.realms.loading import LoadedRealm, RealmUnreadableError, load_file
from idp.realms.placeholders import Surroundings

_UNCHECKED_SECRET = "a secret of the vault, which a proof does not open"  # noqa: S105 - stands in for one


def flow(arguments: argparse.Namespace) -> int:
    """Run `idp flow`; return 1 if something was found against the realm, 2 if there is nothing to prove."""
    try:
        live = _proved(arguments.file)
        draft = _proved(arguments.draft) if arguments.draft is not None else None
    except (RealmUnreadableError, UnusableRealmError) as error:
        sys.stderr.write(printable(f"idp: nothing to prove: {error}\n"))
        return 2
    if arguments.json:
        _write_json(live, draft)
    else:
        text = told(live) if draft is None else "\n".join((told(draft), compared(live, draft)))
        sys.stdout.write(printable(text))
    judged = live if draft is None else draft
    return int(not judged.holds or (draft is not None and bool(new_access(live, draft))))


def _proved(path: Path) -> Proof:
    loaded = _loaded(path)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(f"Exploring {path.name}", total=None)
        return prove(loaded, lambda done, total: shown.update(task, completed=done, total=total))


def _loaded(path: Path) -> LoadedRealm:
    surroundings = Surroundings(vault=lambda _realm, _key: _UNCHECKED_SECRET, environment=os.environ)
    return load_file(path, surroundings=surroundings)


def _write_json(live: Proof, draft: Proof | None) -> None:
    document: Any = live if draft is None else {"live": live, "draft": draft, "new": new_access(live, draft)}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
