"""The claims parameter at its door, and what of it a client may have (OpenID Connect Core §5.5)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.model.claims.mapper import ClaimName, ClientScope, Into, RoleName, UserAttribute
from idp.model.clients.pairwise import Pairwise
from idp.model.oauth import AuthorizationRequest, ClaimRequest, ClaimsRequest, GrantTerms
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.terms.asked_claims import read_claims, with_claims
from tests.oidc.harness import ANA, REDIRECT, Bank, payload

pytestmark = pytest.mark.anyio
REQUEST = AuthorizationRequest(client_id="app", redirect_uri=REDIRECT, response_mode="query", scope=("openid",))
NOWHERE = Into(access=False, id=False, userinfo=False, introspection=False)


def test_what_is_asked_for_is_read() -> None:
    read = read_claims(
        json.dumps(
            {
                "userinfo": {"given_name": {"essential": True}, "nickname": None, "email": {"value": "a@b.al"}},
                "id_token": {"acr": {"essential": True, "values": ["2fa", "3fa"]}, "auth_time": {"new": 1}},
                "elsewhere": 7,
            }
        )
    )
    assert read == ClaimsRequest(
        userinfo={
            "given_name": ClaimRequest(essential=True),
            "nickname": ClaimRequest(),
            "email": ClaimRequest(values=("a@b.al",)),
        },
        id_token={"acr": ClaimRequest(essential=True, values=("2fa", "3fa")), "auth_time": ClaimRequest()},
    )


def test_values_that_are_not_plain_are_not_kept() -> None:
    read = read_claims('{"userinfo": {"address": {"value": {"country": "AL"}}, "x": {"values": [[], 1, null, "a"]}}}')
    assert read.userinfo == {"address": ClaimRequest(), "x": ClaimRequest(values=(1, "a"))}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="a list"),
        pytest.param('{"userinfo": {"name": null}', id="cut off"),
        pytest.param('{"userinfo": {"name": null, "name": null}}', id="a claim twice"),
        pytest.param('{"userinfo": ["name"]}', id="a list of claims"),
        pytest.param('{"userinfo": {"name": true}}', id="neither null nor an object"),
        pytest.param('{"userinfo": {"name": {"essential": "true"}}}', id="essential is a text"),
        pytest.param('{"id_token": {"acr": {"values": "2fa"}}}', id="values is a text"),
        pytest.param(json.dumps({"id_token": {"acr": {"values": ["x"] * 21}}}), id="many values"),
        pytest.param(json.dumps({"userinfo": dict.fromkeys(map(str, range(101)))}), id="many claims"),
        pytest.param('{"userinfo": {"x": {"value": NaN}}}', id="not JSON"),
        pytest.param('{"userinfo": {"x": {"value": ' + "[" * 4000 + "]" * 4000 + "}}}", id="deep"),
        pytest.param(" " * 9000 + "{}", id="large"),
        pytest.param('{"userinfo": {"\ud800": null}}', id="half a character"),
        pytest.param('{"id_token": {"sub": {"value": "\\ud800"}}}', id="half a character, spelled out"),
        pytest.param('{"userinfo": {"x": {"value": 18446744073709551616}}}', id="a number that cannot be kept"),
    ],
)
def test_what_is_malformed_is_refused(text: str) -> None:
    with pytest.raises(OAuthError) as refused:
        read_claims(text)
    assert refused.value.code is ErrorCode.INVALID_REQUEST


TEXT = st.text(st.characters(), max_size=5)  # halves of characters too: JSON can spell them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ONE = JSON | st.fixed_dictionaries({}, optional={"essential": JSON, "value": JSON, "values": JSON})


@given(
    st.dictionaries(st.sampled_from(["id_token", "userinfo", "x"]), st.dictionaries(st.text(max_size=5), ONE) | JSON)
)
@example({"id_token": {"sub": {"values": [{}]}}})
def test_whatever_json_comes_is_read_or_refused(members: dict[str, Any]) -> None:
    try:
        read = read_claims(json.dumps(members))
    except OAuthError as refused:
        assert refused.code is ErrorCode.INVALID_REQUEST  # noqa: PT017 - the other outcome is as good
        return
    for place in (read.id_token, read.userinfo):
        assert all(isinstance(value, str | int | float) for one in place.values() for value in one.values)
    msgspec.msgpack.encode(read)  # it can be kept with the login


@given(st.text())
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    try:
        read_claims(text)
    except OAuthError as refused:
        assert refused.code is ErrorCode.INVALID_REQUEST  # noqa: PT017 - the other outcome is as good


def asked(bank: Bank, claims: dict[str, Any], request: AuthorizationRequest = REQUEST) -> AuthorizationRequest:
    return with_claims(bank.provider, bank.realm.clients["app"], request, json.dumps(claims))


async def test_only_what_the_client_could_have_is_kept(bank: Bank) -> None:
    """Phone is an optional scope of the client; address is a scope of the realm and none of the client's."""
    names = ("email", "phone_number", "address", "sub", "iss", "realm_access", "made-up", "acr")
    request = asked(bank, {"id_token": dict.fromkeys(names), "userinfo": dict.fromkeys(names)})
    claims = request.terms.claims
    assert claims is not None
    assert set(claims.userinfo) == {"email", "phone_number"}
    assert set(claims.id_token) == {"email", "phone_number", "sub", "acr"}


async def test_a_request_for_nothing_that_may_be_had_changes_nothing(bank: Bank) -> None:
    assert asked(bank, {"userinfo": {"made-up": None}}) == REQUEST
    assert with_claims(bank.provider, bank.realm.clients["app"], REQUEST, None) is REQUEST


async def test_a_wanted_subject_is_the_user_who_is_asked_about(bank: Bank) -> None:
    assert asked(bank, {"id_token": {"sub": {"value": "u"}}}).hinted_user_id == "u"
    assert asked(bank, {"userinfo": {"sub": {"values": ["u"]}}}).hinted_user_id == "u"
    bank.change_client("app", pairwise=Pairwise(sector="app.bank.al"))
    request = asked(bank, {"id_token": {"sub": {"value": "u"}}})
    assert (request.hinted_user_id, request.hinted_subject) == (None, "u")


@pytest.mark.parametrize(
    "claims",
    [
        {"id_token": {"sub": {"value": 7}}},
        {"id_token": {"sub": {"values": ["u", "v"]}}},
        {"id_token": {"sub": {"value": "u"}}, "userinfo": {"sub": {"value": "v"}}},
    ],
)
async def test_a_wanted_subject_that_is_nobody_or_more_than_one_is_refused(bank: Bank, claims: dict[str, Any]) -> None:
    with pytest.raises(OAuthError) as refused:
        asked(bank, claims)
    assert refused.value.code is ErrorCode.INVALID_REQUEST


async def test_a_wanted_subject_and_a_hint_must_agree(bank: Bank) -> None:
    hinted = AuthorizationRequest(
        client_id="app", redirect_uri=REDIRECT, response_mode="query", scope=("openid",), hinted_user_id="v"
    )
    assert asked(bank, {"id_token": {"sub": {"value": "v"}}}, hinted).hinted_user_id == "v"
    with pytest.raises(OAuthError):
        asked(bank, {"id_token": {"sub": {"value": "u"}}}, hinted)


async def test_claims_stand_where_they_were_asked_for_and_nowhere_else(bank: Bank) -> None:
    terms = asked(bank, {"id_token": {"phone_number": None}}).terms
    tokens = await bank.tokens(scope=("openid",), terms=terms)
    assert payload(tokens["id_token"])["phone_number"] == "+355692000000"
    assert "email" not in payload(tokens["id_token"])
    assert "phone_number" not in payload(tokens["access_token"])
    assert "phone_number" not in (await bank.userinfo(tokens["access_token"])).json()
    refreshed = (await bank.refresh(tokens["refresh_token"])).json()
    assert payload(refreshed["id_token"])["phone_number"] == "+355692000000", "the grant carries it"


async def test_a_claim_that_the_user_has_not_is_left_out(bank: Bank) -> None:
    await bank.customer()
    await bank.change_customer(attributes={})
    tokens = await bank.tokens(scope=("openid",), terms=asked(bank, {"id_token": {"phone_number": None}}).terms)
    assert "phone_number" not in payload(tokens["id_token"])


async def test_a_claim_for_holders_of_a_role_is_not_to_be_had_by_asking(bank: Bank) -> None:
    limit = UserAttribute(attribute="locale", claim=ClaimName(path=("limit",)), into=NOWHERE)
    scopes = {"limits": ClientScope(name="limits", mappers=(limit,), roles=(RoleName(name="clerk"),))}
    bank.realm = type(bank.realm)(
        **{name: getattr(bank.realm, name) for name in bank.realm.__struct_fields__}
        | {"client_scopes": scopes, "roles": {RoleName(name="clerk"): ()}}
    )
    bank.change_client("app", optional_scopes=("limits",))
    terms = asked(bank, {"id_token": {"limit": None}}).terms
    assert terms.claims is not None
    tokens = await bank.tokens(scope=("openid",), terms=terms)
    assert "limit" not in payload(tokens["id_token"])
    await bank.change_customer(realm_roles=("clerk",))
    tokens = await bank.tokens(scope=("openid",), terms=terms)
    assert payload(tokens["id_token"])["limit"] == "sq"


async def test_no_claim_of_the_protocol_is_replaced_by_asking(bank: Bank) -> None:
    names = dict.fromkeys(("sub", "iss", "aud", "exp", "acr"))
    tokens = await bank.tokens(
        terms=GrantTerms(claims=ClaimsRequest(id_token={name: ClaimRequest() for name in names}))
    )
    claims = payload(tokens["id_token"])
    assert (claims["sub"], claims["aud"], claims["acr"]) == (ANA.id, "app", "2fa")


async def test_no_mapper_is_asked_for_a_claim_of_the_protocol(bank: Bank) -> None:
    mappers = tuple(
        UserAttribute(attribute="locale", claim=ClaimName(path=(name,)), into=NOWHERE)
        for name in ("act", "cnf", "level")
    )
    bank.change_client("app", mappers=mappers)
    terms = GrantTerms(claims=ClaimsRequest(id_token={name: ClaimRequest() for name in ("act", "cnf", "level")}))
    claims = payload((await bank.tokens(terms=terms))["id_token"])
    assert (claims["level"], "act" in claims, "cnf" in claims) == ("sq", False, False)
    assert asked(bank, {"id_token": {"act": None, "cnf": None}}) == REQUEST
