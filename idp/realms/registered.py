"""One client more than the file has: a client that registered itself, built as the file's are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from idp.model.client import Client
from idp.model.finding import Finding, Severity
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.realms.clients.building import client_of
from idp.realms.files.placeholders import Surroundings
from idp.realms.policies.conditions import Change
from idp.realms.policies.executor import Violation
from idp.realms.policies.governing import governed, subject_of
from idp.realms.policies.tightening import tightened
from idp.realms.representation import realm as file
from idp.realms.rules import client_findings
from idp.realms.tokens.access import with_access

_PLACE = "/clients/0"
_NOTHING = Surroundings(vault=lambda _realm, _name: None, base_url="")


class Registered(Frozen, frozen=True, kw_only=True):
    """A client that registered itself: at work, as its policies wrote it, and what keeps it from being one."""

    client: Client
    representation: file.Client
    violations: tuple[Violation, ...]


def registered_client(found: file.Realm, realm: Realm, written: file.Client, change: Change) -> Registered:
    """Return the client as one of the realm. `change` is how it came here, for policies that look at that.

    The vault is out of its reach: a client that could write `${vault.…}` would be told the bank's secrets.
    """
    subject = msgspec.structs.replace(subject_of(found, written), change=change)
    result = governed(realm.client_policies, subject)
    findings: list[Finding] = []
    alone = msgspec.structs.replace(
        found,
        clients=(result.client,),
        users=(),
        groups=(),
        default_groups=(),
        scope_mappings=(),
        client_scope_mappings={},
    )
    client = tightened(client_of(alone, result.client, 0, _NOTHING, findings), result.rules)
    known = msgspec.structs.replace(realm, clients={written.client_id: client})
    client = with_access(known, alone, findings).clients[written.client_id]
    findings.extend(client_findings(result.client, client, _PLACE))
    violations = (*result.violations, *_violations(findings))
    return Registered(client=client, representation=result.client, violations=violations)


def _violations(findings: Iterable[Finding]) -> Iterator[Violation]:
    for finding in findings:
        if finding.severity is Severity.ERROR and finding.pointer.startswith(_PLACE):
            yield Violation(
                place=finding.pointer.removeprefix(_PLACE),
                problem=finding.problem,
                repair=finding.repair,
                code="invalid_redirect_uri" if finding.rule.startswith("C-REDIRECT") else "invalid_client_metadata",
            )
