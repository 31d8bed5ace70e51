"""A realm that was imported, as far as it can run here: what `idp.realms.exchange.setting_aside` does, for flows too.

The flow by which the realm's people log in must run, or the realm does not. A flow of another kind that cannot run is
not bound, so that nobody comes through it; a client whose own flow cannot run is not served.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from idp.flows.compiler import compile_realm
from idp.model.client import Client
from idp.model.finding import Finding, Severity
from idp.model.flow import FlowExecution, Requirement
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.realms.exchange.setting_aside import with_parts_set_aside
from idp.realms.loading import LoadedRealm, errors

_NOT_BOUND = "This flow is not run."
_NOT_SERVED = "The client that has this flow of its own is not served."


def runnable(loaded: LoadedRealm) -> LoadedRealm:
    """Return the realm without the parts that cannot run, each with a finding; without errors it is as it was."""
    loaded = _with_required_steps(with_parts_set_aside(loaded))
    realm = loaded.realm
    if not _errors(realm):
        return loaded
    alone = msgspec.structs.replace(realm, bindings={}, clients={}, registered={}, required_actions=())
    kinds = {
        kind: found
        for kind, alias in realm.bindings.items()
        if kind != FlowKind.BROWSER.value and (found := _errors(msgspec.structs.replace(alone, bindings={kind: alias})))
    }
    clients = {
        name: found
        for name, client in realm.clients.items()
        if client.flow_bindings and (found := _errors(msgspec.structs.replace(alone, clients={name: client})))
    }
    said = [*_said(kinds.values(), _NOT_BOUND), *_said(clients.values(), _NOT_SERVED)]
    return msgspec.structs.replace(
        loaded,
        realm=msgspec.structs.replace(
            realm,
            bindings={kind: alias for kind, alias in realm.bindings.items() if kind not in kinds},
            clients={
                name: _switched_off(client) if name in clients else client for name, client in realm.clients.items()
            },
        ),
        findings=(*loaded.findings, *said),
    )


def _with_required_steps(loaded: LoadedRealm) -> LoadedRealm:
    """Run a step that is CONDITIONAL as REQUIRED, which is what Keycloak does with it: only sub-flows have conditions.

    Keycloak says nothing of it; here it is told, and in a file of one's own it is an error.
    """
    odd = [flow for flow in loaded.realm.flows.values() if any(map(_is_odd, flow.executions))]
    if not odd:
        return loaded
    mended = {
        flow.alias: msgspec.structs.replace(
            flow,
            executions=tuple(
                msgspec.structs.replace(line, requirement=Requirement.REQUIRED) if _is_odd(line) else line
                for line in flow.executions
            ),
        )
        for flow in odd
    }
    said = tuple(
        Finding(
            rule="F-CONDITIONAL-STEP",
            severity=Severity.WARNING,
            pointer=line.pointer,
            problem=f"{line.authenticator} is CONDITIONAL, and only a sub-flow can be: it runs as REQUIRED.",
            repair="Write REQUIRED, or put it into a sub-flow with a condition.",
        )
        for flow in odd
        for line in flow.executions
        if _is_odd(line)
    )
    realm = msgspec.structs.replace(loaded.realm, flows={**loaded.realm.flows, **mended})
    return msgspec.structs.replace(loaded, realm=realm, findings=(*loaded.findings, *said))


def _is_odd(line: FlowExecution) -> bool:
    return line.requirement is Requirement.CONDITIONAL and line.flow_alias is None


def _switched_off(client: Client) -> Client:
    return msgspec.structs.replace(client, enabled=False, flow_bindings={})


def _errors(realm: Realm) -> tuple[Finding, ...]:
    return errors(tuple(compile_realm(realm)[1]))


def _said(found: Iterable[tuple[Finding, ...]], what: str) -> Iterable[Finding]:
    for finding in dict.fromkeys(one for findings in found for one in findings):
        yield msgspec.structs.replace(finding, severity=Severity.WARNING, problem=f"{finding.problem} {what}")
