"""What an import of a foreign realm sets aside: single parts that cannot run here do not keep the rest from running.

A realm *file* with an error does not start, so that a bank's own mistake is found at once. A realm of a Keycloak that
works must come along whole, although a client of it has an address that no bank would register: the document is kept as
it is, the part is not served, and every report says so.
"""

from __future__ import annotations

import re

import msgspec

from idp.model.finding import Finding, Severity
from idp.realms.loading import LoadedRealm

_PART = re.compile(r"/(clients|requiredActions|users|components)(?:/([0-9]+))?(?=/|\Z)")
_OF_THIS_PLACE = frozenset({"C-VAULT", "R-ENVIRONMENT"})
"""What is missing on this machine is no fault of the realm: to run without it here, and with it there, would be two."""

_SAID = {
    "clients": "This client is not served.",
    "requiredActions": "This action is switched off.",
    "users": "This user does not arrive, or arrives without it.",
    "components": "It admits nobody.",
}


def with_parts_set_aside(loaded: LoadedRealm) -> LoadedRealm:
    """Return the realm without the parts that have errors, and the findings saying so instead of refusing it."""
    aside = {finding: part for finding in loaded.findings if (part := _part(finding)) is not None}
    if not aside:
        return loaded
    clients = {position for kind, position in aside.values() if kind == "clients"}
    names = {loaded.representation.clients[position].client_id for position in clients}
    actions = {f"/requiredActions/{position}" for kind, position in aside.values() if kind == "requiredActions"}
    realm = msgspec.structs.replace(
        loaded.realm,
        clients={
            name: msgspec.structs.replace(client, enabled=False) if name in names else client
            for name, client in loaded.realm.clients.items()
        },
        required_actions=tuple(
            msgspec.structs.replace(setting, enabled=False) if setting.pointer in actions else setting
            for setting in loaded.realm.required_actions
        ),
    )
    findings = tuple(_said(finding, aside[finding][0]) if finding in aside else finding for finding in loaded.findings)
    return msgspec.structs.replace(loaded, realm=realm, findings=findings)


def _part(finding: Finding) -> tuple[str, int] | None:
    if finding.severity is not Severity.ERROR or finding.rule in _OF_THIS_PLACE:
        return None
    found = _PART.match(finding.pointer)
    if found is None or (found.group(2) is None and found.group(1) != "components"):
        return None
    return found.group(1), int(found.group(2) or -1)


def _said(finding: Finding, kind: str) -> Finding:
    problem = f"{finding.problem} {_SAID[kind]}"
    return msgspec.structs.replace(finding, severity=Severity.WARNING, problem=problem)
