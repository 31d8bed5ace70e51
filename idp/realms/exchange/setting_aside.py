"""What an import of a foreign realm sets aside: single parts that cannot run here do not keep the rest from running.

A realm *file* with an error does not start, so that a bank's own mistake is found at once. A realm of a Keycloak that
works must come along whole, although a client of it has an address that no bank would register: the document is kept as
it is, the part is not served, and every report says so.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from idp.model.client import Client
from idp.model.finding import Finding, Severity
from idp.realms.loading import LoadedRealm, errors
from idp.realms.users.seeds import admitted

_PART = re.compile(r"/(clients|requiredActions|users|components)(?:/([0-9]+))?(?=/|\Z)")
_ADDRESS = re.compile(r"/clients/([0-9]+)/redirectUris(?:/([0-9]+))?")
_OF_THIS_PLACE = frozenset({"C-VAULT", "R-ENVIRONMENT"})
"""What is missing on this machine is no fault of the realm: to run without it here, and with it there, would be two."""

_STRICTER = frozenset({"R-OTP-REUSE"})
"""What this provider does more strictly than the file says, whatever it says."""

_SAID = {
    "clients": "This client is not served.",
    "requiredActions": "This action is switched off.",
    "users": "This user does not arrive, or arrives without it.",
    "components": "It admits nobody.",
}


def with_parts_set_aside(loaded: LoadedRealm) -> LoadedRealm:
    """Return the realm without the parts that have errors, and the findings saying so instead of refusing it."""
    aside = {finding: part for finding in loaded.findings if (part := _part(finding)) is not None}
    if not aside and not any(finding.rule in _STRICTER for finding in errors(loaded.findings)):
        return loaded
    names = {
        _client_id(loaded, finding, position)
        for finding, (kind, position) in aside.items()
        if kind == "clients" and _address(finding) is None
    }
    refused = _refused_addresses(loaded, aside)
    actions = {f"/requiredActions/{position}" for kind, position in aside.values() if kind == "requiredActions"}
    wordless = any(finding.rule == "R-TERMS" for finding in aside)
    realm = msgspec.structs.replace(
        loaded.realm,
        clients={
            name: msgspec.structs.replace(client, enabled=False) if name in names else _without(client, refused[name])
            for name, client in loaded.realm.clients.items()
        },
        required_actions=tuple(
            msgspec.structs.replace(setting, enabled=False)
            if setting.pointer in actions or (wordless and setting.alias == "TERMS_AND_CONDITIONS")
            else setting
            for setting in loaded.realm.required_actions
        ),
    )
    findings = tuple(
        _said(finding, aside[finding][0]) if finding in aside else _as_warning(finding) for finding in loaded.findings
    )
    users = admitted(loaded.users, tuple(aside))
    return msgspec.structs.replace(loaded, realm=realm, users=users, findings=findings)


def _client_id(loaded: LoadedRealm, finding: Finding, position: int) -> str | None:
    """Return which client a finding is about; None if it could not be read, so that there is none.

    Rules count the clients that could be read; what is said of their shape counts all that stand in the file.
    """
    if finding.rule != "R-SHAPE":
        return loaded.representation.clients[position].client_id
    written = json.loads(loaded.document)["clients"][position]
    client_id = written.get("clientId") if isinstance(written, dict) else None
    return client_id if isinstance(client_id, str) else None


def _refused_addresses(loaded: LoadedRealm, aside: Iterable[Finding]) -> Mapping[str, frozenset[str]]:
    """Return for each client the addresses that are not taken; it is served with the others."""
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for finding in aside:
        place = _address(finding)
        if place is not None and place[1] is not None:
            name = loaded.representation.clients[place[0]].client_id
            found[name] |= {loaded.realm.clients[name].redirect_uris[place[1]]}
    return found


def _address(finding: Finding) -> tuple[int, int | None] | None:
    """Return client and place of an address that is refused; no place if there is no address at all."""
    found = _ADDRESS.fullmatch(finding.pointer) if finding.rule.startswith("C-REDIRECT") else None
    return None if found is None else (int(found.group(1)), int(found.group(2)) if found.group(2) else None)


def _without(client: Client, refused: frozenset[str]) -> Client:
    if not refused:
        return client
    return msgspec.structs.replace(
        client,
        redirect_uris=tuple(address for address in client.redirect_uris if address not in refused),
        post_logout_redirect_uris=tuple(a for a in client.post_logout_redirect_uris if a not in refused),
    )


def _part(finding: Finding) -> tuple[str, int] | None:
    if finding.severity is not Severity.ERROR or finding.rule in _OF_THIS_PLACE:
        return None
    if finding.rule == "R-TERMS":
        return "requiredActions", -1  # Keycloak has the words in a theme, which no file brings along
    found = _PART.match(finding.pointer)
    if found is None or (found.group(2) is None and found.group(1) != "components"):
        return None
    return found.group(1), int(found.group(2) or -1)


def _as_warning(finding: Finding) -> Finding:
    if finding.rule not in _STRICTER:
        return finding
    return msgspec.structs.replace(finding, severity=Severity.WARNING)


def _said(finding: Finding, kind: str) -> Finding:
    place, said = _address(finding), _SAID[kind]
    if place is not None:
        said = "Nobody logs in for it." if place[1] is None else "Nobody is sent there."
    problem = f"{finding.problem} {said}"
    return msgspec.structs.replace(finding, severity=Severity.WARNING, problem=problem)
