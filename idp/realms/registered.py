"""One client more than the file has: a client that registered itself, built as the file's are."""

from __future__ import annotations

import msgspec

from idp.model.client import Client
from idp.model.finding import Finding, Severity
from idp.model.realm import Realm
from idp.realms import representation as file
from idp.realms.access import with_access
from idp.realms.clients import client_of
from idp.realms.rules import client_findings


def registered_client(
    found: file.Realm, realm: Realm, written: file.Client
) -> tuple[Client, tuple[Finding, ...]]:
    """Return the client as one of the realm, and what is wrong with it.

    The vault is out of its reach: a client that could write `${vault.…}` would be told the bank's secrets.
    """
    findings: list[Finding] = []
    alone = msgspec.structs.replace(
        found, clients=(written,), users=(), groups=(), default_groups=(), scope_mappings=(), client_scope_mappings={}
    )
    client = client_of(alone, written, 0, lambda _realm, _name: None, findings)
    known = msgspec.structs.replace(realm, clients={written.client_id: client})
    built = with_access(known, alone, findings).clients[written.client_id]
    findings.extend(client_findings(written, built, "/clients/0"))
    return built, tuple(finding for finding in findings if _is_about_it(finding))


def _is_about_it(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR and finding.pointer.startswith("/clients/0")
