"""Who may register clients: Keycloak's client registration policies and our attributes, read."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.registration import CAUTIOUS, RegistrationRules, Restrictions
from idp.realms.topics.registration import AN_HOUR_ATTRIBUTE, OPEN, POLICIES
from tests.realms.documents import demo, loaded

Policy = dict[str, Any]


def policy(provider: str, kind: str = "anonymous", **config: list[str]) -> Policy:
    named = {name.replace("_", "-"): values for name, values in config.items()}
    return {"providerId": provider, "subType": kind, "name": provider, "config": named, "subComponents": {}}


def rules(*policies: Any, **attributes: str) -> tuple[RegistrationRules, set[tuple[str, str]]]:
    document = demo()
    document["components"] = {POLICIES: list(policies)} if policies else {}
    document["attributes"] = {**document["attributes"], **attributes}
    found = loaded(document)
    about = {(one.rule, one.pointer) for one in found.findings if "egistration" in one.pointer + one.problem}
    return found.realm.registration, about


def test_a_realm_without_policies_registers_by_initial_token_only_and_asks_people() -> None:
    assert rules() == (RegistrationRules(), set())
    assert not RegistrationRules().open
    assert RegistrationRules().anonymous == CAUTIOUS
    assert CAUTIOUS.consent_required
    assert not CAUTIOUS.full_scope


def test_keycloaks_policies_are_read() -> None:
    found, findings = rules(
        policy(
            "trusted-hosts",
            trusted_hosts=["10.0.0.0/8", "Apps.Bank.example", "*.bank.example"],
            host_sending_registration_request_must_match=["true"],
            client_uris_must_match=["false"],
        ),
        policy("max-clients", max_clients=["7"]),
        policy("consent-required"),
        policy("scope"),
        policy("client-disabled"),
        policy("allowed-client-templates", allowed_client_scopes=["phone"], allow_default_scopes=["false"]),
        policy("allowed-protocol-mappers", allowed_protocol_mapper_types=["oidc-full-name-mapper"]),
        policy("max-clients", "authenticated", max_clients=["9"]),
    )
    assert findings == set()
    assert found.anonymous == Restrictions(
        most_clients=7,
        trusted_hosts=("10.0.0.0/8", "apps.bank.example", "*.bank.example"),
        from_trusted_host=True,
        consent_required=True,
        full_scope=False,
        enabled=False,
        scopes=frozenset({"phone"}),
        default_scopes=False,
        mappers=frozenset({"oidc-full-name-mapper"}),
    )
    assert found.authenticated == Restrictions(most_clients=9)


def test_trusted_hosts_demand_both_unless_they_say_otherwise() -> None:
    found, _ = rules(policy("trusted-hosts", trusted_hosts=["10.0.0.1"]))
    assert found.anonymous.from_trusted_host
    assert found.anonymous.addresses_at_trusted_hosts


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (policy("no-such-policy"), "providerId"),
        (policy("max-clients", max_clients=["many"]), "config/max-clients"),
        (policy("max-clients", max_clients=["9999999"]), "config/max-clients"),
        (policy("trusted-hosts", trusted_hosts=["10.0.0.1", "https://x.example"]), "config/trusted-hosts"),
        (policy("trusted-hosts", trusted_hosts=["apps.bank.example"]), "config/trusted-hosts"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_an_error(written: Policy, place: str) -> None:
    pointer = f"/components/{POLICIES}/0/{place}"
    assert rules(written)[1] == {("R-REGISTRATION", pointer)}


@pytest.mark.parametrize("components", [{POLICIES: {}}, {POLICIES: [1]}, {POLICIES: [{"config": {}}]}])
def test_what_has_not_the_shape_of_policies_is_an_error(components: dict[str, Any]) -> None:
    document = demo()
    document["components"] = components
    assert "R-SHAPE" in {finding.rule for finding in loaded(document).findings}


def test_other_components_have_no_effect_and_are_reported() -> None:
    document = demo()
    document["components"] = {"org.keycloak.keys.KeyProvider": [{"providerId": "rsa", "config": {"secret": ["x"]}}]}
    found = [one for one in loaded(document).findings if one.pointer.startswith("/components")]
    assert [(one.rule, one.severity.value) for one in found] == [("R-UNKNOWN-KEY", "warning")]


def test_open_registration_is_a_switch_and_a_warning() -> None:
    found, findings = rules(policy("max-clients", max_clients=["5"]), **{OPEN: "true", AN_HOUR_ATTRIBUTE: "1000"})
    assert found.open
    assert found.an_hour == 1000
    assert findings == {
        ("R-REGISTRATION-OPEN", f"/attributes/{OPEN}"),
        ("R-REGISTRATION-CONSENT", f"/attributes/{OPEN}"),
    }
    assert rules(**{OPEN: "true"})[1] == {("R-REGISTRATION-OPEN", f"/attributes/{OPEN}")}


@pytest.mark.parametrize("text", ["-1", "ten", "1.5", "99999999"])
def test_registrations_in_an_hour_are_a_number(text: str) -> None:
    assert rules(**{AN_HOUR_ATTRIBUTE: text})[1] == {("R-REGISTRATION", f"/attributes/{AN_HOUR_ATTRIBUTE}")}
