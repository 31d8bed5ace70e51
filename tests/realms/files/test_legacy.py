"""What older versions of Keycloak wrote is read as what newer ones say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.realms.files.legacy import modern
from tests.realms.documents import demo, loaded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    "authenticationFlows",
    "requiredActions",
    "users",
    "clients",
    "defaultRoles",
    "roles",
    "defaultRole",
    "realm",
    "keycloakVersion",
)


def test_an_optional_step_becomes_a_sub_flow_for_those_who_are_configured() -> None:
    line = {"authenticator": "auth-otp-form", "requirement": "OPTIONAL", "priority": 30, "authenticatorConfig": "c"}
    (forms, added) = modern({"authenticationFlows": [{"alias": "forms", "authenticationExecutions": [line]}]})[
        "authenticationFlows"
    ]
    (place,) = forms["authenticationExecutions"]
    assert (place["requirement"], place["priority"]) == ("CONDITIONAL", 30)
    assert place["flowAlias"] == added["alias"] == "forms - auth-otp-form - Conditional"
    condition, step = added["authenticationExecutions"]
    assert condition["authenticator"] == "conditional-user-configured"
    assert (step["authenticator"], step["requirement"], step["authenticatorConfig"]) == (
        "auth-otp-form",
        "REQUIRED",
        "c",
    )


@pytest.mark.parametrize("alias", ["terms_and_conditions", "TERMS_AND_CONDITIONS", "Verify_Email"])
def test_old_names_of_required_actions_are_todays(alias: str) -> None:
    found = modern({"requiredActions": [{"alias": alias}], "users": [{"requiredActions": [alias, "my-own"]}]})
    assert found["requiredActions"] == [{"alias": alias.upper()}]
    assert found["users"][0]["requiredActions"] == [alias.upper(), "my-own"]


def test_an_old_client_returns_after_a_logout_to_where_it_may_after_a_login() -> None:
    def returns(version: dict[str, str], attributes: dict[str, str]) -> tuple[str, ...]:
        document = demo() | version
        document["clients"] = [{**document["clients"][0], "attributes": attributes}]
        [client] = loaded(document).realm.clients.values()
        return client.post_logout_redirect_uris

    exported = {"keycloakVersion": "16.1.1"}
    assert returns(exported, {}) == ("http://localhost:8090/small-business/callback",)
    assert returns(exported, {"post.logout.redirect.uris": "/out"}) == ("http://localhost:8090/out",)
    assert returns(exported, {"post.logout.redirect.uris": "-"}) == ()
    assert returns({}, {}) == (), "a file that was written by hand says what it means"


def test_lists_of_default_roles_become_the_default_role() -> None:
    document = demo()
    for key in ("defaultRole", "roles"):
        document.pop(key, None)
    document |= {"defaultRoles": ["customer"], "roles": {"client": {"internet-banking": [{"name": "view"}]}}}
    document["clients"][0]["defaultRoles"] = ["view"]
    realm = loaded(document).realm
    assert realm.default_role is not None
    composed = {(role.client, role.name) for role in realm.roles[realm.default_role]}
    assert composed == {("", "customer"), (document["clients"][0]["clientId"], "view")}


def test_a_salted_password_without_an_algorithm_is_of_the_only_one_there_was() -> None:
    old = {"type": "password", "hashedSaltedValue": "dmFsdWU=", "salt": "c2FsdA==", "hashIterations": 1}
    (credential,) = modern({"users": [{"credentials": [old]}]})["users"][0]["credentials"]
    assert json.loads(credential["credentialData"]) == {"hashIterations": 1, "algorithm": "pbkdf2"}
    assert json.loads(credential["secretData"]) == {"value": "dmFsdWU=", "salt": "c2FsdA=="}


def test_a_token_keeps_its_own_parameters() -> None:
    old = {"type": "totp", "hashedSaltedValue": "x" * 20, "digits": 8, "period": 60, "algorithm": "HmacSHA256"}
    (credential,) = modern({"users": [{"credentials": [old]}]})["users"][0]["credentials"]
    assert credential["type"] == "otp"
    assert json.loads(credential["credentialData"]) == {
        "subType": "totp",
        "digits": 8,
        "period": 60,
        "counter": 0,
        "algorithm": "HmacSHA256",
    }


def test_what_is_not_old_stays_as_it_is() -> None:
    assert modern(demo()) == demo()


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_no_value_in_a_place_of_an_old_file_makes_it_fail(document: dict[str, Any]) -> None:
    assert isinstance(modern(document), dict)
