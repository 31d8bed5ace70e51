"""`clientAuthenticationFlow`: which methods a realm accepts, as Keycloak reads the flow."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.assertion import AUTHENTICATORS
from idp.model.finding import Severity
from tests.realms.documents import Change, brief, demo, findings, loaded

PLACE = "/clients/0/clientAuthenticatorType"
SECRET_ONLY = ("ALTERNATIVE", "client-secret")


def flow(*lines: tuple[str, str], alias: str = "ours") -> Change:
    """Bind a flow for clients with these executions; the first is the last to be tried."""

    def change(document: dict[str, Any]) -> None:
        document["clientAuthenticationFlow"] = alias
        executions = [
            {"requirement": requirement, "priority": 100 - position, "authenticator": authenticator}
            for position, (requirement, authenticator) in enumerate(lines)
        ]
        document["authenticationFlows"].append(
            {"alias": alias, "providerId": "client-flow", "topLevel": True, "authenticationExecutions": executions}
        )

    return change


def accepted(change: Change | None = None) -> tuple[str, ...]:
    return loaded(demo(change)).realm.client_authenticators


def at(rule: str, change: Change) -> list[tuple[str, Severity, str]]:
    return brief([finding for finding in findings(change) if finding.rule == rule])


def test_without_a_flow_of_its_own_a_realm_accepts_every_method() -> None:
    assert accepted() == AUTHENTICATORS == ("client-secret", "client-jwt", "client-secret-jwt", "client-x509")
    assert accepted(lambda d: d.update(clientAuthenticationFlow="clients")) == AUTHENTICATORS


def test_the_alternatives_that_are_enabled_are_accepted() -> None:
    assert accepted(flow(("ALTERNATIVE", "client-x509"), ("DISABLED", "client-jwt"), SECRET_ONLY)) == (
        "client-secret",
        "client-x509",
    )


def test_the_built_in_flow_may_be_written_otherwise() -> None:
    assert accepted(flow(SECRET_ONLY, alias="clients")) == ("client-secret",)


def test_the_first_required_method_stands_alone() -> None:
    lines = (("REQUIRED", "client-x509"), ("REQUIRED", "client-jwt"), SECRET_ONLY)
    assert accepted(flow(*lines)) == ("client-jwt",), "by priority, not by its place in the file"


def test_a_flow_that_is_not_there_accepts_nobody_and_keeps_the_realm_from_starting() -> None:
    def missing(document: dict[str, Any]) -> None:
        document["clientAuthenticationFlow"] = "gone"

    assert accepted(missing) == ()
    assert at("F-UNKNOWN-FLOW", missing) == [("F-UNKNOWN-FLOW", Severity.ERROR, "/clientAuthenticationFlow")]


def test_a_method_that_is_not_known_here_is_told_with_its_effect_and_accepts_nobody() -> None:
    change = flow(SECRET_ONLY, ("ALTERNATIVE", "federated-jwt"), ("DISABLED", "client-spiffe"))
    (found,) = (finding for finding in findings(change) if finding.rule == "F-UNKNOWN-STEP")
    assert found.severity is Severity.WARNING
    assert found.pointer.endswith("/authenticationExecutions/1")
    assert "refused" in found.problem
    assert accepted(change) == ("client-secret",)


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ({}, True),
        ({"publicClient": True}, True),  # as in Keycloak: it comes in by the step that would ask for a secret
        ({"enabled": False}, False),
        ({"bearerOnly": True}, False),
    ],
)
def test_a_client_that_the_realm_will_refuse_is_told(client: dict[str, Any], *, told: bool) -> None:
    def narrowed(document: dict[str, Any]) -> None:
        document["clients"] = document["clients"][:1]
        document["clients"][0].update(client)
        flow(("ALTERNATIVE", "client-jwt"))(document)

    assert at("C-AUTHENTICATOR-OFF", narrowed) == ([("C-AUTHENTICATOR-OFF", Severity.WARNING, PLACE)] if told else [])
