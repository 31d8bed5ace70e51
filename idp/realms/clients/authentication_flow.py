"""By which methods clients may prove themselves at all: Keycloak's `clientAuthenticationFlow` (keycloak.md 2.12).

The flow is never walked: a client proves itself by the one method that it is registered with. It says which methods
the realm accepts, as in Keycloak: the first REQUIRED execution alone, else all that are ALTERNATIVE.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.model.clients.assertion import AUTHENTICATORS, ClientAuthenticator
from idp.model.finding import Finding, Severity
from idp.model.flow import Flow, FlowExecution, Requirement
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

_POINTER = "/clientAuthenticationFlow"
_REPAIR = f"Use one of: {', '.join(AUTHENTICATORS)}; or disable it."


def accepted_authenticators(
    found: file.Realm, flows: Mapping[str, Flow], findings: list[Finding]
) -> tuple[ClientAuthenticator, ...]:
    """Return the methods that the realm accepts; none, where the flow is not there."""
    flow = flows.get(found.client_authentication_flow)
    if flow is None:
        problem = f"There is no flow “{found.client_authentication_flow}”: no client could prove itself."
        findings.append(error("F-UNKNOWN-FLOW", _POINTER, problem, "Add it, or name another one."))
        return ()
    enabled = _enabled(flow)
    for line in enabled:
        if line.authenticator not in AUTHENTICATORS:
            what = f"“{line.authenticator or line.flow_alias}”"
            problem = f"Clients cannot prove themselves by {what} here; whoever did in Keycloak is refused."
            findings.append(warning("F-UNKNOWN-STEP", line.pointer, problem, _REPAIR))
    named = {line.authenticator for line in enabled}
    return tuple(known for known in AUTHENTICATORS if known in named)


def unaccepted_findings(found: file.Realm, accepted: tuple[ClientAuthenticator, ...]) -> list[Finding]:
    """Return a finding for each client that the realm will refuse."""
    return [
        Finding(
            rule="C-AUTHENTICATOR-OFF",
            severity=Severity.WARNING,
            pointer=f"/clients/{position}/clientAuthenticatorType",
            problem=f"“{client.client_id}” is refused: {_POINTER[1:]} has no enabled “{method}”.",
            repair="Enable it in that flow, or let the client prove itself by another method.",
        )
        for position, client in enumerate(found.clients)
        if client.enabled
        and not client.bearer_only
        and (method := _method(client)) in AUTHENTICATORS
        and method not in accepted
    ]


def _method(client: file.Client) -> str:
    # As in Keycloak, a client without credentials comes in by the step that would ask for a secret.
    return "client-secret" if client.public_client else client.client_authenticator_type


def _enabled(flow: Flow) -> list[FlowExecution]:
    lines = sorted(flow.executions, key=lambda line: line.priority)
    required = [line for line in lines if line.requirement is Requirement.REQUIRED]
    return required[:1] or [line for line in lines if line.requirement is Requirement.ALTERNATIVE]
