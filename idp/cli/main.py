"""Arguments → one command. Errors that a person can make are one line on standard error, never a traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from idp import __version__
from idp.cli.versions.arguments import VERSION_ACTIONS, add_version_actions
from idp.model.flow_kind import FlowKind

_PIPE_CLOSED = 141
"""As shells tell of a program that SIGPIPE has ended."""
CUSTOMER_ACTIONS = {
    "show": "say what is known of an account: locks, credentials, sessions",
    "unlock": "forget the failures and locks of a user",
    "disable": "let a user do nothing any more, and end every session",
    "enable": "let a user log in again",
    "end-sessions": "end every session of a user, and tell the applications; offline tokens end too",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        status = _done(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        if parsed.command in {"serve", "demo"}:
            raise
        # Whoever read it has seen enough (`| head`). What is left in the buffer goes nowhere, also at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return status


def _done(parsed: argparse.Namespace) -> int:
    match parsed.command:
        case "serve":
            from idp.cli.serving.start import start  # noqa: PLC0415 - a command loads only what it needs

            return start(parsed.config, workers=parsed.workers)
        case "health" | "settings":
            return _of_deployment(parsed)
        case "demo":
            from idp.cli.serving.demo import demo  # noqa: PLC0415 - as above

            return demo(parsed.config, bank=parsed.bank)
        case "realm" if parsed.action == "export":
            from idp.cli.realms.export import export_realm  # noqa: PLC0415 - as above

            return export_realm(parsed)
        case "realm" if parsed.action == "import":
            from idp.cli.realms.exchange import import_realm  # noqa: PLC0415 - as above

            return import_realm(parsed)
        case "realm" if parsed.action in VERSION_ACTIONS:
            from idp.cli.versions.commands import versions  # noqa: PLC0415 - as above

            return versions(parsed)
        case "realm":
            from idp.cli.realms.check import check  # noqa: PLC0415 - as above

            return check(parsed.files, form=parsed.format, output=parsed.output, fail_on=parsed.fail_on)
        case "flow":
            from idp.cli.flows.flow import flow  # noqa: PLC0415 - as above

            return flow(parsed)
        case "explain" | "keys" | "client" | "user" | "store":
            return _beside_a_server(parsed)
        case _:
            _parser().print_help(sys.stderr)
            return 2


def _of_deployment(parsed: argparse.Namespace) -> int:
    """Run a command that needs the settings alone."""
    if parsed.command == "health":
        from idp.cli.health import health  # noqa: PLC0415 - as above

        return health(parsed.config, live=parsed.live)
    from idp.cli.settings import settings  # noqa: PLC0415 - as above

    return settings(parsed.config, form=parsed.format)


def _beside_a_server(parsed: argparse.Namespace) -> int:
    """Run a command that opens the store, whether or not a server is running."""
    match parsed.command:
        case "explain":
            from idp.cli.explain import explain  # noqa: PLC0415 - as above

            return explain(parsed)
        case "keys":
            from idp.cli.keys import keys  # noqa: PLC0415 - as above

            return keys(parsed)
        case "user" if parsed.action in {"list", "find"}:
            from idp.cli.users.directory import customers  # noqa: PLC0415 - as above

            return customers(parsed)
        case "user" if parsed.action in CUSTOMER_ACTIONS:
            from idp.cli.users.account import customer  # noqa: PLC0415 - as above

            return customer(parsed)
        case "store":
            from idp.cli.store import store  # noqa: PLC0415 - as above

            return store(parsed)
        case "user":
            from idp.cli.users.actions import user  # noqa: PLC0415 - as above

            return user(parsed)
        case _:
            from idp.cli.client import client  # noqa: PLC0415 - as above

            return client(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="idp", description="Hyrja, an OpenID Connect identity provider for banks.")
    parser.add_argument("--version", action="version", version=f"hyrja {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the provider")
    serve.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="settings, e.g. config/production.toml"
    )
    serve.add_argument("--workers", type=int, metavar="N", help="serving processes; counts before server.workers")

    health = commands.add_parser("health", help="ask the server on this machine whether it is ready")
    health.add_argument("--config", type=Path, required=True, metavar="FILE")
    health.add_argument("--live", action="store_true", help="only whether it answers")

    settings = commands.add_parser("settings", help="print every setting in force and where it comes from")
    settings.add_argument("--config", type=Path, required=True, metavar="FILE")
    settings.add_argument("--format", choices=("text", "json"), default="text")

    demo = commands.add_parser("demo", help="serve the provider and the bank's site, with demo customers")
    demo.add_argument("--config", type=Path, default=Path("config/development.toml"), metavar="FILE")
    demo.add_argument("--bank", type=Path, default=Path("examples/internet-banking/main.py"), metavar="FILE")

    realm = commands.add_parser("realm", help="work with realm files")
    actions = realm.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="print every finding of realm files, without a server")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.add_argument("--format", choices=("text", "json", "sarif", "html"), default="text", help="html: for auditors")
    check.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    check.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    check.add_argument("--fail-on", choices=("error", "warning"), default="error", help="what makes the status 1")
    _add_realm_files(actions)
    add_version_actions(actions)
    _add_flow(commands.add_parser("flow", help="find out what the flows of a realm guarantee"))
    explain = commands.add_parser("explain", help="tell what happened in the login of a reference")
    explain.add_argument("reference", metavar="REFERENCE", help="what the page showed to the person")
    explain.add_argument("--config", type=Path, required=True, metavar="FILE")
    explain.add_argument("--json", action="store_true", help="for machines")
    _add_keys(commands.add_parser("keys", help="list, rotate and disable the keys of a realm"))
    _add_client(commands.add_parser("client", help="let clients register, list and remove those that have"))
    _add_user(commands.add_parser("user", help="look after the accounts of a realm"))
    _add_store(commands.add_parser("store", help="back up, restore, check and copy the store"))
    return parser


def _add_store(store: argparse.ArgumentParser) -> None:
    actions = store.add_subparsers(dest="action", required=True, metavar="ACTION")
    backup = actions.add_parser("backup", help="write the store into a new file, also while it is served from")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--config", type=Path, required=True, metavar="FILE")
    restore = actions.add_parser("restore", help="put a backup in the place of the store, which is kept aside")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--config", type=Path, required=True, metavar="FILE")
    check = actions.add_parser("check", help="read all of it: is it whole, does it fit together, what is in it")
    check.add_argument("--config", type=Path, required=True, metavar="FILE")
    check.add_argument("--json", action="store_true", help="for machines")
    copy = actions.add_parser("copy", help="copy the store into another, empty one; goes on after an interruption")
    for side, words in (("from", "the store that is copied"), ("to", "the empty store")):
        chosen = copy.add_mutually_exclusive_group(required=True)
        chosen.add_argument(f"--{side}", dest=f"{side}_url", metavar="URL", help=f"{words}: sqlite:PATH or mongodb:…")
        chosen.add_argument(f"--{side}-config", type=Path, metavar="FILE", help="the same, as settings name it")
        copy.add_argument(f"--{side}-redis", metavar="URL", help="beside mongodb:…, the Redis that belongs to it")


def _add_user(user: argparse.ArgumentParser) -> None:
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, meaning in (
        ("list", "list users by name, a page at a time"),
        ("find", "list users by what something begins with"),
    ):
        listed = actions.add_parser(name, help=meaning)
        listed.add_argument("realm", metavar="REALM")
        if name == "find":
            words = "what a user name, address, first or last name or number begins with; in quotes, the whole"
            listed.add_argument("text", metavar="TEXT", help=words)
            listed.add_argument("--by", choices=("username", "email", "name", "phone"), help="look there alone")
            listed.add_argument("--exact", action="store_true", help="the whole text, not a beginning")
        listed.add_argument("--after", default="", metavar="PLACE", help="go on where the page before says")
        listed.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
        listed.add_argument("--config", type=Path, required=True, metavar="FILE")
        listed.add_argument("--json", action="store_true", help="for machines")
    for name, meaning in CUSTOMER_ACTIONS.items():
        one = actions.add_parser(name, help=meaning)
        one.add_argument("realm", metavar="REALM")
        one.add_argument("username", metavar="USER")
        one.add_argument("--config", type=Path, required=True, metavar="FILE")
        if name == "show":
            one.add_argument("--json", action="store_true", help="for machines")
        else:
            one.add_argument("--reason", required=True, metavar="TEXT", help="why, for those who read the events later")
    send = actions.add_parser("send-actions", help="wish required actions of a user, and say so by e-mail")
    send.add_argument("realm", metavar="REALM")
    send.add_argument("username", metavar="USER")
    send.add_argument("actions", nargs="+", metavar="REQUIRED_ACTION", help="for instance UPDATE_PASSWORD")
    send.add_argument("--client", required=True, metavar="CLIENT", help="the application that the letter leads to")
    send.add_argument("--config", type=Path, required=True, metavar="FILE")


def _add_realm_files(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = actions.add_parser("export", help="write a realm of the store as a file in Keycloak's JSON")
    export.add_argument("realm", metavar="REALM", help="its name; without --config: a realm file")
    export.add_argument("--config", type=Path, metavar="FILE")
    export.add_argument("--version", metavar="VERSION", help="another version than the live one (idp realm log)")
    export.add_argument("--users", action="store_true", help="with the users of the store")
    export.add_argument("--secrets", choices=("masked", "included"), default="masked")
    export.add_argument("--redacted", action="store_true", help="for auditors: fingerprints for secrets, no users")
    export.add_argument("--output", type=Path, metavar="FILE", help="write it there, readable by you alone")
    words = "write a folder as Keycloak does: the realm, and its users in files of so many"
    export.add_argument("--users-per-file", type=int, metavar="N", help=words)
    taken = actions.add_parser("import", help="take a realm of Keycloak, or a changed export, into the store")
    taken.add_argument("file", type=Path, metavar="FILE", help="a file with one realm or a list, or an export's folder")
    taken.add_argument("--config", type=Path, required=True, metavar="FILE")
    taken.add_argument("--realm", metavar="NAME", help="which of several realms; of one: the name it gets here")
    taken.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    taken.add_argument("--reason", metavar="TEXT", help="why, for the history")
    taken.add_argument("--author", metavar="NAME", help="who, for the history; otherwise whoever is logged in here")
    preferred = taken.add_mutually_exclusive_group()
    preferred.add_argument("--ours", action="store_true", help="where both changed something: what is live stays")
    preferred.add_argument("--theirs", action="store_true", help="where both changed something: the file counts")


def _add_flow(flow: argparse.ArgumentParser) -> None:
    actions = flow.add_subparsers(dest="action", required=True, metavar="ACTION")
    prove = actions.add_parser("prove", help="print what somebody must hold to be given each acr, without a server")
    prove.add_argument("file", type=Path, metavar="FILE", help="the realm file")
    prove.add_argument("--draft", type=Path, metavar="FILE", help="a changed file: does it give new access?")
    prove.add_argument("--json", action="store_true", help="for machines")
    prove.add_argument("--certificate", type=Path, metavar="OUT", help="write what anybody can check without us")
    prove.add_argument("--html", type=Path, metavar="OUT", help="write a page for auditors, with pictures")
    prove.add_argument(
        "--replay", type=Path, metavar="DIR", help="write a script that shows each weak set on a sandbox"
    )
    sandbox = actions.add_parser("sandbox", help="serve the flows of a realm with customers that do not exist")
    sandbox.add_argument("file", type=Path, metavar="FILE", help="the realm file")
    sandbox.add_argument("--port", type=int, default=8099, metavar="PORT", help="on this machine only (8099)")
    verify = actions.add_parser("verify", help="check a certificate against its realm file, independently")
    verify.add_argument("certificate", type=Path, metavar="CERTIFICATE")
    verify.add_argument("file", type=Path, metavar="FILE", help="the realm file")
    draw = actions.add_parser("draw", help="draw a flow as a person reads it")
    draw.add_argument("file", type=Path, metavar="FILE", help="the realm file")
    draw.add_argument("--flow", metavar="ALIAS", help="the flow; otherwise the one by which people log in")
    draw.add_argument("--client", metavar="ID", help="the flow by which people log in to this client")
    draw.add_argument("--format", choices=("svg", "mermaid"), default="svg")
    draw.add_argument("--width", choices=("page", "phone"), default="page", help="how wide the picture may be")
    draw.add_argument("--language", choices=("en", "sq", "it"), default="en", help="of the words in the picture")
    draw.add_argument("--proof", action="store_true", help="draw what the proof finds in it")
    draw.add_argument("--output", type=Path, metavar="FILE", help="write the picture there")
    _add_simulate(actions.add_parser("simulate", help="tell what a login would do, decision by decision"))


def _add_simulate(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument("file", type=Path, metavar="FILE", help="the realm file")
    simulate.add_argument("--user", metavar="NAME", help="with --config: who of the store; otherwise only a name")
    simulate.add_argument("--has", default="password", metavar="LIST", help="what they have: password,otp,phone,…")
    simulate.add_argument("--role", action="append", default=[], metavar="ROLE")
    simulate.add_argument("--attribute", action="append", default=[], metavar="NAME=VALUE")
    simulate.add_argument("--action", action="append", default=[], dest="action_due", metavar="ALIAS", help="due")
    simulate.add_argument("--client", metavar="ID")
    simulate.add_argument("--acr", default="", metavar="LIST", help="the acr_values of the request")
    simulate.add_argument("--scope", default="openid", metavar="LIST")
    simulate.add_argument("--kind", choices=[kind.value for kind in FlowKind], default=FlowKind.BROWSER.value)
    simulate.add_argument("--answers", default="", metavar="LIST", help="right, fail, or the way to choose, in order")
    simulate.add_argument("--draft", type=Path, metavar="FILE", help="a changed file: what is the first difference?")
    simulate.add_argument(
        "--config", type=Path, metavar="FILE", help="settings: take the user from the store, unchanged"
    )
    simulate.add_argument("--login", metavar="REFERENCE", help="a past login: its user, client, request and answers")
    simulate.add_argument("--json", action="store_true", help="for machines")


def _add_keys(keys: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("list", "print the keys"),
        ("rotate", "give an algorithm (or all) a new key, which signs once relying parties have had time to see it"),
        ("disable", "accept nothing any more that a key has signed"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("--config", type=Path, required=True, metavar="FILE")
        action.add_argument("--realm", required=True, metavar="NAME")
        action.add_argument("--algorithm", choices=("ES256", "RS256", "PS256", "ES384", "EdDSA", "HS256"))
        action.add_argument("--json", action="store_true", help="for machines")
        if name == "rotate":
            action.add_argument(
                "--now", action="store_true", help="the new key signs as soon as every node has it: for a leaked key"
            )
        if name == "disable":
            action.add_argument("--kid", required=True, metavar="KID")


def _add_client(client: argparse.ArgumentParser) -> None:
    actions = client.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("initial-token", "print a new initial access token: whoever has it may register clients"),
        ("list", "print the clients that registered themselves"),
        ("remove", "remove a client that registered itself; its tokens are worth nothing from then on"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("realm", metavar="REALM")
        action.add_argument("--config", type=Path, required=True, metavar="FILE")
        action.add_argument("--json", action="store_true", help="for machines")
        if name == "initial-token":
            action.add_argument("--count", type=int, default=1, metavar="N", help="registrations it is good for")
            action.add_argument("--expires", type=int, default=1, metavar="DAYS", help="days it is good for")
        if name == "remove":
            action.add_argument("client_id", metavar="CLIENT")
