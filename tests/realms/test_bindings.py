"""The table of the kinds of flows, against the realm file's own keys."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.flows.facts import FACTS
from idp.flows.registry import CONDITIONS
from idp.model.flow_kind import BINDINGS, FlowKind
from idp.realms.representation import realm as file
from tests.flows.bench import demo_realm

KEYS = {field.encode_name for field in msgspec.structs.fields(file.Realm)}


def test_every_kind_has_its_line() -> None:
    assert BINDINGS.keys() == set(FlowKind)


@pytest.mark.parametrize("kind", FlowKind)
def test_a_kind_is_bound_and_switched_by_keys_that_are_read(kind: FlowKind) -> None:
    binding = BINDINGS[kind]
    assert binding.in_attributes or binding.realm_key in KEYS
    assert binding.switch in {"", *KEYS}
    assert binding.client_switch in {"", *(field.encode_name for field in msgspec.structs.fields(file.Client))}


OTHER_PROVIDER: dict[str, Any] = {
    "alias": "other",
    "providerId": "oidc",
    "enabled": True,
    "config": {
        "issuer": "https://other.example",
        "clientId": "bank",
        "clientSecret": "a-secret-of-some-length",
        "authorizationUrl": "https://other.example/auth",
        "tokenUrl": "https://other.example/token",
        "jwksUrl": "https://other.example/certs",
    },
}
SWITCHED_ON: dict[str, Any] = {"identityProviders": [OTHER_PROVIDER]}


@pytest.mark.parametrize("kind", FlowKind)
def test_a_flow_is_bound_by_its_key(kind: FlowKind) -> None:
    binding = BINDINGS[kind]

    def edit(found: dict[str, Any]) -> None:
        place = found["attributes"] if binding.in_attributes else found
        place[binding.realm_key] = "bank login"
        if binding.switch:
            found[binding.switch] = SWITCHED_ON.get(binding.switch, True)
        if binding.client_switch:
            found["clients"][0][binding.client_switch] = True

    assert demo_realm(edit).bindings[kind.value] == "bank login"


@pytest.mark.parametrize("change", [{"enabled": False}, {"providerId": "saml"}, {"config": {}}])
def test_no_flow_is_bound_for_who_comes_from_a_provider_that_nobody_can_come_from(change: dict[str, Any]) -> None:
    def edit(found: dict[str, Any]) -> None:
        found["identityProviders"] = [{**OTHER_PROVIDER, **change}]

    assert FlowKind.FIRST_BROKER_LOGIN.value not in demo_realm(edit).bindings


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_depends_on_facts_that_there_are(name: str) -> None:
    assert CONDITIONS[name].depends_on <= FACTS
    assert CONDITIONS[name].depends_on
