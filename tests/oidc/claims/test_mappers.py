"""Tokens of an imported client: the shape of Keycloak's, and never a protected claim from a mapper."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.model.claims.mapper import PROTECTED_CLAIMS, ClaimName, ClientRoles, FixedClaim, Into, JsonType, RoleName
from idp.model.claims.value import converted
from idp.model.client import Client
from idp.model.realm import Realm
from idp.model.user import User
from idp.oidc.claims.book import ClaimBook, claim_book
from idp.oidc.claims.writers import Facts
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import load
from idp.realms.tokens.roles import RoleBook
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, BASE, REDIRECT, SECRET, Bank, payload

pytestmark = pytest.mark.anyio

Document = dict[str, Any]
EVERYWHERE = {f"{kind}.token.claim": "true" for kind in ("access", "id", "userinfo", "introspection")}
FACTS = Facts(sid="sid-1", auth_time=7, amr=("pwd", "otp"))
MEMBER = msgspec.structs.replace(
    ANA,
    realm_roles=("employee", "no-such-role"),
    client_roles={"payments": ("payer",), "app": ("viewer",), "gone": ("x",)},
    groups=("/branches/tirana", "/no-such-group"),
    attributes={
        **ANA.attributes,
        "level": ("3", "4"),
        "flag": ("true",),
        "json": ('{"a": [1]}',),
        "street": ("Rr. 1",),
    },
)


def document(**changes: Any) -> Document:
    return {
        "realm": "bank",
        "enabled": True,
        "defaultSignatureAlgorithm": "ES256",
        "clients": [
            {
                "clientId": "app",
                "secret": SECRET,
                "redirectUris": [REDIRECT],
                "webOrigins": ["+"],
                "attributes": {"pkce.code.challenge.method": "S256"},
            },
            {"clientId": "payments", "bearerOnly": True},
        ],
        "roles": {
            "realm": [
                {"name": "employee", "composite": True, "composites": {"realm": ["reader"]}},
                {"name": "reader", "composite": True, "composites": {"realm": ["employee"]}},
                {"name": "teller"},
            ],
            "client": {"payments": [{"name": "payer"}], "app": [{"name": "viewer"}]},
        },
        "groups": [
            {
                "name": "branches",
                "attributes": {"country": ["AL"], "zone": ["west"]},
                "subGroups": [{"name": "tirana", "realmRoles": ["teller"], "attributes": {"zone": ["centre"]}}],
            }
        ],
        **changes,
    }


def read(written: Document) -> Realm:
    return load(json.dumps(written), surroundings=Surroundings(vault=lambda _realm, _key: None)).realm


def mapper(kind: str, **config: str) -> Document:
    return {"name": "m", "protocolMapper": kind, "config": {k.replace("__", "."): v for k, v in config.items()}}


def with_mappers(*mappers: Document, **client: Any) -> Realm:
    written = document()
    written["clients"][0].update(protocolMappers=list(mappers), defaultClientScopes=[], **client)
    return read(written)


def told(realm: Realm, kind: Any = "access", user: User = MEMBER, scope: tuple[str, ...] = ()) -> Document:
    return ClaimBook(realm).released(realm.clients["app"], scope, user, FACTS).claims(kind)


async def imported(clock: FakeClock, realm: Realm, user: User = MEMBER) -> Bank:
    bank = Bank(clock)
    bank.realm = realm
    await bank.customer(user)
    return bank


async def test_the_tokens_of_an_imported_client_have_keycloaks_shape(clock: FakeClock) -> None:
    realm = read(document())
    bank = await imported(clock, realm)
    answer = await bank.tokens(scope=("openid", *realm.clients["app"].default_scopes))
    access = payload(answer["access_token"])
    assert access["realm_access"] == {"roles": ["employee", "reader", "teller"]}
    assert access["resource_access"] == {"app": {"roles": ["viewer"]}, "payments": {"roles": ["payer"]}}
    assert access["allowed-origins"] == ["https://app.bank.al"]
    assert access["aud"] == ["app", "payments"]
    assert access["scope"] == answer["scope"] == "openid profile email"
    assert (access["preferred_username"], access["email"], access["name"]) == ("ana", "ana@bank.al", "Ana Hoxha")
    identity = payload(answer["id_token"])
    assert {"realm_access", "resource_access", "allowed-origins"}.isdisjoint(identity)
    assert (identity["aud"], identity["email_verified"]) == ("app", True)
    told_to_api = await bank.introspect(answer["access_token"])
    assert told_to_api["realm_access"] == access["realm_access"]
    assert told_to_api["active"] is True
    assert "realm_access" not in (await bank.userinfo(answer["access_token"])).json()


async def test_an_audience_may_introspect_the_token_that_is_meant_for_it(clock: FakeClock) -> None:
    written = document()
    written["clients"][1] = {
        "clientId": "other",
        "secret": "another secret of many characters",
        "redirectUris": ["a:/"],
    }
    written["clients"][0]["protocolMappers"] = [
        mapper("oidc-audience-mapper", included__client__audience="other", access__token__claim="true")
    ]
    bank = await imported(clock, read(written))
    token = (await bank.tokens())["access_token"]
    assert (await bank.introspect(token, "other"))["active"] is True
    bank.change_client("app", mappers=())
    assert (await bank.introspect((await bank.tokens())["access_token"], "other"))["active"] is False


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "level", "claim.name": "l"}, {"l": "3"}),
        (
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "level", "claim.name": "l", "jsonType.label": "int", "multivalued": "true"},
            {"l": [3, 4]},
        ),
        (
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "level", "claim.name": r"a.b\.c.d", "jsonType.label": "long"},
            {"a": {"b.c": {"d": 3}}},
        ),
        (
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "flag", "claim.name": "f", "jsonType.label": "boolean"},
            {"f": True},
        ),
        (
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "json", "claim.name": "j", "jsonType.label": "JSON"},
            {"j": {"a": [1]}},
        ),
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "flag", "claim.name": "f", "jsonType.label": "int"}, {}),
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "none", "claim.name": "f"}, {}),
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "zone", "claim.name": "z"}, {"z": "centre"}),
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "country", "claim.name": "z"}, {"z": "AL"}),
        (
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "zone", "claim.name": "z", "aggregate.attrs": "true", "multivalued": "true"},
            {"z": ["centre", "west"]},
        ),
        ("oidc-usermodel-attribute-mapper", {"user.attribute": "username", "claim.name": "u"}, {"u": "ana"}),
        ("oidc-usermodel-property-mapper", {"user.attribute": "firstName", "claim.name": "n"}, {"n": "Ana"}),
        (
            "oidc-usermodel-property-mapper",
            {"user.attribute": "emailVerified", "claim.name": "v", "jsonType.label": "boolean"},
            {"v": True},
        ),
        ("oidc-full-name-mapper", {}, {"name": "Ana Hoxha"}),
        ("oidc-address-mapper", {"user.attribute.street": "street"}, {"address": {"street_address": "Rr. 1"}}),
        (
            "oidc-usermodel-realm-role-mapper",
            {"claim.name": "r", "multivalued": "true", "usermodel.realmRoleMapping.rolePrefix": "R_"},
            {"r": ["R_employee", "R_reader", "R_teller"]},
        ),
        ("oidc-usermodel-realm-role-mapper", {"claim.name": "r"}, {"r": "[employee, reader, teller]"}),
        (
            "oidc-usermodel-client-role-mapper",
            {"claim.name": "r", "multivalued": "true", "usermodel.clientRoleMapping.clientId": "payments"},
            {"r": ["payer"]},
        ),
        ("oidc-usermodel-client-role-mapper", {"claim.name": "r", "multivalued": "true"}, {"r": ["viewer", "payer"]}),
        (
            "oidc-group-membership-mapper",
            {"claim.name": "groups", "full.path": "true"},
            {"groups": ["/branches/tirana"]},
        ),
        ("oidc-group-membership-mapper", {"claim.name": "groups"}, {"groups": ["tirana"]}),
        (
            "oidc-hardcoded-claim-mapper",
            {"claim.name": "h.x", "claim.value": '{"y": 1}', "jsonType.label": "JSON"},
            {"h": {"x": {"y": 1}}},
        ),
        ("oidc-allowed-origins-mapper", {}, {"allowed-origins": ["https://app.bank.al"]}),
        (
            "oidc-usersessionmodel-note-mapper",
            {"user.session.note": "AUTH_TIME", "claim.name": "since", "jsonType.label": "long"},
            {"since": 7},
        ),
        ("oidc-amr-mapper", {}, {"amr": ["pwd", "otp"]}),
        ("oidc-session-state-mapper", {}, {"session_state": "sid-1"}),
        ("oidc-sub-mapper", {}, {}),
        ("oidc-acr-mapper", {}, {}),
        ("oidc-script-mapper", {"claim.name": "x"}, {}),
    ],
)
def test_each_type_writes_its_claim(kind: str, config: dict[str, str], expected: Document) -> None:
    realm = with_mappers({"name": "m", "protocolMapper": kind, "config": {**EVERYWHERE, **config}})
    assert told(realm) == expected


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        ({}, ""),
        ({"access.token.claim": "true"}, "access introspection"),
        ({"id.token.claim": "true"}, "id userinfo"),
        ({"id.token.claim": "true", "userinfo.token.claim": "false"}, "id"),
        ({"userinfo.token.claim": "true"}, "userinfo"),
        ({"access.token.claim": "true", "introspection.token.claim": "false"}, "access"),
        ({"introspection.token.claim": "true"}, "introspection"),
        ({"lightweight.claim": "true"}, ""),
    ],
)
async def test_each_kind_of_token_gets_what_its_mappers_say(
    clock: FakeClock, flags: dict[str, str], kinds: str
) -> None:
    config = {"claim.name": "here", "claim.value": "x", **flags}
    realm = with_mappers({"name": "m", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": config})
    bank = await imported(clock, realm)
    answer = await bank.tokens()
    found = {
        "access": payload(answer["access_token"]),
        "id": payload(answer["id_token"]),
        "userinfo": (await bank.userinfo(answer["access_token"])).json(),
        "introspection": await bank.introspect(answer["access_token"]),
    }
    assert [kind for kind, claims in found.items() if "here" in claims] == kinds.split()


async def test_a_lightweight_access_token_is_short_and_introspection_says_the_rest(clock: FakeClock) -> None:
    realm = with_mappers(
        mapper("oidc-hardcoded-claim-mapper", claim__name="long", claim__value="x", access__token__claim="true"),
        mapper("oidc-hardcoded-claim-mapper", claim__name="short", claim__value="x", lightweight__claim="true"),
        mapper("oidc-audience-mapper", included__custom__audience="api", access__token__claim="true"),
        attributes={"client.use.lightweight.access.token.enabled": "true", "pkce.code.challenge.method": "S256"},
    )
    bank = await imported(clock, realm)
    token = (await bank.tokens())["access_token"]
    claims, answer = payload(token), await bank.introspect(token)
    assert ("long" in claims, "short" in claims, claims["aud"]) == (False, True, ["app", "api"])
    assert ("long" in answer, "short" in answer, answer["aud"]) == (True, False, ["app", "api"])


class TestRoles:
    def roles(self, realm: Realm, user: User = MEMBER, scope: tuple[str, ...] = ("roles",)) -> Any:
        claims = told(realm, user=user, scope=scope)
        return claims.get("realm_access", {}).get("roles", []), sorted(claims.get("resource_access", {}))

    def narrow(self, **changes: Any) -> Realm:
        written = document(**changes)
        written["clients"][0]["fullScopeAllowed"] = False
        return read(written)

    def test_without_full_scope_a_client_sees_its_own_roles_only(self) -> None:
        assert self.roles(self.narrow()) == ([], ["app"])

    def test_scope_mappings_of_the_client_and_of_its_scopes_add_to_them(self) -> None:
        realm = self.narrow(
            scopeMappings=[{"client": "app", "roles": ["teller"]}, {"clientScope": "roles", "roles": ["reader"]}],
            clientScopeMappings={"payments": [{"client": "app", "roles": ["payer"]}]},
        )
        assert self.roles(realm) == (["employee", "reader", "teller"], ["app", "payments"])

    def test_a_role_that_the_realm_does_not_have_any_more_is_in_no_token(self) -> None:
        realm = read(document())
        without = msgspec.structs.replace(realm, roles={RoleName(name="teller"): ()})
        assert self.roles(without) == (["teller"], [])

    def test_a_fixed_role_is_for_everybody_and_a_renamed_one_goes_by_its_new_name(self) -> None:
        written = document()
        written["clients"][0]["protocolMappers"] = [
            mapper("oidc-hardcoded-role-mapper", role="payments.payer"),
            mapper("oidc-role-name-mapper", role="teller", new__role__name="app.cashier"),
        ]
        realm = read(written)
        nobody = msgspec.structs.replace(ANA, groups=("/branches/tirana",))
        claims = told(realm, user=nobody, scope=("roles",))
        assert "realm_access" not in claims
        assert claims["resource_access"] == {"app": {"roles": ["cashier"]}, "payments": {"roles": ["payer"]}}

    def test_composites_that_contain_each_other_end(self) -> None:
        book = RoleBook(read(document()))
        assert {role.name for role in book.expanded([RoleName(name="reader")])} == {"reader", "employee"}

    def test_names_that_mean_nothing_are_not_remembered(self) -> None:
        book = RoleBook(read(document()))
        book.expanded(RoleName(name=f"r{n}") for n in range(100))
        assert not book._expanded


class TestScopes:
    def realm(self, **scope: Any) -> Realm:
        own = mapper("oidc-hardcoded-claim-mapper", claim__name="pay", claim__value="x", id__token__claim="true")
        attributes = {"include.in.token.scope": "false"}
        payment = {"name": "payment", "attributes": attributes, "protocolMappers": [own], **scope}
        written = document(clientScopes=[payment, {"name": "plain"}])
        written["clients"][0].update(defaultClientScopes=["plain"], optionalClientScopes=["payment"])
        return read(written)

    async def test_a_scope_that_tokens_do_not_name_works_at_userinfo(self, clock: FakeClock) -> None:
        bank = await imported(clock, self.realm())
        session = await bank.login()
        share = msgspec.structs.replace(session.clients["app"], scope=("openid", "plain", "payment"))
        changed = msgspec.structs.replace(session, clients={**session.clients, "app": share})
        assert await bank.stores.user_sessions.replace(changed, expires_at=2_000_000_000)
        answer = await bank.tokens(scope=("openid", "plain", "payment"))
        assert answer["scope"] == payload(answer["access_token"])["scope"] == "openid plain"
        assert payload(answer["id_token"])["pay"] == "x"
        assert (await bank.userinfo(answer["access_token"])).json() == {"sub": ANA.id, "pay": "x"}

    async def test_a_narrower_refresh_keeps_what_goes_without_saying_and_no_more(self, clock: FakeClock) -> None:
        bank = await imported(clock, self.realm())
        answer = await bank.tokens(scope=("openid", "plain", "payment"))
        narrow = (await bank.refresh(answer["refresh_token"], scope="openid")).json()
        assert (narrow["scope"], payload(narrow["id_token"])["pay"]) == ("openid", "x")
        assert (await bank.refresh(answer["refresh_token"], scope="openid phone")).json()["error"] == "invalid_scope"

    async def test_a_scope_for_holders_of_a_role_is_lost_with_the_role(self, clock: FakeClock) -> None:
        written = document(
            clientScopes=[{"name": "plain"}, {"name": "till"}],
            scopeMappings=[{"clientScope": "till", "roles": ["teller"]}],
        )
        written["clients"][0].update(defaultClientScopes=["plain", "till"])
        bank = await imported(clock, read(written))
        answer = await bank.tokens(scope=("openid", "plain", "till"))
        await bank.change_customer(groups=())
        assert (await bank.refresh(answer["refresh_token"])).json()["scope"] == "openid plain"

    def test_a_scope_for_holders_of_a_role_that_does_not_exist_is_for_nobody(self) -> None:
        written = document(
            clientScopes=[{"name": "till"}], scopeMappings=[{"clientScope": "till", "roles": ["misspelt"]}]
        )
        assert RoleBook(read(written)).permitted(MEMBER, ("openid", "till")) == ("openid",)

    async def test_discovery_lists_the_realms_scopes_and_claims(self, clock: FakeClock) -> None:
        realm = self.realm(attributes={"include.in.openid.provider.metadata": "false"})
        bank = await imported(clock, realm)
        found = (await bank.http.get(f"{BASE}/realms/bank/.well-known/openid-configuration")).json()
        assert found["scopes_supported"] == ["openid", "plain"]
        assert "pay" not in found["claims_supported"]
        bank.realm = read(document())
        found = (await bank.http.get(f"{BASE}/realms/bank/.well-known/openid-configuration")).json()
        assert {"openid", "profile", "address", "microprofile-jwt"} <= set(found["scopes_supported"])
        assert {"sub", "given_name", "phone_number", "address", "groups"} <= set(found["claims_supported"])
        assert len(found["claims_supported"]) == len(set(found["claims_supported"]))


class TestProtectedClaims:
    """A token says who, for whom and how proven; whoever may write an attribute must not be able to say it."""

    @pytest.mark.parametrize("name", sorted(PROTECTED_CLAIMS))
    async def test_no_mapper_writes_a_protected_claim(self, clock: FakeClock, name: str) -> None:
        honest = await (await imported(clock, with_mappers())).tokens(nonce=None, scope=("openid",))
        config = {**EVERYWHERE, "claim.name": name, "claim.value": "forged", "user.attribute": "email"}
        kinds = ("hardcoded-claim", "usermodel-attribute", "usermodel-property", "usermodel-realm-role")
        forgers = [{"name": "m", "protocolMapper": f"oidc-{k}-mapper", "config": config} for k in kinds]
        forgers += [{**forger, "config": {**config, "claim.name": f"{name}.deep"}} for forger in forgers]
        bank = await imported(clock, with_mappers(*forgers))
        answer = await bank.tokens(nonce=None, scope=("openid",))
        for token in ("access_token", "id_token"):
            before, after = payload(honest[token]), payload(answer[token])
            for claims in (before, after):
                claims.pop("jti")
                claims.pop("at_hash", None)
            assert after == before
        assert (await bank.userinfo(answer["access_token"])).json() == {"sub": ANA.id}
        assert "forged" not in str(await bank.introspect(answer["access_token"]))

    def test_a_mapper_that_came_past_the_realm_file_writes_none_either(self) -> None:
        forger = FixedClaim(claim=ClaimName(path=("cnf", "jkt")), value="forged", into=Into())
        realm = read(document())
        app = msgspec.structs.replace(realm.clients["app"], mappers=(forger,))
        assert ClaimBook(realm).released(app, (), MEMBER, FACTS).claims("access") == {}

    def test_a_client_that_is_called_as_a_claim_is_makes_none(self) -> None:
        into = ClientRoles(claim=ClaimName(path=("${client_id}",), multivalued=True), into=Into())
        realm = msgspec.structs.replace(read(document()), roles={RoleName(name="admin", client="cnf"): ()})
        app = msgspec.structs.replace(realm.clients["app"], mappers=(into,))
        user = msgspec.structs.replace(ANA, client_roles={"cnf": ("admin",)})
        assert ClaimBook(realm).released(app, (), user, FACTS).claims("access") == {}

    def test_what_one_token_says_is_not_in_the_next(self) -> None:
        """A fixed object is copied: a mapper that writes into it writes into one token."""
        realm = with_mappers(
            mapper(
                "oidc-hardcoded-claim-mapper",
                claim__name="o",
                claim__value="{}",
                jsonType__label="JSON",
                access__token__claim="true",
            ),
            mapper(
                "oidc-usermodel-property-mapper",
                user__attribute="username",
                claim__name="o.who",
                access__token__claim="true",
            ),
        )
        book, client = ClaimBook(realm), realm.clients["app"]
        assert book.released(client, (), MEMBER, FACTS).claims("access") == {"o": {"who": "ana"}}
        nobody = msgspec.structs.replace(MEMBER, username="")
        assert book.released(client, (), nobody, FACTS).claims("access") == {"o": {}}


async def test_a_newly_published_mapper_counts_at_once(clock: FakeClock) -> None:
    bank = await imported(clock, with_mappers())
    first = payload((await bank.tokens())["access_token"])
    bank.realm = with_mappers(
        mapper("oidc-hardcoded-claim-mapper", claim__name="new", claim__value="x", access__token__claim="true")
    )
    assert ("new" in first, "new" in payload((await bank.tokens())["access_token"])) == (False, True)


def test_the_table_of_compiled_mappers_does_not_grow_with_the_questions(bank: Bank) -> None:
    book = bank.provider.derived(claim_book)
    client: Client = bank.realm.clients["app"]
    for n in range(5000):
        book.released(client, ("openid", f"scope-{n}"), ANA, FACTS)
    assert len(book._kept) <= 2048
    assert bank.provider.derived(claim_book) is book


@given(value=st.text() | st.integers().map(str) | st.sampled_from(["NaN", "[" * 5000, "1e999", "9" * 400, '{"a":1}']))
def test_whatever_an_attribute_is_it_can_be_written_or_is_left_out(value: str) -> None:
    types: tuple[JsonType, ...] = ("String", "long", "int", "boolean", "JSON")
    check: dict[JsonType, Callable[[Any], bool]] = {
        "String": lambda found: isinstance(found, str),
        "long": lambda found: type(found) is int and -(2**63) <= found < 2**63,
        "int": lambda found: type(found) is int and -(2**31) <= found < 2**31,
        "boolean": lambda found: isinstance(found, bool),
        "JSON": lambda found: bool(msgspec.json.encode(found)),
    }
    for kind in types:
        found = converted(value, kind)
        assert found is None or check[kind](found)


@given(
    names=st.lists(
        st.lists(
            st.sampled_from([*sorted(PROTECTED_CLAIMS), "a", "b", "a.b", "\\", "${client_id}"]), min_size=1, max_size=3
        ),
        max_size=6,
    )
)
def test_whatever_mappers_are_called_no_protected_name_comes_out(names: list[list[str]]) -> None:
    mappers = [
        {
            "name": "m",
            "protocolMapper": kind,
            "config": {**EVERYWHERE, "claim.name": ".".join(path), "claim.value": "x", "multivalued": "true"},
        }
        for path in names
        for kind in ("oidc-hardcoded-claim-mapper", "oidc-usermodel-client-role-mapper")
    ]
    claims = told(with_mappers(*mappers))
    assert PROTECTED_CLAIMS.isdisjoint(claims)
    assert msgspec.json.decode(msgspec.json.encode(claims)) == claims
