"""Which clients a policy is about."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.realms.policies.conditions import CONDITIONS, Change, Subject, applies
from idp.realms.representation import realm as file

CLIENT = file.Client(client_id="banking", attributes={"fapi": "2", "segment": "business"})
SUBJECT = Subject(
    client=CLIENT,
    roles=frozenset({"payments"}),
    default_scopes=frozenset({"profile"}),
    optional_scopes=frozenset({"payments"}),
)
ROWS = '[{"key": "fapi", "value": "2"}, {"key": "segment", "value": "business"}]'
ANONYMOUS = Change(context="ByAnonymous", address="192.0.2.7")


def policy(*conditions: tuple[str, dict[str, Any]], mode: Any = "DEFAULT") -> ClientPolicy:
    parts = tuple(PolicyPart(name=name, configuration=configuration) for name, configuration in conditions)
    return ClientPolicy(name="the policy", mode=mode, conditions=parts)


CASES: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("any-client", {}, None),
    ("client-access-type", {"type": ["confidential"]}, {"type": ["public", "bearer-only"]}),
    ("client-attributes", {"attributes": ROWS}, {"attributes": '[{"key": "fapi", "value": "1"}]'}),
    ("client-attributes", {"attributes": [{"key": "fapi", "value": "2"}]}, {"attributes": []}),
    ("client-attributes", {"attributes": {"fapi": "2"}}, {"attributes": {"fapi": "2", "segment": "personal"}}),
    ("client-attributes", {"attributes": ROWS}, {"attributes": "[" * 10_000}),
    ("client-attributes", {"attributes": ROWS}, {"attributes": '[{"key": "fapi", "value": 2}]'}),
    ("client-roles", {"roles": ["admin", "payments"]}, {"roles": ["admin"]}),
    ("client-scopes", {"type": "Optional", "scopes": ["payments"]}, {"type": "Optional", "scopes": ["profile"]}),
    ("client-scopes", {"type": "Default", "scopes": ["profile"]}, {"type": "Default", "scopes": ["payments"]}),
    ("client-scopes", {"type": "Any", "scopes": ["profile"]}, {"type": "Any", "scopes": ["address"]}),
    ("client-type", {"protocol": "openid-connect"}, {"protocol": "saml"}),
    ("clients", {"clients": ["banking"]}, {"clients": ["other"]}),
    ("grant-type", {"grant_types": ["authorization_code"]}, {"grant_types": ["password"]}),
    ("grant-type", {"grant_types": ["refresh_token"]}, {"grant_types": ["urn:openid:params:grant-type:ciba"]}),
    ("acr-condition", {"acr-property": "gold"}, None),
]


@pytest.mark.parametrize(("name", "meant", "other"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)])
def test_a_condition_names_its_clients_and_no_others(
    name: str, meant: dict[str, Any], other: dict[str, Any] | None
) -> None:
    assert applies(policy((name, meant)), SUBJECT)
    assert other is None or not applies(policy((name, other)), SUBJECT)


CHANGES: list[tuple[str, dict[str, Any], bool]] = [
    ("client-updater-context", {"update-client-source": ["ByAnonymous", "ByInitialAccessToken"]}, True),
    ("client-updater-context", {"update-client-source": ["ByAuthenticatedUser"]}, False),
    ("client-updater-source-host", {"trusted-hosts": ["register.bank.al", "192.0.2.7"]}, True),
    ("client-updater-source-host", {"trusted-hosts": ["192.0.2.70", "register.bank.al"]}, False),
    ("client-updater-source-groups", {"groups": ["officers"]}, False),
    ("client-updater-source-roles", {"roles": ["officer"]}, False),
]


@pytest.mark.parametrize(("name", "configuration", "meant"), CHANGES)
def test_a_condition_about_the_change_is_asked_of_changes_only(
    name: str, configuration: dict[str, Any], *, meant: bool
) -> None:
    changed = Subject(client=CLIENT, change=ANONYMOUS)
    assert applies(policy((name, configuration)), changed) is meant
    assert not applies(policy((name, configuration)), SUBJECT)
    assert applies(policy((name, configuration), ("any-client", {})), SUBJECT)


def test_every_condition_that_is_known_is_tested() -> None:
    assert {case[0] for case in (*CASES, *CHANGES)} == set(CONDITIONS)


def test_an_address_that_is_none_is_no_trusted_host() -> None:
    for address in (None, "testclient"):
        subject = Subject(client=CLIENT, change=Change(context="ByAnonymous", address=address))
        assert not applies(policy(("client-updater-source-host", {"trusted-hosts": ["testclient"]})), subject)


def test_a_negated_condition_names_the_others() -> None:
    assert not applies(policy(("clients", {"clients": ["banking"], "is-negative-logic": "true"})), SUBJECT)
    assert applies(policy(("clients", {"clients": ["other"], "is-negative-logic": True})), SUBJECT)


def test_a_negated_condition_about_a_request_frees_nobody() -> None:
    """The client may ask for the scope, and it may leave it out: some request of it is meant either way."""
    negated = {"type": "Optional", "scopes": ["payments"], "is-negative-logic": True}
    assert applies(policy(("client-scopes", negated)), SUBJECT)


def test_one_condition_that_says_no_is_enough() -> None:
    assert not applies(policy(("any-client", {}), ("clients", {"clients": ["other"]})), SUBJECT)


def test_without_a_condition_a_policy_is_about_nobody() -> None:
    assert not applies(policy(), SUBJECT)
    assert not applies(policy(mode="STRICT"), SUBJECT)


def test_in_strict_mode_every_condition_must_say_yes() -> None:
    abstains = ("client-updater-context", {"update-client-source": ["ByAnonymous"]})
    assert applies(policy(("any-client", {}), abstains), SUBJECT)
    assert not applies(policy(("any-client", {}), abstains, mode="STRICT"), SUBJECT)
    assert applies(policy(("any-client", {}), mode="STRICT"), SUBJECT)


def test_a_condition_that_nobody_knows_frees_nobody() -> None:
    assert applies(policy(("of-a-plugin", {"is-negative-logic": True})), SUBJECT)
