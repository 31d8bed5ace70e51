"""`idp flow draw FILE`: a flow as a person reads it, as SVG or Mermaid text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from msgspec.structs import replace

from idp.assurance.pictures.blocks import Picture
from idp.assurance.pictures.mermaid import mermaid
from idp.assurance.pictures.proved import with_proof
from idp.assurance.pictures.reading import read
from idp.assurance.pictures.svg import PAGE, PHONE, svg
from idp.assurance.prover import prove
from idp.assurance.untouched import no_services
from idp.cli.realms.files import read_realm
from idp.cli.terminal import printable
from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.model.flow_kind import BINDINGS, FlowKind
from idp.model.realm import Realm
from idp.realms.loading import LoadedRealm, RealmUnreadableError
from idp.web.flow_words import FlowWords

ROOM = {"page": PAGE, "phone": PHONE}


class UndrawableError(Exception):
    """There is no such flow or client."""


def draw(arguments: argparse.Namespace) -> int:
    """Write the picture; return 2 if there is nothing to draw."""
    words = FlowWords(arguments.language)
    try:
        loaded = read_realm(arguments.file)
        picture = drawn(loaded, words, alias=arguments.flow, client_id=arguments.client)
        if arguments.proof:
            picture = with_proof(picture, prove(loaded), words)
    except (RealmUnreadableError, UnusableRealmError, UndrawableError) as error:
        sys.stderr.write(printable(f"idp: nothing to draw: {error}\n"))
        return 2
    text = mermaid(picture) if arguments.format == "mermaid" else svg(picture, words, room=ROOM[arguments.width])
    return written(text, arguments.output)


def drawn(loaded: LoadedRealm, words: FlowWords, *, alias: str | None, client_id: str | None = None) -> Picture:
    """Read a flow as a picture: the one named, or the one by which a client (or the realm) logs people in.

    Raises:
        UndrawableError: there is no such flow or client.
        UnusableRealmError: the flows of the file do not compile.

    """
    realm = loaded.realm
    if client_id is not None and client_id not in realm.clients:
        raise UndrawableError(f"there is no client “{client_id}”; there are: {', '.join(sorted(realm.clients))}.")
    if client_id is not None and alias is None:
        alias = realm.clients[client_id].flow_bindings.get(FlowKind.BROWSER.value)
    alias = alias or realm.bindings.get(FlowKind.BROWSER.value)
    if alias is None or alias not in realm.flows:
        known = ", ".join(f"“{name}”" for name, flow in realm.flows.items() if flow.top_level)
        raise UndrawableError(f"there is no flow “{alias}”; there are: {known}.")
    kind, of_client = bound_to(realm, alias)
    if kind is not None:
        assembled = AssembledRealm(realm, no_services())
        return read(assembled, assembled.flows[alias], words, kind=kind, client=client_id or of_client)
    # What is bound nowhere is looked at as what Keycloak's flow of that name is for, or as a login.
    kind = next((kind for kind, binding in BINDINGS.items() if binding.default == alias), FlowKind.BROWSER)
    assembled = AssembledRealm(replace(realm, bindings={**realm.bindings, kind.value: alias}), no_services())
    return read(assembled, assembled.flows[alias], words, kind=kind, is_bound=False)


def bound_to(realm: Realm, alias: str) -> tuple[FlowKind | None, str]:
    """Return what a flow is for: the realm's own binding, or that of the first client that overrides it by name."""
    for kind, bound in realm.bindings.items():
        if bound == alias:
            return FlowKind(kind), ""
    for client in realm.every_client:
        for kind, bound in client.flow_bindings.items():
            if bound == alias:
                return FlowKind(kind), client.client_id
    return None, ""


def written(text: str, output: Path | None) -> int:
    """Write to a file or to standard output; return 2 if the file cannot be written."""
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"idp: {output} cannot be written: {error.strerror}.\n")
        return 2
    return 0
