"""What can be said to `idp realm` about versions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

VERSION_ACTIONS = frozenset({"log", "show", "draft", "diff", "publish", "rollback", "confirm"})
_SIDE = "live, a version (the beginning of its id), draft:NAME, or a realm file"


def add_version_actions(actions: Any) -> None:
    """Add the sub-commands."""
    log = _action(actions, "log", "print every version: when, by whom, why, and who still stands on it")
    log.add_argument("--json", action="store_true", help="for machines")

    show = _action(actions, "show", "print the realm file of a version, without users, secrets masked")
    show.add_argument("of", nargs="?", default="live", metavar="VERSION", help=_SIDE)
    show.add_argument("--secrets", choices=("masked", "included"), default="masked")
    show.add_argument("--output", type=Path, metavar="FILE", help="write it there")

    draft = _action(actions, "draft", "keep a realm file as a draft, or list the drafts")
    draft.add_argument("file", nargs="?", type=Path, metavar="FILE")
    draft.add_argument("--name", metavar="NAME", help="what the draft is called")
    draft.add_argument("--base", default="live", metavar="VERSION", help="the version that the file was made from")
    draft.add_argument("--author", metavar="NAME", help="who made it (the user of this machine)")
    draft.add_argument("--remove", action="store_true", help="remove the draft of that name")
    draft.add_argument("--json", action="store_true", help="for machines")

    diff = actions.add_parser("diff", help="tell what a change means: weaker, stronger, or neither")
    diff.add_argument("realm", metavar="REALM", help="its name, with --config; without, the first of two realm files")
    diff.add_argument("sides", nargs="*", metavar="SIDE", help=f"one (against live) or two: {_SIDE}")
    diff.add_argument("--config", type=Path, metavar="FILE", help="settings; two files are compared without them")
    diff.add_argument("--format", choices=("text", "json", "html"), default="text", help="html: for auditors")
    diff.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    diff.add_argument("--fail-on-weaker", action="store_true", help="status 1 if something becomes weaker")

    publish = _action(actions, "publish", "make a realm file or a draft the present version")
    publish.add_argument("file", nargs="?", type=Path, metavar="FILE")
    publish.add_argument("--draft", metavar="NAME", help="publish this draft instead of a file")
    publish.add_argument("--base", metavar="VERSION", help="refuse, unless this is the present version still")
    publish.add_argument("--accept-findings", action="store_true", help="publish although there are new warnings")
    publish.add_argument("--dry-run", action="store_true", help="check and compare, and publish nothing")
    publish.add_argument(
        "--confirm-within",
        type=int,
        metavar="MINUTES",
        help="go back by itself, unless somebody completes a login through the new version in time",
    )
    _signed(publish)

    rollback = _action(actions, "rollback", "go back to a version")
    rollback.add_argument("to", nargs="?", metavar="VERSION", help="the one before the present one, if none is named")
    _signed(rollback)

    confirm = _action(actions, "confirm", "let a version stay that waits to be confirmed")
    confirm.add_argument("--author", metavar="NAME", help="who confirms it (the user of this machine)")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=text)
    action.add_argument("realm", metavar="REALM")
    action.add_argument("--config", type=Path, required=True, metavar="FILE")
    return action


def _signed(action: argparse.ArgumentParser) -> None:
    action.add_argument("--reason", required=True, metavar="TEXT", help="why, for those who read the log later")
    action.add_argument("--author", metavar="NAME", help="who does it (the user of this machine)")
