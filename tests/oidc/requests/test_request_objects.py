"""Request objects (RFC 9101, OpenID Connect Core §6): the client's own, meant for us, in time, and nothing else's."""

from __future__ import annotations

import contextlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from idp.crypto.jose import TokenError
from idp.model.clients.request_object import RequestObjectRules
from idp.oidc.errors import OAuthError
from idp.oidc.requests.asked import Asked
from idp.oidc.requests.request_object import LARGEST_OBJECT, parameters_of, read_request_object
from idp.oidc.requests.resolved import in_effect, with_object
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.requests.objects import (
    ADDRESS,
    DATED,
    REDIRECT,
    SHOP,
    UNSIGNED,
    Site,
    encrypted,
    found,
    inner,
    open_shop,
    outer,
    refused,
    unsigned,
    why,
)
from tests.oidc.signers import FOREIGN, ISSUER, KEYS, TWIN, asserting, signed, spelled

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(bank: Bank) -> Bank:
    return open_shop(bank)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256", "RS256", "EdDSA"])
@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "JWT", None])
async def test_a_signed_object_says_what_is_asked_for(shop: Bank, algorithm: str, typ: str | None) -> None:
    text = signed(inner(shop), algorithm, typ=typ)
    asked = await found(shop, outer(request=text))
    assert asked.parameters["redirect_uri"] == REDIRECT
    assert asked.parameters["scope"] == "openid phone"
    assert asked.parameters["max_age"] == "60", "a number in JSON"
    assert "request" not in asked.parameters
    assert not {"iss", "aud", "exp", "nbf", "iat"} & asked.parameters.keys()


# What is wrong, and what the log says of it. Nobody else is told which it was.
CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "other"}, "iss is not the client"),
    ({"sub": "shop"}, "sub is the client"),
    ({"aud": "https://id.bank.al/realms/other"}, "aud is not the issuer"),
    ({"aud": f"{ISSUER}/protocol/openid-connect/ext/par/request"}, "aud is not the issuer"),
    ({"aud": f"{ISSUER}/"}, "aud is not the issuer"),
    ({"aud": []}, "aud is not the issuer"),
    ({"aud": {"x": ISSUER}}, "aud is not the issuer"),
    ({"exp": 1}, "expired"),
    ({"exp": "4102444800"}, "exp is not a number of seconds"),
    ({"exp": True}, "exp is not a number of seconds"),
    ({"iat": 1.5}, "iat is not a number of seconds"),
    ({"nbf": 4102444800}, "not valid yet"),
    ({"iat": 4102444800}, "not valid yet"),
    ({"request": "eyJ.eyJ."}, "an object inside the object"),
    ({"request_uri": ADDRESS}, "an object inside the object"),
    ({"state": ["a", "b"]}, "state is neither text nor a number"),
    ({"state": {"a": 1}}, "state is neither text nor a number"),
    ({"prompt": True}, "prompt is neither text nor a number"),
    ({"max_age": 1.5}, "max_age is neither text nor a number"),
    ({"resource": [1.5]}, "resource is neither text nor a number"),
    ({"state": "\ud800"}, "not JSON"),
    ({"claims": {"x": "\ud800"}}, "not JSON"),
]


@pytest.mark.parametrize(("changed", "reason"), CLAIMS, ids=lambda value: str(value)[:40])
async def test_an_object_with_a_wrong_claim_is_refused(shop: Bank, changed: dict[str, Any], reason: str) -> None:
    open_shop(shop, request_objects=UNSIGNED)  # joserfc would not write some of them
    assert await why(shop, unsigned(inner(shop, **changed))) == reason


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], ["https://other.example/", ISSUER]])
async def test_the_audience_is_the_issuer_alone_or_among_others(shop: Bank, audience: Any) -> None:
    await found(shop, outer(request=signed(inner(shop, aud=audience))))


@pytest.mark.parametrize("missing", ["iss", "aud", "iat", "nbf", "exp"])
async def test_a_client_without_a_strict_profile_may_leave_these_out(shop: Bank, missing: str) -> None:
    await found(shop, outer(request=signed(inner(shop, **{missing: None}))))


async def test_an_object_is_proven_by_a_key_of_its_own_client(shop: Bank) -> None:
    bad = "bad signature"
    good = signed(inner(shop))
    assert await why(shop, signed(inner(shop), key=FOREIGN)) == bad, "another key under the client's kid"
    assert await why(shop, good[:-8] + "AAAAAAAA") == bad
    header, _, signature = good.split(".")
    other = signed(inner(shop, redirect_uri="https://evil.example/")).split(".")[1]
    assert await why(shop, f"{header}.{other}.{signature}") == bad
    assert "no one key" in await why(shop, signed(inner(shop), kid="unknown"))


async def test_the_registered_algorithm_is_the_only_one(shop: Bank) -> None:
    open_shop(shop, request_objects=RequestObjectRules(algorithms=("PS256",)))
    await found(shop, outer(request=signed(inner(shop), "PS256")))
    for text in (signed(inner(shop), "ES256"), signed(inner(shop), "RS256"), unsigned(inner(shop))):
        assert await why(shop, text) == "the algorithm is not the client's"


async def test_an_unsigned_object_counts_only_where_it_was_registered(shop: Bank) -> None:
    assert await why(shop, unsigned(inner(shop))) == "the algorithm is not the client's"
    open_shop(shop, request_objects=UNSIGNED)
    await found(shop, outer(request=unsigned(inner(shop))))
    assert await why(shop, unsigned(inner(shop), b"x")) == "bad signature", "something stands where nothing may"
    for spelling in ("None", "NONE", "nOnE"):
        assert await why(shop, unsigned(inner(shop), alg=spelling)) == "the algorithm is not the client's"
    assert await why(shop, signed(inner(shop))) == "the algorithm is not the client's"


async def test_a_public_key_is_no_secret(shop: Bank) -> None:
    """The classic confusion: an HMAC with the public key as its secret (RFC 8725 §3.1)."""
    public = KEYS["PS256"].as_pem(private=False)
    header = {"alg": "HS256", "kid": "rsa"}
    text = spelled(header, inner(shop), lambda message: hmac.digest(public, message, "sha256"))
    assert await why(shop, text) == "the algorithm is not the client's"


async def test_a_secret_signs_where_that_was_registered(shop: Bank) -> None:
    text = signed(inner(shop), "HS256", kid=None)
    assert await why(shop, text) == "the algorithm is not the client's"
    open_shop(shop, request_objects=RequestObjectRules(algorithms=("HS256",)))
    await found(shop, outer(request=text))
    assert await why(shop, signed(inner(shop), "HS256", key=OctKey.import_key("x" * 64), kid=None)) == "bad signature"
    open_shop(shop, request_objects=RequestObjectRules(algorithms=("HS256",)), secret=None)
    assert await why(shop, text) == "the client has no secret"


async def test_a_client_without_keys_cannot_sign(shop: Bank) -> None:
    open_shop(shop, keys=type(SHOP.keys)())
    assert await why(shop, signed(inner(shop))) == "the client has no keys"


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", ""])
async def test_a_token_of_another_kind_is_no_request(shop: Bank, typ: str) -> None:
    assert await why(shop, signed(inner(shop), typ=typ)) == "wrong typ"


async def test_a_client_assertion_is_no_request_and_a_request_is_no_assertion(shop: Bank) -> None:
    """RFC 9101 §10.8: both are signed with the same key."""
    now = shop.provider.now()
    assertion = {"iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "1", "iat": now, "exp": now + 60}
    assert await why(shop, signed(assertion)) == "sub is the client"
    open_shop(shop, service_account=True)
    reply = await shop.post("token", asserting(signed(inner(shop, jti="2"))))
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    reply = await shop.post("token", asserting(signed(inner(shop, jti="3", sub="shop"), typ="oauth-authz-req+jwt")))
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.b.c", "..", "....", "a.b.c.d.e", "\u00e9.a.b", "A" * (LARGEST_OBJECT + 1)]
)
async def test_what_is_no_token_is_no_object(shop: Bank, text: str) -> None:
    with pytest.raises(OAuthError) as error:
        await read_request_object(shop.provider, SHOP, text)
    assert error.value.code.value == "invalid_request_object"


@pytest.mark.parametrize("member", ["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"])
async def test_a_header_that_wants_more_than_a_signature_is_refused(shop: Bank, member: str) -> None:
    text = spelled({"alg": "ES256", "kid": "ec", member: "x"}, inner(shop), lambda _message: b"s" * 64)
    assert await why(shop, text) == "header members other than alg, kid and typ"


async def test_an_object_with_a_member_twice_is_refused(shop: Bank) -> None:
    twice = (
        b'{"client_id":"shop","redirect_uri":"https://shop.bank.al/callback","redirect_uri":"https://evil.example/"}'
    )
    open_shop(shop, request_objects=UNSIGNED)
    text = spelled({"alg": "none"}, twice, lambda _message: b"")
    assert await why(shop, text) == "duplicate JSON member"


# Which parameters count.


async def test_what_stands_outside_fills_in_what_the_object_leaves_open(shop: Bank) -> None:
    """OpenID Connect Core §6.1, for a client that asks by OAuth's own syntax as well."""
    text = signed(inner(shop, scope=None, nonce="inside"))
    asked = await found(shop, outer(request=text, state="outside", nonce="outside", login_hint="ana", scope="openid"))
    assert asked.parameters["state"] == "inside"
    assert asked.parameters["nonce"] == "inside"
    assert asked.parameters["login_hint"] == "ana"
    assert asked.parameters["scope"] == "openid"


@pytest.mark.parametrize("away", [{"scope": None}, {"scope": "phone"}, {"response_type": None}])
async def test_without_the_syntax_of_openid_outside_only_the_object_counts(shop: Bank, away: dict[str, Any]) -> None:
    """RFC 9101 §5: nothing that somebody adds to the address changes the request."""
    asked = await found(shop, outer(request=signed(inner(shop)), login_hint="eve", claims="{}", **away))
    assert asked.parameters.keys() == {
        *("client_id", "response_type", "redirect_uri", "scope", "state"),
        *("code_challenge", "code_challenge_method", "max_age"),
    }


@pytest.mark.parametrize(
    "rules", [RequestObjectRules(demand="request or request_uri"), RequestObjectRules(dated=True), DATED]
)
async def test_of_a_client_that_must_send_objects_only_the_object_counts(shop: Bank, rules: Any) -> None:
    open_shop(shop, request_objects=rules)
    asked = await found(shop, outer(request=signed(inner(shop, redirect_uri=None)), redirect_uri=REDIRECT), "urn:x")
    assert "redirect_uri" not in asked.parameters
    assert asked.resources == ()


async def test_of_a_pushed_object_only_the_object_counts(shop: Bank) -> None:
    """RFC 9126 §3, whatever else the form says."""
    given = Asked(parameters=outer(request=signed(inner(shop)), login_hint="eve"), resources=("urn:x",))
    asked = await with_object(shop.provider, SHOP, given, is_pushed=True)
    assert "login_hint" not in asked.parameters
    assert asked.resources == ()
    merged = await with_object(shop.provider, SHOP, given, is_pushed=False)
    assert merged.parameters["login_hint"] == "eve"


@pytest.mark.parametrize("rules", [RequestObjectRules(), DATED])
@pytest.mark.parametrize("client_id", ["other", "SHOP", " shop"])
async def test_the_object_is_made_for_the_client_that_sends_it(shop: Bank, rules: Any, client_id: str) -> None:
    open_shop(shop, request_objects=rules)
    code, _ = await refused(shop, outer(request=signed(inner(shop, client_id=client_id))))
    assert code == "invalid_request_object"


async def test_an_object_that_counts_alone_names_its_client(shop: Bank) -> None:
    open_shop(shop, request_objects=DATED)
    code, _ = await refused(shop, outer(request=signed(inner(shop, client_id=None))))
    assert code == "invalid_request_object"


async def test_the_response_type_outside_is_the_one_inside(shop: Bank) -> None:
    code, _ = await refused(shop, outer(request=signed(inner(shop, response_type="code id_token"))))
    assert code == "invalid_request_object"
    await found(shop, outer(request=signed(inner(shop, response_type=None))))


async def test_another_clients_object_is_nobodys(shop: Bank) -> None:
    """Two clients with one key: the object says whose it is."""
    shop.realm = msgspec.structs.replace(
        shop.realm, clients={**shop.realm.clients, "twin": msgspec.structs.replace(TWIN, redirect_uris=(REDIRECT,))}
    )
    text = signed(inner(shop, client_id="twin", iss="shop"))
    assert (await refused(shop, outer(request=text)))[0] == "invalid_request_object"
    text = signed(inner(shop, client_id="shop", iss="twin"))
    assert await why(shop, text) == "iss is not the client"


async def test_structured_parameters_are_passed_on_as_json(shop: Bank) -> None:
    claims = {"id_token": {"acr": {"essential": True, "values": ["2fa"]}}}
    asked = await found(
        shop,
        outer(request=signed(inner(shop, claims=claims, authorization_details=[{"type": "x"}], resource=["urn:a"]))),
    )
    assert json.loads(asked.parameters["claims"]) == claims
    assert json.loads(asked.parameters["authorization_details"]) == [{"type": "x"}]
    assert asked.resources == ("urn:a",)
    one = await found(shop, outer(request=signed(inner(shop, resource="urn:a", claims="{}"))), "urn:outside")
    assert one.resources == ("urn:a",)
    assert one.parameters["claims"] == "{}"


# Dates, for the strict profiles (FAPI 1.0 Advanced §5.2.2, FAPI 2.0 Message Signing §5.3.1).

DATES: list[tuple[dict[str, int | None], bool]] = [
    ({}, True),
    ({"exp": None}, False),
    ({"nbf": None}, False),
    ({"iat": None}, True),
    ({"nbf": 8, "iat": 8}, True),
    ({"nbf": 10, "iat": 10, "exp": 60}, True),
    ({"nbf": 61}, False),
    ({"iat": 61}, False),
    ({"nbf": 0, "exp": 3600}, True),
    ({"nbf": 0, "exp": 3601}, False),
    ({"nbf": -3600, "exp": 1, "iat": None}, False),
    ({"nbf": -3599, "exp": 1, "iat": None}, True),
    ({"nbf": -3601, "exp": -1, "iat": None}, False),
    ({"exp": 0}, False),
]


@pytest.mark.parametrize(("dates", "good"), DATES)
async def test_a_dated_object_is_good_for_an_hour_at_most(
    shop: Bank, dates: dict[str, int | None], *, good: bool
) -> None:
    open_shop(shop, request_objects=DATED)
    now = shop.provider.now()
    moments = {name: None if shift is None else now + shift for name, shift in dates.items()}
    if good:
        await found(shop, outer(request=signed(inner(shop, **moments))))
    else:
        await why(shop, signed(inner(shop, **moments)))


async def test_a_dated_object_names_its_audience(shop: Bank) -> None:
    open_shop(shop, request_objects=DATED)
    assert await why(shop, signed(inner(shop, aud=None))) == "aud is not the issuer"


# How an object may come.

DEMANDS: list[tuple[str, bool, bool, bool]] = [
    # demand, plain, by value, by reference
    ("not required", True, True, True),
    ("request or request_uri", False, True, True),
    ("request only", False, True, False),
    ("request_uri only", False, False, True),
]


@pytest.mark.parametrize(("demand", "plain", "by_value", "by_reference"), DEMANDS)
async def test_a_client_sends_its_requests_as_it_has_registered(
    shop: Bank, demand: Any, *, plain: bool, by_value: bool, by_reference: bool
) -> None:
    open_shop(shop, request_objects=RequestObjectRules(demand=demand, uris=(ADDRESS,)))
    text = signed(inner(shop))
    shop.provider.outbound = Site(text)
    for parameters, allowed in (
        (outer(redirect_uri=REDIRECT), plain),
        (outer(request=text), by_value),
        (outer(request_uri=ADDRESS), by_reference),
    ):
        if allowed:
            await found(shop, parameters)
        else:
            assert (await refused(shop, parameters))[0] == "invalid_request"


async def test_an_object_comes_in_one_way(shop: Bank) -> None:
    shop.provider.outbound = Site(signed(inner(shop)))
    assert (await refused(shop, outer(request=signed(inner(shop)), request_uri=ADDRESS)))[0] == "invalid_request"


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}#sha256", "https://shop.bank.al/requests/2"])
async def test_an_object_is_fetched_from_a_registered_address(shop: Bank, address: str) -> None:
    site = shop.provider.outbound = Site(signed(inner(shop)) + "\n")
    asked = await found(shop, outer(request_uri=address))
    assert asked.parameters["state"] == "inside"
    assert site.calls == [address.partition("#")[0]]


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.bank.al/requests/3",
        "https://shop.bank.al/requests/1?x",
        "https://shop.bank.al/requests/1/",
        "https://SHOP.bank.al/requests/1",
        "https://shop.bank.al@evil.example/requests/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "http://shop.bank.al/requests/1",
        "URN:ietf:params:oauth:request_uri:x",
        "#",
    ],
)
async def test_an_address_that_was_not_registered_is_never_called(shop: Bank, address: str) -> None:
    """SSRF: nobody but the registration says what we call (RFC 9101 §10.4)."""
    site = shop.provider.outbound = Site(signed(inner(shop)))
    assert (await refused(shop, outer(request_uri=address)))[0] == "invalid_request_uri"
    assert site.calls == []


async def test_an_address_that_gives_no_object_is_told_apart_from_a_wrong_object(shop: Bank) -> None:
    site = shop.provider.outbound = Site("x")
    assert (await refused(shop, outer(request_uri=ADDRESS)))[0] == "invalid_request_object"
    site.document = b"\xff\xfe"
    assert (await refused(shop, outer(request_uri=ADDRESS)))[0] == "invalid_request_uri"
    site.down = True
    assert (await refused(shop, outer(request_uri=ADDRESS)))[0] == "invalid_request_uri"
    shop.provider.outbound = None
    assert (await refused(shop, outer(request_uri=ADDRESS)))[0] == "request_uri_not_supported"


async def test_an_unsigned_object_by_reference_counts_where_it_was_registered(shop: Bank) -> None:
    open_shop(shop, request_objects=UNSIGNED)
    shop.provider.outbound = Site(unsigned(inner(shop)))
    assert (await found(shop, outer(request_uri=ADDRESS))).parameters["state"] == "inside"


# Encrypted.


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("enc", ["A128CBC-HS256", "A256GCM"])
async def test_a_signed_object_may_be_encrypted_to_us(shop: Bank, alg: str, enc: str) -> None:
    text = encrypted(shop, signed(inner(shop)), alg=alg, enc=enc)
    assert (await found(shop, outer(request=text))).parameters["state"] == "inside"


async def test_an_encrypted_object_is_as_registered_inside_and_outside(shop: Bank) -> None:
    wrong = "encrypted by another algorithm than the client's"
    text = encrypted(shop, signed(inner(shop)))
    for rules in (RequestObjectRules(encryption="ECDH-ES"), RequestObjectRules(content_encryption="A128GCM")):
        open_shop(shop, request_objects=rules)
        assert await why(shop, text) == wrong
    open_shop(shop, request_objects=RequestObjectRules(encrypted=True))
    await found(shop, outer(request=text))
    assert await why(shop, signed(inner(shop))) == "not encrypted"
    assert await why(shop, encrypted(shop, unsigned(inner(shop)))) == "the algorithm is not the client's"
    assert await why(shop, encrypted(shop, signed(inner(shop), key=FOREIGN))) == "bad signature"
    assert await why(shop, encrypted(shop, "é")) == "no token is inside"
    assert await why(shop, encrypted(shop, signed(inner(shop)), cty="json")) == "no token is inside"
    assert await why(shop, encrypted(shop, text)) == "not a token in compact form", "twice is once too often"


# Whatever comes.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["scope", "claims", "authorization_details", "resource", "iss", "exp", "request", "max_age", "x"]
)


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6))
def test_any_claims_give_parameters_that_can_be_stored_or_an_error(claims: dict[str, Any]) -> None:
    try:
        asked = parameters_of(claims)
    except TokenError:
        return
    assert all(asked.parameters.values())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(asked), type=type(asked)) == asked
    assert not {"iss", "exp", "request", "resource"} & asked.parameters.keys()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.lists(st.text(alphabet="ABCabc019-_", max_size=12), max_size=6).map(".".join))
async def test_any_text_is_an_invalid_object_and_nothing_worse(text: str) -> None:
    bank = Bank(FakeClock())
    with pytest.raises(OAuthError) as error:
        await read_request_object(bank.provider, SHOP, text)
    assert error.value.code.value == "invalid_request_object"


PARAMETERS = st.dictionaries(
    st.sampled_from(["client_id", "response_type", "redirect_uri", "state", "scope", "request", "request_uri", "x"]),
    st.sampled_from(["shop", "code", "a", "b"]),
)


@given(outside=PARAMETERS, inside=PARAMETERS, merges=st.booleans())
def test_the_object_always_wins_and_alone_it_is_all_there_is(
    *, outside: dict[str, str], inside: dict[str, str], merges: bool
) -> None:
    inside = {name: value for name, value in inside.items() if name not in {"request", "request_uri"}}
    asked = None
    with contextlib.suppress(OAuthError):
        asked = in_effect(Asked(parameters=outside), Asked(parameters=inside), merges=merges).parameters
    differing = {name for name in ("client_id", "response_type") if inside.get(name) != outside.get(name)}
    if asked is None:
        assert differing, "nothing else is a reason"
        return
    assert inside.items() <= asked.items()
    assert asked.get("client_id") == outside.get("client_id")
    assert not {"request", "request_uri"} & asked.keys()
    assert merges or asked == inside
