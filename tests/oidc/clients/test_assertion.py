"""private_key_jwt and client_secret_jwt: what counts as a proof, and everything that looks like one."""

from __future__ import annotations

import asyncio
import hmac
import json
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from idp.model.clients.assertion import AssertionRules, KeySource
from idp.model.clients.rules import SECURE_ALGORITHMS, ClientRules
from idp.model.secret import Secret
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, PATH, SECRET, Bank, payload
from tests.oidc.signers import (
    ASSERTION_TYPE,
    FOREIGN,
    ISSUER,
    JWKS,
    KEYS,
    SHARED,
    asserting,
    claims,
    segment,
    signed,
    spelled,
    staff,
)

pytestmark = pytest.mark.anyio
SAML = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"  # RFC 10070 ends it


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    return staff(Bank(clock))


def es256(message: bytes) -> bytes:
    r, s = decode_dss_signature(KEYS["ES256"].private_key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


async def refused(bank: Bank, form: dict[str, str], *, error: str = "invalid_client", **options: Any) -> None:
    reply = await bank.post("token", form, **options)
    assert (reply.status_code, reply.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    assert "access_token" not in reply.text


async def accepted(bank: Bank, assertion: str, **form: str) -> None:
    reply = await bank.post("token", asserting(assertion, **form))
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256", "RS256", "EdDSA"])
async def test_a_client_proves_itself_by_its_key(bank: Bank, algorithm: str) -> None:
    await accepted(bank, signed(claims(bank), algorithm))


TOKEN = f"{BASE}{PATH}token"


@pytest.mark.parametrize("audience", [[ISSUER], [ISSUER, "https://elsewhere.example"], [TOKEN]])
async def test_a_client_of_an_older_profile_may_write_a_list(bank: Bank, audience: Any) -> None:
    await refused(bank, asserting(signed(claims(bank, aud=audience))))
    bank.change_client("robot", assertion=AssertionRules(endpoint_audience=True))
    await accepted(bank, signed(claims(bank, aud=audience)))


@pytest.mark.parametrize("audience", [[ISSUER], TOKEN])
async def test_a_client_that_writes_the_type_of_rfc_10070_is_not_older(bank: Bank, audience: Any) -> None:
    bank.change_client("robot", assertion=AssertionRules(endpoint_audience=True))
    await refused(bank, asserting(signed(claims(bank, aud=audience), typ="client-authentication+jwt")))
    await accepted(bank, signed(claims(bank), typ="client-authentication+jwt"))


async def test_the_addresses_that_ask_for_certificates_are_names_too(bank: Bank) -> None:
    alias = f"https://mtls.bank.al{PATH}token"
    for mutual_tls_url, found in (("", 401), ("https://mtls.bank.al", 200)):
        bank.provider.mutual_tls_url = mutual_tls_url
        bank.change_client("robot", assertion=AssertionRules(endpoint_audience=True))
        reply = await bank.post("token", asserting(signed(claims(bank, aud=alias))))
        assert reply.status_code == found


@pytest.mark.parametrize(
    "audience", ["https://id.evil.example", [], [1], {"a": ISSUER}, None, f"{ISSUER}/", [["x"]], "https://id.bank.al"]
)
async def test_another_audience_is_refused_of_every_client(bank: Bank, audience: Any) -> None:
    bank.change_client("robot", assertion=AssertionRules(endpoint_audience=True))
    await refused(bank, asserting(signed(claims(bank, aud=audience))))


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_a_fapi_client_signs_by_what_its_policy_permits(bank: Bank, algorithm: str) -> None:
    bank.change_client("robot", rules=ClientRules(algorithms=SECURE_ALGORITHMS))
    await accepted(bank, signed(claims(bank), algorithm))
    for forbidden in ("RS256", "ES384"):
        await refused(bank, asserting(signed(claims(bank), forbidden)))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_client_proves_itself_by_its_secret_without_sending_it(bank: Bank, algorithm: str) -> None:
    await accepted(bank, signed(claims(bank, "sharer"), algorithm))


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "application/Client-Authentication+JWT", "JWT", None])
async def test_the_type_of_rfc_10070_and_those_of_older_libraries_count(bank: Bank, typ: str | None) -> None:
    await accepted(bank, signed(claims(bank), typ=typ))


async def test_a_matching_client_id_may_stand_beside_the_assertion(bank: Bank) -> None:
    await accepted(bank, signed(claims(bank)), client_id="robot")
    await refused(bank, asserting(signed(claims(bank)), client_id="twin"))


async def test_a_set_with_one_fitting_key_needs_no_kid(bank: Bank) -> None:
    await accepted(bank, signed(claims(bank), kid=None))


@pytest.mark.parametrize("endpoint", ["token/introspect", "revoke"])
async def test_every_endpoint_that_wants_a_client_takes_an_assertion(bank: Bank, endpoint: str) -> None:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(claims(bank)), "token": "x"}
    assert (await bank.post(endpoint, form)).status_code == 200
    assert (await bank.post(endpoint, form)).status_code == 401, "the same assertion at the same place"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": [ISSUER]}, id="RFC 10070 a list with the issuer alone"),
        pytest.param({"aud": [ISSUER, "https://evil.example"]}, id="CVE-2025-27370 a list with the issuer"),
        pytest.param({"aud": f"{BASE}{PATH}token"}, id="CVE-2025-27371 the token endpoint"),
        pytest.param({"aud": f"{BASE}{PATH}ext/par/request"}, id="the PAR endpoint"),
        pytest.param({"aud": f"{ISSUER}/"}, id="the issuer with a slash"),
        pytest.param({"aud": ISSUER.upper()}, id="the issuer in capitals"),
        pytest.param({"aud": f"{BASE}/realms/other"}, id="another realm"),
        pytest.param({"aud": {"a": ISSUER}}, id="an object"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"iss": "twin"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"iss": ["robot"]}, id="CVE-2026-75509 a list as issuer"),
        pytest.param({"sub": "twin"}, id="another subject"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": ["robot"]}, id="a list as subject"),
        pytest.param({"sub": "nobody", "iss": "nobody"}, id="an unknown client"),
        pytest.param({"sub": "spa", "iss": "spa"}, id="a public client"),
        pytest.param({"sub": "app", "iss": "app"}, id="a client that has a plain secret"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": ""}, id="an empty jti"),
        pytest.param({"jti": 7}, id="jti is a number"),
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"exp": "1900000000"}, id="exp is text"),
        pytest.param({"exp": 1_800_000_010.5}, id="exp is a fraction"),
        pytest.param({"exp": True}, id="exp is true"),
        pytest.param({"exp": 1_800_000_000}, id="expired this second"),
        pytest.param({"exp": 1_799_999_700, "iat": 1_799_999_690}, id="expired five minutes ago"),
        pytest.param({"exp": 1_800_000_061}, id="longer than a minute"),
        pytest.param({"exp": 1_800_000_061, "iat": None}, id="longer than a minute, without iat"),
        pytest.param({"iat": 1_800_000_061, "exp": 1_800_000_070}, id="issued more than a minute ahead"),
        pytest.param({"nbf": 1_800_000_061}, id="valid in more than a minute"),
        pytest.param({"iat": "1800000000"}, id="iat is text"),
        pytest.param({"nbf": []}, id="nbf is a list"),
    ],
)
async def test_an_assertion_with_wrong_claims_is_refused(bank: Bank, changes: dict[str, Any]) -> None:
    await refused(bank, asserting(signed(claims(bank, **changes))))
    await accepted(bank, signed(claims(bank)))


@pytest.mark.parametrize("member", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "status"), [(8, 200), (10, 200), (61, 401)])
async def test_fapi_2_a_clock_may_be_ten_seconds_ahead_and_not_sixty(
    bank: Bank, member: str, ahead: int, status: int
) -> None:
    now = bank.provider.now()
    assertion = signed(claims(bank, **{member: now + ahead, "exp": now + 60}))
    assert (await bank.post("token", asserting(assertion))).status_code == status


async def test_the_longest_life_is_the_clients(bank: Bank) -> None:
    now = bank.provider.now()
    await refused(bank, asserting(signed(claims(bank, exp=now + 120))))
    bank.change_client("robot", assertion=AssertionRules(longest_life=120))
    await accepted(bank, signed(claims(bank, exp=now + 120)))
    await refused(bank, asserting(signed(claims(bank, exp=now + 121))))


async def test_cve_2020_5300_an_assertion_counts_once(bank: Bank) -> None:
    assertion = signed(claims(bank))
    await accepted(bank, assertion)
    await refused(bank, asserting(assertion))
    bank.clock.advance(59)
    await refused(bank, asserting(assertion))


async def test_cve_2020_15222_one_jti_counts_once_in_whatever_assertion(bank: Bank) -> None:
    await accepted(bank, signed(claims(bank, jti="one")))
    await refused(bank, asserting(signed(claims(bank, jti="one"), "PS256")))


async def test_many_racers_with_one_assertion_have_one_winner(bank: Bank) -> None:
    form = asserting(signed(claims(bank)))
    replies = await asyncio.gather(*(bank.post("token", form) for _ in range(20)))
    assert sorted(reply.status_code for reply in replies) == [200, *[401] * 19]


async def test_a_jti_belongs_to_its_client(bank: Bank) -> None:
    await accepted(bank, signed(claims(bank, jti="one")))
    await accepted(bank, signed(claims(bank, "twin", jti="one")))
    await accepted(bank, signed(claims(bank, "sharer", jti="one"), "HS256"))


async def test_a_forged_assertion_does_not_spend_a_jti(bank: Bank) -> None:
    await refused(bank, asserting(signed(claims(bank, jti="one"), key=FOREIGN)))
    await refused(bank, asserting(signed(claims(bank, jti="one", aud=BASE))))
    await accepted(bank, signed(claims(bank, jti="one")))


HEADER = {"alg": "ES256", "kid": "ec", "typ": "JWT"}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({**HEADER, "alg": "none"}, id="CVE-2026-28802 alg none"),
        pytest.param({**HEADER, "alg": "NonE"}, id="alg none in another case"),
        pytest.param({**HEADER, "alg": "ES384"}, id="an algorithm that is not the key's"),
        pytest.param({**HEADER, "alg": "ES256K"}, id="an algorithm that is not offered"),
        pytest.param({**HEADER, "alg": ["ES256"]}, id="alg is a list"),
        pytest.param({"kid": "ec"}, id="no alg"),
        pytest.param({**HEADER, "kid": "other"}, id="an unknown kid"),
        pytest.param({**HEADER, "kid": ["ec"]}, id="kid is a list"),
        pytest.param({**HEADER, "kid": "../../dev/null"}, id="kid is a path"),
        pytest.param({**HEADER, "typ": "oauth-authz-req+jwt"}, id="RFC 9101 a request object"),
        pytest.param({**HEADER, "typ": "dpop+jwt"}, id="a DPoP proof"),
        pytest.param({**HEADER, "typ": "at+jwt"}, id="an access token"),
        pytest.param({**HEADER, "typ": ""}, id="an empty type"),
        pytest.param({**HEADER, "crit": ["exp"], "exp": 1}, id="CVE-2025-59420 unknown crit"),
        pytest.param({**HEADER, "crit": []}, id="CVE-2026-32597 empty crit"),
        pytest.param({**HEADER, "b64": False}, id="unencoded payload"),
        pytest.param({**HEADER, "jwk": KEYS["ES256"].as_dict(private=False)}, id="CVE-2026-27962 key in the header"),
        pytest.param({**HEADER, "jku": "https://evil.example/jwks"}, id="keys by address"),
        pytest.param({**HEADER, "x5u": "https://evil.example/cert"}, id="certificate by address"),
        pytest.param({**HEADER, "x5c": ["MII"]}, id="certificate in the header"),
        pytest.param({**HEADER, "zip": "DEF"}, id="compression"),
        pytest.param({**HEADER, "cty": "JWT"}, id="nested"),
        pytest.param([], id="a list"),
        pytest.param(b'{"alg":"none","alg":"ES256","kid":"ec"}', id="a member twice"),
        pytest.param(b"\xff", id="not text"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_a_hostile_header_is_refused_even_if_well_signed(bank: Bank, header: object) -> None:
    await accepted(bank, spelled(HEADER, claims(bank), es256))
    await refused(bank, asserting(spelled(header, claims(bank), es256)))


async def test_a_member_twice_in_the_claims_is_refused(bank: Bank) -> None:
    twice = json.dumps(claims(bank)).encode().replace(b'{"iss"', b'{"aud": "https://evil.example", "iss"')
    await refused(bank, asserting(spelled(HEADER, twice, es256)))


@pytest.mark.parametrize(
    "mutilate",
    [
        pytest.param(lambda t: t + "=", id="CVE-2026-62995 padding"),
        pytest.param(lambda t: t[:-1] + ("B" if t[-1] != "B" else "C"), id="stray bits"),
        pytest.param(lambda t: t.replace(".", "..", 1), id="four segments"),
        pytest.param(lambda t: t.rpartition(".")[0] + ".", id="no signature"),
        pytest.param(lambda t: t.rpartition(".")[0], id="two segments"),
        pytest.param(lambda t: t + "\n", id="a line end"),
        pytest.param(lambda t: f" {t}", id="a space"),
        pytest.param(lambda t: json.dumps({"payload": t.split(".")[1]}), id="CVE-2026-96760 JSON form"),
        pytest.param(lambda t: t + "é", id="not ASCII"),
        pytest.param(lambda t: f"{t.split('.')[0]}.{segment(b' ' * 9000)}.{t.split('.')[2]}", id="too long"),
        pytest.param(lambda t: f"{t.split('.')[0]}.{segment(b'[' * 5000)}.{t.split('.')[2]}", id="deep"),
        pytest.param(lambda t: f"{t}.a.b", id="an encrypted token's five segments"),
    ],
)
async def test_another_spelling_is_another_token(bank: Bank, mutilate: Any) -> None:
    assertion = signed(claims(bank))
    await refused(bank, asserting(mutilate(assertion)))
    await accepted(bank, assertion)


async def test_cve_2026_114615_the_public_key_is_no_hmac_key(bank: Bank) -> None:
    for key in (KEYS["RS256"].as_pem(private=False), JWKS.encode(), SHARED.encode()):
        forged = spelled({"alg": "HS256", "kid": "rsa"}, claims(bank), partial(hmac.digest, key, digest="sha256"))
        await refused(bank, asserting(forged))


async def test_cve_2026_49852_an_empty_or_short_secret_proves_nothing(bank: Bank) -> None:
    bank.change_client("sharer", secret=Secret("s" * 32))
    short = OctKey.import_key("s" * 32)
    await accepted(bank, signed(claims(bank, "sharer"), "HS256", key=short))
    await refused(bank, asserting(signed(claims(bank, "sharer"), "HS512", key=short)))
    for secret in (None, Secret("")):
        bank.change_client("sharer", secret=secret)
        forged = spelled({"alg": "HS256"}, claims(bank, "sharer"), partial(hmac.digest, b"", digest="sha256"))
        await refused(bank, asserting(forged))


async def test_a_client_authenticates_by_its_registered_method_only(bank: Bank) -> None:
    grant = {"grant_type": "client_credentials"}
    for name in ("robot", "sharer"):
        await refused(bank, {**grant, "client_id": name, "client_secret": SHARED})
        await refused(bank, grant, auth=(name, SHARED))
        await refused(bank, {**grant, "client_id": name})
    await refused(bank, asserting(signed(claims(bank, "sharer"))))
    await refused(bank, asserting(signed(claims(bank), "HS256")))
    bank.change_client("app", service_account=True, secret=Secret(SHARED))
    await refused(bank, asserting(signed(claims(bank, "app"), "HS256")))


async def test_a_registered_algorithm_is_the_only_one(bank: Bank) -> None:
    bank.change_client("robot", assertion=AssertionRules(algorithm="PS256"))
    await accepted(bank, signed(claims(bank), "PS256"))
    for other in ("RS256", "ES256"):
        await refused(bank, asserting(signed(claims(bank), other)))


async def test_a_disabled_client_is_nobody(bank: Bank) -> None:
    bank.change_client("robot", enabled=False)
    await refused(bank, asserting(signed(claims(bank))))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_assertion": "x"}, "invalid_request"),
        ({"client_assertion_type": ASSERTION_TYPE}, "invalid_request"),
        ({"client_assertion_type": ASSERTION_TYPE + "x", "client_assertion": "x"}, "invalid_client"),
        ({"client_assertion_type": SAML, "client_assertion": "x"}, "invalid_client"),
        ({"client_assertion_type": ASSERTION_TYPE, "client_assertion": "x"}, "invalid_client"),
    ],
)
async def test_half_a_proof_or_another_kind_is_refused(bank: Bank, form: dict[str, str], error: str) -> None:
    await refused(bank, {"grant_type": "client_credentials", **form}, error=error)


async def test_two_methods_in_one_request_are_refused_and_spend_nothing(bank: Bank) -> None:
    assertion = signed(claims(bank))
    await refused(bank, asserting(assertion, client_secret=SHARED), error="invalid_request")
    await refused(bank, asserting(assertion), error="invalid_request", auth=("robot", SHARED))
    await accepted(bank, assertion)


async def test_refusals_look_alike_and_tell_the_log_why(bank: Bank) -> None:
    wrong = [signed(claims(bank, "nobody")), signed(claims(bank), key=FOREIGN), signed(claims(bank, aud=BASE))]
    replies = [(await bank.post("token", asserting(one))).json() for one in wrong]
    assert replies[0] == replies[1] == replies[2]
    events = await bank.stores.events.recent(limit=10)
    # Of a client that exists, and never of a name that somebody invented.
    assert [(event.type, event.client_id) for event in events] == [("CLIENT_LOGIN_ERROR", "robot")] * 2
    assert [event.detail["reason"] for event in events] == [
        "client assertion: aud is not the issuer identifier",
        "client assertion: bad signature",
    ]
    assert not any(one in json.dumps(bank.logged, default=str) for one in wrong), "an assertion is in the log"


async def test_a_code_is_redeemed_with_an_assertion(bank: Bank) -> None:
    bank.change_client("app", authentication="client-jwt", keys=KeySource(jwks=JWKS))
    await bank.customer()
    await bank.login()
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(claims(bank, "app"))}
    code = await bank.code()
    assert (await bank.redeem(code)).status_code == 401, "its old secret is of no use"
    reply = await bank.redeem(code, client_secret=None, **proof)
    assert reply.status_code == 200, reply.text
    assert payload(reply.json()["access_token"])["azp"] == "app"
    assert SECRET not in reply.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.text(max_size=200), st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,60}){2}", fullmatch=True)
    )
)
def test_whatever_text_is_presented_is_refused_in_order(text: str) -> None:
    async def present() -> None:
        bank = staff(Bank(FakeClock()))
        reply = await bank.post("token", asserting(text))
        assert reply.status_code in {400, 401}

    asyncio.run(present())


@settings(max_examples=60)
@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "jti", "exp", "iat", "nbf"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
            st.lists,
            max_leaves=4,
        ),
        min_size=1,
    )
)
def test_whatever_well_signed_claims_say_they_never_break_the_endpoint(changes: dict[str, Any]) -> None:
    async def present() -> None:
        bank = staff(Bank(FakeClock()))
        assertion = spelled(HEADER, {**claims(bank), **changes}, es256)
        reply = await bank.post("token", asserting(assertion))
        assert reply.status_code in {200, 401}
        if reply.status_code == 200:
            assert set(changes) <= {"jti", "iat", "nbf", "exp"}

    asyncio.run(present())


@pytest.mark.parametrize("endpoint", ["token", "ext/par/request", "ext/ciba/auth", "revoke", "token/introspect"])
async def test_a_client_of_an_older_profile_may_name_an_endpoint(bank: Bank, endpoint: str) -> None:
    """OpenID Connect Core §9 and CIBA §7.1, where the client is registered so; elsewhere RFC 10070."""
    audience = f"{BASE}{PATH}{endpoint}"
    await refused(bank, asserting(signed(claims(bank, aud=audience))))
    bank.change_client("robot", assertion=AssertionRules(endpoint_audience=True))
    reply = await bank.post("token", asserting(signed(claims(bank, aud=audience))))
    assert reply.status_code == 200, reply.text
    assert (await bank.post("token", asserting(signed(claims(bank))))).status_code == 200
    for wrong in (
        f"{BASE}{PATH}userinfo",
        f"{audience}/",
        "https://evil.example/token",
        {"a": audience},
        [{"a": audience}],
    ):
        await refused(bank, asserting(signed(claims(bank, aud=wrong))))
