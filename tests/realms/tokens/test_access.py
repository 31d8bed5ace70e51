"""Scopes, mappers, roles and groups of a realm file: what is honoured, and each thing that is not, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.model.claims.built_in_scopes import BUILT_IN_SCOPES
from idp.model.claims.mapper import RoleName
from idp.model.finding import Severity
from idp.realms.loading import RealmUnreadableError, load
from tests.realms.documents import SURROUNDINGS, brief, demo, findings, loaded

Document = dict[str, Any]
NAME = "/config/claim.name"
MAPPER = "/clients/0/protocolMappers/0"


def with_mapper(kind: str, config: Document, **more: Any) -> Any:
    return lambda d: d["clients"][0].update(
        protocolMappers=[{"name": "m", "protocolMapper": kind, "config": config, **more}]
    )


def test_a_file_without_scopes_has_keycloaks() -> None:
    realm = loaded(
        demo(lambda d: d["clients"][0].pop("defaultClientScopes") and d["clients"][0].pop("optionalClientScopes"))
    ).realm
    client = realm.clients["internet-banking"]
    assert realm.client_scopes == BUILT_IN_SCOPES
    assert client.default_scopes == ("profile", "email", "roles", "web-origins", "acr", "basic")
    assert client.optional_scopes == ("offline_access", "address", "phone", "microprofile-jwt")


def test_a_client_that_names_one_list_has_nothing_of_the_other() -> None:
    realm = loaded(demo(lambda d: d["clients"][0].pop("optionalClientScopes"))).realm
    assert realm.clients["internet-banking"].optional_scopes == ()


def test_a_client_without_lists_has_the_realms_defaults() -> None:
    def change(d: Document) -> None:
        d["clientScopes"] = [{"name": "a"}, {"name": "b"}, {"name": "s", "protocol": "saml"}]
        d.update(defaultDefaultClientScopes=["a", "s"], defaultOptionalClientScopes=["b"])
        for client in d["clients"]:
            del client["defaultClientScopes"], client["optionalClientScopes"]

    realm = loaded(demo(change)).realm
    client = realm.clients["internet-banking"]
    assert (client.default_scopes, client.optional_scopes) == (("a",), ("b",))
    assert set(realm.client_scopes) == {"a", "b"}
    assert findings(change) == []


def test_a_file_without_roles_has_the_default_role_of_keycloak() -> None:
    realm = loaded(demo()).realm
    assert realm.default_role == RoleName(name="default-roles-small-business")
    assert {role.name for role in realm.roles[realm.default_role]} == {"offline_access", "uma_authorization"}


def test_the_default_role_of_the_file_is_taken_as_it_is() -> None:
    def change(d: Document) -> None:
        d["defaultRole"] = {"name": "everybody", "composite": True}
        roles = [{"name": "everybody", "composite": True, "composites": {"client": {"cards": ["holder"]}}}]
        d["roles"] = {"realm": roles, "client": {"cards": [{"name": "holder"}]}}

    realm = loaded(demo(change)).realm
    assert realm.default_role == RoleName(name="everybody")
    assert realm.roles[realm.default_role] == (RoleName(name="holder", client="cards"),)


def test_groups_are_found_by_path_whatever_the_file_says_the_path_is() -> None:
    tree = [
        {"name": "a", "path": "/elsewhere", "subGroups": [{"name": "b"}, {"name": "c", "subGroups": [{"name": "d"}]}]}
    ]
    realm = loaded(demo(lambda d: d.update(groups=tree))).realm
    assert sorted(realm.groups) == ["/a", "/a/b", "/a/c", "/a/c/d"]


def test_users_bring_their_roles_and_groups() -> None:
    user = {"realmRoles": ["r"], "clientRoles": {"cards": ["c"]}, "groups": ["/g"]}
    seeds = loaded(demo(lambda d: d["users"][0].update(user))).users
    assert (seeds[0].realm_roles, seeds[0].client_roles, seeds[0].groups) == (("r",), {"cards": ("c",)}, ("/g",))
    assert (seeds[1].realm_roles, seeds[1].groups) == (None, None)


@pytest.mark.parametrize(
    ("kind", "config", "rule", "key"),
    [
        ("oidc-no-such-mapper", {}, "M-TYPE", "/protocolMapper"),
        ("oidc-script-based-protocol-mapper", {}, "M-TYPE", "/protocolMapper"),
        ("oidc-hardcoded-claim-mapper", {"claim.value": "x"}, "M-CONFIG", NAME),
        ("oidc-hardcoded-claim-mapper", {"claim.name": "a..b", "claim.value": "x"}, "M-CONFIG", NAME),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "." * 5000, "claim.value": "x"},
            "M-CONFIG",
            NAME,
        ),
        ("oidc-hardcoded-claim-mapper", {"claim.name": "a"}, "M-CONFIG", "/config/claim.value"),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "a", "claim.value": "{", "jsonType.label": "JSON"},
            "M-CONFIG",
            "/config/claim.value",
        ),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "a", "claim.value": "9" * 30, "jsonType.label": "long"},
            "M-CONFIG",
            "/config/claim.value",
        ),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "a", "claim.value": "yes", "jsonType.label": "boolean"},
            "M-CONFIG",
            "/config/claim.value",
        ),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "a", "claim.value": "x", "jsonType.label": "float"},
            "M-CONFIG",
            "/config/jsonType.label",
        ),
        (
            "oidc-full-name-mapper",
            {"access.token.claim": "yes"},
            "M-CONFIG",
            "/config/access.token.claim",
        ),
        ("oidc-usermodel-attribute-mapper", {"claim.name": "a"}, "M-CONFIG", "/config/user.attribute"),
        (
            "oidc-usermodel-property-mapper",
            {"claim.name": "a", "user.attribute": "credentials"},
            "M-CONFIG",
            "/config/user.attribute",
        ),
        ("oidc-audience-mapper", {}, "M-CONFIG", "/config/included.client.audience"),
        (
            "oidc-audience-mapper",
            {"included.client.audience": "nobody"},
            "M-CONFIG",
            "/config/included.client.audience",
        ),
        (
            "oidc-usermodel-client-role-mapper",
            {"claim.name": "a", "usermodel.clientRoleMapping.clientId": "nobody"},
            "M-CONFIG",
            "/config/usermodel.clientRoleMapping.clientId",
        ),
        ("oidc-hardcoded-role-mapper", {"role": "nothing"}, "M-CONFIG", "/config/role"),
        ("oidc-role-name-mapper", {"role": "offline_access"}, "M-CONFIG", "/config/new.role.name"),
        (
            "oidc-usersessionmodel-note-mapper",
            {"claim.name": "a", "user.session.note": "clientAddress"},
            "M-CONFIG",
            "/config/user.session.note",
        ),
        ("oidc-hardcoded-claim-mapper", {"claim.name": "sub", "claim.value": "x"}, "M-PROTECTED", NAME),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "cnf.jkt", "claim.value": "x"},
            "M-PROTECTED",
            NAME,
        ),
        (
            "oidc-usermodel-attribute-mapper",
            {"claim.name": "acr", "user.attribute": "x"},
            "M-PROTECTED",
            NAME,
        ),
        ("oidc-group-membership-mapper", {"claim.name": "scope"}, "M-PROTECTED", NAME),
        (
            "oidc-usersessionmodel-note-mapper",
            {"claim.name": "exp", "user.session.note": "AUTH_TIME"},
            "M-PROTECTED",
            NAME,
        ),
    ],
)
def test_a_mapper_without_effect_is_reported_with_its_place(kind: str, config: Document, rule: str, key: str) -> None:
    change = with_mapper(kind, config)
    assert brief(findings(change)) == [(rule, Severity.WARNING, f"{MAPPER}{key}")]
    assert loaded(demo(change)).realm.clients["internet-banking"].mappers == ()


@pytest.mark.parametrize(
    ("kind", "config", "more"),
    [
        ("oidc-sub-mapper", {}, {}),
        ("oidc-acr-mapper", {}, {}),
        ("oidc-amr-mapper", {}, {}),
        ("oidc-usersessionmodel-note-mapper", {"claim.name": "auth_time", "user.session.note": "AUTH_TIME"}, {}),
        ("oidc-usersessionmodel-note-mapper", {"claim.name": "client_id", "user.session.note": "client_id"}, {}),
        ("saml-role-list-mapper", {}, {"protocol": "saml"}),
    ],
)
def test_what_is_as_it_should_be_is_not_reported(kind: str, config: Document, more: Document) -> None:
    assert findings(with_mapper(kind, config, **more)) == []


@pytest.mark.parametrize(
    ("change", "rule", "pointer"),
    [
        (lambda d: d["clients"][0]["defaultClientScopes"].append("x"), "C-SCOPE", "/clients/0/defaultClientScopes/2"),
        (lambda d: d["clients"][0]["optionalClientScopes"].append("x"), "C-SCOPE", "/clients/0/optionalClientScopes/2"),
        (lambda d: d.update(defaultDefaultClientScopes=["x"]), "C-SCOPE", "/defaultDefaultClientScopes/0"),
        (lambda d: d.update(defaultOptionalClientScopes=["x"]), "C-SCOPE", "/defaultOptionalClientScopes/0"),
        (lambda d: d.update(groups=[{"name": "a/b"}]), "R-GROUP", "/groups/0/name"),
        (lambda d: d.update(groups=[{"name": "g", "realmRoles": ["x"]}]), "R-ROLE", "/groups/0/realmRoles/0"),
        (
            lambda d: d.update(groups=[{"name": "g", "subGroups": [{"name": "h", "clientRoles": {"a/b": ["x"]}}]}]),
            "R-ROLE",
            "/groups/0/subGroups/0/clientRoles/a~1b/0",
        ),
        (lambda d: d.update(defaultGroups=["/x"]), "R-GROUP", "/defaultGroups/0"),
        (lambda d: d["users"][0].update(realmRoles=["x"]), "R-ROLE", "/users/0/realmRoles/0"),
        (lambda d: d["users"][0].update(clientRoles={"cards": ["x"]}), "R-ROLE", "/users/0/clientRoles/cards/0"),
        (lambda d: d["users"][0].update(groups=["/x"]), "R-GROUP", "/users/0/groups/0"),
        (
            lambda d: d.update(roles={"realm": [{"name": "a", "composites": {"realm": ["x"]}}]}),
            "R-ROLE",
            "/roles/realm/0/composites/realm/0",
        ),
        (
            lambda d: d.update(roles={"client": {"cards": [{"name": "a", "composites": {"client": {"c": ["x"]}}}]}}),
            "R-ROLE",
            "/roles/client/cards/0/composites/client/c/0",
        ),
        (lambda d: d.update(roles={"colour": []}), "R-UNKNOWN-KEY", "/roles/colour"),
        (lambda d: d.update(scopeMappings=[{"client": "x", "roles": []}]), "R-SCOPE-MAPPING", "/scopeMappings/0"),
        (lambda d: d.update(scopeMappings=[{"clientScope": "x", "roles": []}]), "R-SCOPE-MAPPING", "/scopeMappings/0"),
        (
            lambda d: d.update(clientScopeMappings={"cards": [{"client": "cards", "roles": ["x"]}]}),
            "R-ROLE",
            "/clientScopeMappings/cards/0/roles/0",
        ),
    ],
)
def test_a_reference_to_nothing_is_reported_with_its_place(change: Any, rule: str, pointer: str) -> None:
    assert brief(findings(change)) == [(rule, Severity.WARNING, pointer)]


@pytest.mark.parametrize("place", ["clientScopes", "roles/realm"])
def test_what_appears_twice_is_an_error(place: str) -> None:
    twice = [{"name": name} for name in ("profile", "email", "phone", "offline_access", "profile")]
    found = findings(
        lambda d: d.update({"clientScopes": twice} if place == "clientScopes" else {"roles": {"realm": twice}})
    )
    assert brief(found) == [("R-DUPLICATE", Severity.ERROR, f"/{place}")]


def test_a_gui_order_that_is_no_number_is_reported() -> None:
    def change(d: Document) -> None:
        d["clientScopes"] = [{"name": name} for name in ("profile", "email", "phone", "offline_access")]
        d["clientScopes"][0]["attributes"] = {"gui.order": "first"}

    assert brief(findings(change)) == [("C-SCOPE", Severity.WARNING, "/clientScopes/0/attributes/gui.order")]


@pytest.mark.parametrize(
    "wrong", [{"roles": []}, {"clientScopes": {}}, {"groups": [7]}, {"defaultRole": "x"}, {"roles": {"realm": 1}}]
)
def test_a_part_of_the_wrong_shape_is_an_error_with_its_place(wrong: Document) -> None:
    found = [one for one in findings(lambda d: d.update(wrong)) if one.severity is Severity.ERROR]
    assert [one.rule for one in found] == ["R-SHAPE"]
    assert found[0].pointer.startswith(f"/{next(iter(wrong))}")


def nested(depth: int) -> Document:
    tree: Document = {"name": "g"}
    for _ in range(depth):
        tree = {"name": "g", "subGroups": [tree]}
    return tree


def test_groups_may_be_nested_and_without_end_are_refused_in_words() -> None:
    assert len(loaded(demo(lambda d: d.update(groups=[nested(40)]))).realm.groups) == 41
    document = demo()
    text = json.dumps({**document, "groups": ["here"]})
    endless = '{"name": "g", "subGroups": [' * 50_000 + "]}" * 50_000
    with pytest.raises(RealmUnreadableError, match="too deeply"):
        load(text.replace('"here"', endless), surroundings=SURROUNDINGS)


def test_a_consent_of_a_mappers_own_is_told_to_be_none() -> None:
    change = with_mapper("oidc-full-name-mapper", {"id.token.claim": "true"})

    def asking(document: Document) -> None:
        change(document)
        document["clients"][0]["protocolMappers"][0]["consentRequired"] = True

    assert brief(findings(asking)) == [("M-CONSENT", Severity.WARNING, f"{MAPPER}/consentRequired")]
    assert loaded(demo(asking)).realm.clients["internet-banking"].mappers, "it works all the same"
