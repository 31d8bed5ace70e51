"""What absent sections of a realm file mean."""

from __future__ import annotations

import pytest

from idp.flows.compiler import compile_realm
from idp.flows.tree import leaves
from idp.model.finding import Severity
from idp.model.realm import Realm
from tests.realms.documents import loaded

KEYCLOAKS = {
    "browser",
    "forms",
    "direct grant",
    "registration",
    "registration form",
    "reset credentials",
    "clients",
    "first broker login",
    "docker auth",
}


def realm(**more: object) -> Realm:
    return loaded({"realm": "r", "enabled": True, **more}).realm


def test_without_flows_a_realm_has_keycloaks_and_its_browser_login_runs() -> None:
    found = realm()
    assert found.flows.keys() >= KEYCLOAKS
    flows, findings = compile_realm(found)
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []
    steps = [leaf.authenticator for leaf in leaves(flows["browser"].root)]
    assert steps == [
        "auth-cookie",
        "identity-provider-redirector",
        "auth-username-password-form",
        "auth-otp-form",
    ]


def test_every_sub_flow_and_configuration_that_a_built_in_flow_names_is_there() -> None:
    found = realm()
    lines = [line for flow in found.flows.values() for line in flow.executions]
    assert {line.flow_alias for line in lines if line.flow_alias} <= found.flows.keys()
    assert {line.config_alias for line in lines if line.config_alias} <= found.authenticator_config.keys()


def test_a_flow_of_the_file_stands_for_the_built_in_one_of_its_name() -> None:
    line = {"authenticator": "auth-username-password-form", "requirement": "REQUIRED"}
    own = {"alias": "browser", "topLevel": True, "authenticationExecutions": [line]}
    found = realm(authenticationFlows=[own])
    assert [one.authenticator for one in found.flows["browser"].executions] == ["auth-username-password-form"]
    assert "direct grant" in found.flows


def test_the_configuration_of_the_file_stands_for_the_built_in_one_of_its_name() -> None:
    found = realm(authenticatorConfig=[{"alias": "review profile config", "config": {"a": "b"}}])
    assert found.authenticator_config["review profile config"] == {"a": "b"}


def test_without_required_actions_a_realm_has_keycloaks() -> None:
    actions = {action.alias: action for action in realm().required_actions}
    assert {"CONFIGURE_TOTP", "UPDATE_PASSWORD", "VERIFY_EMAIL", "webauthn-register"} <= actions.keys()
    assert not actions["TERMS_AND_CONDITIONS"].enabled
    assert not any(action.default_action for action in actions.values())


def test_an_empty_list_of_required_actions_is_none() -> None:
    assert realm(requiredActions=[]).required_actions == ()


@pytest.mark.parametrize("missing", ["identity-provider-redirector", "auth-spnego"])
def test_what_a_built_in_flow_has_and_this_provider_has_not_is_no_error(missing: str) -> None:
    _, findings = compile_realm(realm())
    assert not [f for f in findings if f.severity is Severity.ERROR and missing in f.problem]
