"""`idp flow …`: what the flows of a realm file look like and guarantee, without a server.

`idp flow verify CERTIFICATE FILE` has the independent checker look at what a proof wrote down.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from idp.assurance.certificate import checker
from idp.assurance.certificate.certificate import certificate
from idp.assurance.certificate.vocabulary import NotCertifiableError
from idp.assurance.prover import Proof, Proved, explore, new_access
from idp.assurance.replay.scripts import scripts
from idp.assurance.report import compared, told
from idp.cli.flows.draw import draw, written
from idp.cli.flows.sandbox import serve_sandbox
from idp.cli.flows.simulate import simulated
from idp.cli.realms.files import read_draft, read_realm
from idp.cli.reports.proof_page import proof_text
from idp.cli.terminal import printable
from idp.flows.assembly import UnusableRealmError
from idp.realms.files.documents import documents, only
from idp.realms.loading import LoadedRealm, RealmUnreadableError


def flow(arguments: argparse.Namespace) -> int:
    """Run `idp flow`."""
    match arguments.action:
        case "draw":
            return draw(arguments)
        case "simulate":
            return simulated(arguments)
        case "verify":
            return checker.main([str(arguments.certificate), str(arguments.file)])
        case "sandbox":
            return serve_sandbox(arguments.file, port=arguments.port)
        case _:
            return _prove(arguments)


def _prove(arguments: argparse.Namespace) -> int:
    """Print the proof; return 1 if something was found against the realm, 2 if there is nothing to prove."""
    try:
        explored = _explored(read_realm(arguments.file), arguments.file)
        drafted = _drafted(arguments.draft, arguments.file) if arguments.draft is not None else None
        live, draft = explored.proof, drafted.proof if drafted is not None else None
        if arguments.certificate is not None or arguments.replay is not None:
            # What was proved last is what somebody wants to publish, and to show: the draft, where there is one. A
            # certificate and a script speak of the file alone, with the customers that it has by itself.
            shown = arguments.draft or arguments.file
            alone = explored if drafted is None else _explored(read_realm(shown), shown)
            _write(alone, shown, arguments)
        if arguments.html is not None and written(_page(explored, drafted), arguments.html):
            return 2
    except (RealmUnreadableError, UnusableRealmError) as error:
        sys.stderr.write(printable(f"idp: nothing to prove: {error}\n"))
        return 2
    except NotCertifiableError as error:
        sys.stderr.write(printable(f"idp: no certificate: {error}\n"))
        return 2
    if arguments.json:
        _write_json(live, draft)
    else:
        text = told(live) if draft is None else "\n".join((told(draft), compared(live, draft)))
        sys.stdout.write(printable(text))
    judged = live if draft is None else draft
    return int(not judged.holds or (draft is not None and bool(new_access(live, draft))))


def _page(explored: Proved, drafted: Proved | None) -> str:
    return proof_text(explored) if drafted is None else proof_text(drafted, explored.proof)


def _drafted(draft: Path, live: Path) -> Proved:
    """Explore a draft with the customers whom it will have: a file without users keeps those of the live realm."""
    return _explored(read_draft(draft, live), draft)


def _explored(loaded: LoadedRealm, path: Path) -> Proved:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(f"Exploring {path.name}", total=None)
        return explore(loaded, lambda done, total: shown.update(task, completed=done, total=total))


def _write(proved: Proved, file: Path, arguments: argparse.Namespace) -> None:
    if arguments.certificate is not None:
        _write_certificate(proved, file, arguments.certificate)
    if arguments.replay is not None:
        _write_scripts(proved, file, arguments.replay)


def _write_certificate(proved: Proved, file: Path, path: Path) -> None:
    made = certificate(proved, only(documents(file)))
    path.write_text(json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def _write_scripts(proved: Proved, file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for script in scripts(proved, only(documents(file))):
        if script.source:
            (folder / script.name).write_text(script.source, encoding="utf-8")
            sys.stderr.write(printable(f"{folder / script.name}\n"))
        else:
            sys.stderr.write(printable(f"no {script.name}: {script.why_not}\n"))


def _write_json(live: Proof, draft: Proof | None) -> None:
    document: Any = live if draft is None else {"live": live, "draft": draft, "new": new_access(live, draft)}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
