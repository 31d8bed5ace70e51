"""Settings of Keycloak that are not honoured are told with their effect; those that say nothing are not told."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.finding import Finding
from tests.realms.documents import demo, loaded


def told(**changed: Any) -> list[Finding]:
    return [f for f in loaded(demo(lambda d: d.update(changed))).findings if f.rule in {"R-UNKNOWN-KEY", "R-DIRECTORY"}]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("federatedUsers", [{"id": "f"}], "directory"),
        ("displayNameHtml", "<b>x</b>", "Pages"),
        ("adminPermissionsEnabled", True, "administration"),
        ("actionTokenGeneratedByAdminLifespan", 3600, "opens nothing"),
        ("privateKey", "MII", "Keys are made anew"),
    ],
)
def test_a_setting_of_keycloak_is_told_with_its_effect(key: str, value: Any, said: str) -> None:
    (finding,) = told(**{key: value})
    assert finding.pointer == f"/{key}"
    assert said in finding.repair


@pytest.mark.parametrize(
    ("key", "value"),
    [("adminPermissionsEnabled", False), ("enabledEventTypes", []), ("loginTheme", "keycloak"), ("workflows", [])],
)
def test_a_setting_that_takes_nothing_from_anybody_is_not_told(key: str, value: Any) -> None:
    assert told(**{key: value}) == []


def test_a_key_that_keycloak_does_not_have_is_somebodys_misspelling_whatever_it_says() -> None:
    (finding,) = told(registrationAlowed=False)
    assert "spelling" in finding.repair


def test_a_directory_is_told_by_a_rule_of_its_own() -> None:
    components = {"org.keycloak.storage.UserStorageProvider": [{"providerId": "ldap", "name": "ldap", "config": {}}]}
    (finding,) = told(components=components)
    assert finding.rule == "R-DIRECTORY"
    assert "cannot log in" in finding.problem


def test_keys_of_the_old_server_are_told() -> None:
    (finding,) = told(components={"org.keycloak.keys.KeyProvider": [{"providerId": "rsa", "name": "rsa"}]})
    assert "Keys are made anew" in finding.repair


def test_a_components_empty_list_is_not_told() -> None:
    assert told(components={"org.keycloak.keys.KeyProvider": []}) == []


def test_the_one_value_of_a_users_attribute_may_stand_without_a_list() -> None:
    found = loaded(demo(lambda d: d["users"][0]["attributes"].update(locale="sq")))
    assert found.users[0].attributes["locale"] == ("sq",)
