"""The user profile of a realm file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.model.finding import Severity
from idp.model.policies.profile import KEYCLOAK_PROFILE, ProfilePolicy
from idp.realms.loading import LoadedRealm
from idp.realms.users.profile import PROVIDER
from tests.realms.documents import loaded as load


def loaded(config: dict[str, Any] | None) -> LoadedRealm:
    component: dict[str, Any] = {"providerId": "declarative-user-profile", "config": config or {}}
    document = {"realm": "banka", "enabled": True, "components": {PROVIDER: [component]}}
    return load(document)


def profile(*attributes: dict[str, Any]) -> ProfilePolicy:
    found = loaded({"kc.user.profile.config": [json.dumps({"attributes": attributes, "groups": []})]})
    assert [one for one in found.findings if one.rule.startswith("R-PROFILE")] == []
    assert found.realm.profile is not None
    return found.realm.profile


def test_a_realm_that_says_nothing_has_none_of_its_own() -> None:
    document = {"realm": "banka", "enabled": True}
    assert load(document).realm.profile is None


def test_a_component_without_a_text_means_the_profile_of_keycloak() -> None:
    assert loaded(None).realm.profile == KEYCLOAK_PROFILE


def test_an_attribute_is_read_with_everything_that_counts() -> None:
    (city,) = profile(
        {
            "name": "city",
            "displayName": "${profile.attributes.city}",
            "permissions": {"view": ["admin", "user"], "edit": ["user"]},
            "required": {"roles": ["user"]},
            "validations": {"length": {"max": 40}, "options": {"options": ["Tiranë", "Durrës"]}},
            "annotations": {"inputType": "select"},
            "multivalued": True,
        }
    )
    assert (city.name, city.label, city.required, city.view, city.edit, city.multivalued) == (
        "city",
        "city",
        True,
        True,
        True,
        True,
    )
    assert city.options == ("Tiranë", "Durrës")


@pytest.mark.parametrize(
    ("permissions", "view", "edit"),
    [
        ({"view": ["admin"], "edit": ["user"]}, False, False),
        ({"view": ["user"], "edit": ["admin"]}, True, False),
        (None, False, False),
    ],
)
def test_nobody_writes_what_the_file_does_not_let_people_see_and_write(
    permissions: dict[str, Any] | None, *, view: bool, edit: bool
) -> None:
    (found,) = profile({"name": "segment", "permissions": permissions})
    assert (found.view, found.edit) == (view, edit)


@pytest.mark.parametrize(
    ("required", "demanded"),
    [({"roles": ["admin"]}, False), ({}, True), ({"roles": ["user"]}, True), ({"scopes": ["phone"]}, False)],
)
def test_only_what_people_must_have_is_demanded_of_them(required: dict[str, Any], *, demanded: bool) -> None:
    (found,) = profile({"name": "company", "required": required})
    assert found.required is demanded


@pytest.mark.parametrize(
    ("validations", "words"),
    [
        ({"made-up": {}}, "no validator"),
        ({"length": {"max": "many"}}, "no numbers"),
        ({"pattern": {"pattern": "["}}, "not valid"),
        ({"options": {"options": "all"}}, "no list"),
    ],
)
def test_a_validator_that_cannot_be_applied_is_told_and_left_out(validations: dict[str, Any], words: str) -> None:
    text = json.dumps({"attributes": [{"name": "city", "validations": validations}]})
    found = loaded({"kc.user.profile.config": [text]})
    (told,) = [one for one in found.findings if one.rule == "R-PROFILE-CHECK"]
    assert words in told.problem
    assert found.realm.profile is not None
    assert found.realm.profile[0].validations == ()


@pytest.mark.parametrize("text", ["no json", '{"attributes": 5}', '{"attributes": [{}]}', "[" * 100_000])
def test_a_profile_that_cannot_be_read_is_an_error(text: str) -> None:
    found = loaded({"kc.user.profile.config": [text]})
    told = [(one.rule, one.severity) for one in found.findings if one.rule.startswith("R-PROFILE")]
    assert told == [("R-PROFILE", Severity.ERROR)]
    assert found.realm.profile is None
