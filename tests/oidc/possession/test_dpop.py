"""DPoP at the token endpoint: each way to be wrong by name (RFC 9449 §4.3, §5, §8, §10, §11)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey, RSAKey

from idp.crypto.digest import digest
from idp.crypto.dpop_proof import LARGEST_PROOF, read_proof
from idp.crypto.jose import TokenError
from idp.model.clients.rules import SECURE_ALGORITHMS, ClientRules
from idp.model.clients.sender import SenderRules
from idp.oidc.clients.sender import pushed_key
from idp.oidc.errors import OAuthError
from idp.web.http import Request
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, CHALLENGE, PATH, REDIRECT, Bank, credentials, payload
from tests.oidc.proofs import KEY, STRANGER, TOKEN, jkt_of, key_for, proof
from tests.oidc.signers import segment, spelled

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    bank = Bank(clock)
    bank.change_client("app", service_account=True)
    return bank


async def asked(bank: Bank, *proofs: str) -> httpx.Response:
    """Ask for a client's own token with these proofs."""
    form = {"grant_type": "client_credentials", **credentials("app")}
    return await bank.http.post(PATH + "token", data=form, headers=[("DPoP", text) for text in proofs])


async def refused(bank: Bank, *proofs: str, error: str = "invalid_dpop_proof") -> httpx.Response:
    reply = await asked(bank, *proofs)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    assert "access_token" not in reply.text
    return reply


def reason(bank: Bank) -> str:
    """Return what the log knows about the last refusal."""
    lines = [line for line in bank.logged if line.get("detail")]
    detail = lines[-1]["detail"]
    return str(detail["reason"] if isinstance(detail, dict) else detail)


async def test_a_token_asked_for_with_a_proof_is_bound_to_its_key(bank: Bank) -> None:
    answer = (await asked(bank, proof(bank))).json()
    assert answer["token_type"] == "DPoP"
    claims = payload(answer["access_token"])
    assert claims["cnf"] == {"jkt": jkt_of()}
    assert claims["typ"] == "DPoP"


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256", "EdDSA"])
async def test_each_algorithm_for_proofs_is_accepted(bank: Bank, algorithm: str) -> None:
    key = key_for(algorithm)
    answer = (await asked(bank, proof(bank, key=key, algorithm=algorithm))).json()
    assert payload(answer["access_token"])["cnf"] == {"jkt": jkt_of(key)}


async def test_a_fapi_client_proves_its_key_by_what_its_policy_permits(bank: Bank) -> None:
    bank.change_client("app", rules=ClientRules(algorithms=SECURE_ALGORITHMS))
    for algorithm in ("ES256", "PS256", "EdDSA"):
        assert (await asked(bank, proof(bank, key=key_for(algorithm), algorithm=algorithm))).status_code == 200
    await refused(bank, proof(bank, key=key_for("ES384"), algorithm="ES384"))


async def test_without_a_proof_the_token_is_a_bearer_token(bank: Bank) -> None:
    answer = (await asked(bank)).json()
    assert answer["token_type"] == "Bearer"
    assert "cnf" not in payload(answer["access_token"])


async def test_a_client_that_must_send_proofs_gets_nothing_without(bank: Bank) -> None:
    bank.change_client("app", sender=SenderRules(dpop_bound=True))
    await refused(bank, error="invalid_request")
    assert (await asked(bank, proof(bank))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"typ": "jwt"}, id="another typ"),
        pytest.param({"typ": None}, id="no typ"),
        pytest.param({"typ": "DPOP+JWT"}, id="typ in capitals"),
        pytest.param({"jwk": None}, id="no jwk"),
        pytest.param({"jwk": "text"}, id="jwk is no object"),
        pytest.param({"jwk": {}}, id="empty jwk"),
        pytest.param({"jwk": STRANGER.as_dict(private=False)}, id="another key in the header"),
        pytest.param({"jwk": KEY.as_dict(private=True)}, id="a private key in the header"),
        pytest.param({"jwk": {**KEY.as_dict(private=False), "use": "enc"}}, id="a key for encryption"),
        pytest.param({"jwk": {**KEY.as_dict(private=False), "crv": "secp256k1"}}, id="another curve"),
        pytest.param({"crit": ["exp"], "exp": 1}, id="crit"),
        pytest.param({"crit": ["b64"], "b64": False}, id="b64"),
    ],
)
async def test_a_proof_with_another_header_is_refused(bank: Bank, changes: dict[str, Any]) -> None:
    good = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    header = {name: value for name, value in {**good, **changes}.items() if value is not None}
    claims = {"jti": "1", "htm": "POST", "htu": TOKEN, "iat": bank.provider.now()}
    await refused(bank, by_hand(header, claims))


@pytest.mark.parametrize("more", [{"tx_id": 1}, {"jku": "https://evil.example", "x5c": []}], ids=["own", "keys"])
async def test_what_is_not_known_in_a_header_is_ignored(bank: Bank, more: dict[str, Any]) -> None:
    """RFC 7515 §4: neither refused nor used; the key is still that of `jwk`."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False), **more}
    claims = {"jti": "1", "htm": "POST", "htu": TOKEN, "iat": bank.provider.now()}
    reply = await asked(bank, by_hand(header, claims))
    assert reply.status_code == 200
    assert payload(reply.json()["access_token"])["cnf"] == {"jkt": jkt_of()}


def by_hand(header: dict[str, Any], claims: Any, key: Any = KEY) -> str:
    """Sign whatever the header says, with the P-256 key."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - for this forgery only
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.private_key.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return spelled(header, claims, sign)


async def test_an_unsigned_proof_is_refused(bank: Bank) -> None:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": KEY.as_dict(private=False)}
    await refused(bank, spelled(header, payload(proof(bank)), lambda _: b""))
    assert "algorithm" in reason(bank)


async def test_a_symmetric_proof_is_refused(bank: Bank) -> None:
    shared = OctKey.import_key("s" * 32)
    text = proof(bank, key=shared, algorithm="HS256", header={"jwk": shared.as_dict(private=True)})
    await refused(bank, text)
    assert "algorithm" in reason(bank)


async def test_rs256_is_no_algorithm_for_proofs(bank: Bank) -> None:
    await refused(bank, proof(bank, key=key_for("RS256"), algorithm="RS256"))
    assert "algorithm" in reason(bank)


async def test_a_weak_key_proves_nothing(bank: Bank) -> None:
    with pytest.warns(match="2048"):
        weak = RSAKey.generate_key(1024)
    await refused(bank, proof(bank, key=weak, algorithm="PS256"))
    assert "2048" in reason(bank)


async def test_an_altered_signature_is_refused(bank: Bank) -> None:
    head, body, _ = proof(bank).split(".")
    _, _, other = proof(bank).split(".")
    await refused(bank, f"{head}.{body}.{other}")
    assert "bad signature" in reason(bank)


async def test_altered_claims_are_refused(bank: Bank) -> None:
    head, _, signature = proof(bank).split(".")
    await refused(bank, ".".join([head, segment({**payload(proof(bank)), "jti": "x"}), signature]))


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [None, "", 1.5, [], True])
async def test_each_claim_is_required_and_of_its_type(bank: Bank, name: str, value: Any) -> None:
    await refused(bank, proof(bank, **{name: value}))
    assert name in reason(bank)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"htm": "GET"}, id="another method"),
        pytest.param({"htm": "post"}, id="the method in small letters"),
        pytest.param({"htu": f"{TOKEN}/introspect"}, id="another endpoint"),
        pytest.param({"htu": TOKEN.replace("https", "http")}, id="another scheme"),
        pytest.param({"htu": TOKEN.replace("id.bank.al", "evil.example")}, id="another host"),
        pytest.param({"htu": TOKEN.replace("id.bank.al", "id.bank.al:8443")}, id="another port"),
        pytest.param({"htu": TOKEN.replace("id.bank.al", "user@id.bank.al")}, id="with a user"),
        pytest.param({"htu": TOKEN.upper()}, id="the path in capitals"),
        pytest.param({"htu": PATH + "token"}, id="a path only"),
        pytest.param({"htu": "nonsense"}, id="no address"),
    ],
)
async def test_a_proof_for_another_request_is_refused(bank: Bank, changes: dict[str, Any]) -> None:
    await refused(bank, proof(bank, **changes))


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(TOKEN.replace("https://id.bank.al", "HTTPS://ID.Bank.al"), id="capitals"),
        pytest.param(TOKEN.replace("id.bank.al", "id.bank.al:443"), id="the default port"),
        pytest.param(TOKEN.replace("/token", "/./x/../%74oken"), id="dots and needless escapes"),
        pytest.param(f"{TOKEN}?query=1", id="a query"),
        pytest.param(f"{TOKEN}#fragment", id="a fragment"),
    ],
)
async def test_another_spelling_of_the_address_is_the_address(bank: Bank, address: str) -> None:
    assert (await asked(bank, proof(bank, address=address))).status_code == 200


async def test_no_address_is_not_the_same_as_no_address(bank: Bank) -> None:
    bank.provider.base_url = "nonsense"
    await refused(bank, proof(bank, address="nonsense"))


@pytest.mark.parametrize("seconds", [-60, -10, 0, 10, 30])
async def test_a_proof_of_about_now_is_accepted(bank: Bank, seconds: int) -> None:
    assert (await asked(bank, proof(bank, iat=bank.provider.now() + seconds))).status_code == 200


@pytest.mark.parametrize("seconds", [-3600, -61, 31, 61])
async def test_a_proof_of_another_time_is_refused(bank: Bank, seconds: int) -> None:
    await refused(bank, proof(bank, iat=bank.provider.now() + seconds))


@pytest.mark.parametrize(("name", "seconds"), [("nbf", 31), ("exp", 0), ("exp", -1)])
async def test_other_times_count_where_a_proof_has_them(bank: Bank, name: str, seconds: int) -> None:
    wrong: dict[str, Any] = {name: bank.provider.now() + seconds}
    await refused(bank, proof(bank, **wrong))
    good = proof(bank, nbf=bank.provider.now() + 8, exp=bank.provider.now() + 1)
    assert (await asked(bank, good)).status_code == 200


async def test_a_proof_counts_once(bank: Bank, clock: FakeClock) -> None:
    text = proof(bank, iat=bank.provider.now() + 30)
    assert (await asked(bank, text)).status_code == 200
    await refused(bank, text)
    assert "used before" in reason(bank)
    clock.advance(90)  # the last moment at which its time would be right
    await refused(bank, text)
    assert "used before" in reason(bank)


async def test_nobody_spends_anothers_proof_by_choosing_its_id(bank: Bank) -> None:
    assert (await asked(bank, proof(bank, key=STRANGER, jti="the same"))).status_code == 200
    assert (await asked(bank, proof(bank, jti="the same"))).status_code == 200


async def test_a_proof_that_is_refused_is_not_spent(bank: Bank) -> None:
    await refused(bank, proof(bank, jti="once", htm="GET"))
    assert (await asked(bank, proof(bank, jti="once"))).status_code == 200


@pytest.mark.parametrize("name", ["jti", "nonce", "ath", "htu"])
async def test_half_of_a_character_is_refused_and_nobody_stumbles_over_it(bank: Bank, name: str) -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    claims = {"jti": "1", "htm": "POST", "htu": TOKEN, "iat": bank.provider.now(), name: "\ud800"}
    await refused(bank, by_hand(header, claims))
    assert "not JSON" in reason(bank)


async def test_two_proofs_are_none(bank: Bank) -> None:
    await refused(bank, proof(bank), proof(bank))


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "..", "é.é.é", "a.b.c.d"])
async def test_what_is_no_proof_is_refused(bank: Bank, text: str) -> None:
    form = {"grant_type": "client_credentials", **credentials("app")}
    reply = await bank.http.post(PATH + "token", data=form, headers=[(b"DPoP", text.encode())])
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_dpop_proof")


async def test_an_oversized_proof_is_refused(bank: Bank) -> None:
    await refused(bank, proof(bank, more="x" * LARGEST_PROOF))
    assert "too long" in reason(bank)


async def test_a_duplicate_member_is_refused(bank: Bank) -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    claims = json.dumps({"jti": "1", "htm": "POST", "htu": TOKEN, "iat": bank.provider.now()})
    await refused(bank, by_hand(header, (claims[:-1] + ', "htm": "POST"}').encode()))
    assert "duplicate" in reason(bank)


async def test_a_client_assertion_is_no_proof(bank: Bank) -> None:
    header = {"alg": "ES256", "typ": "client-authentication+jwt"}
    claims = {"jti": "1", "htm": "POST", "htu": TOKEN, "iat": bank.provider.now()}
    await refused(bank, by_hand(header, claims))


async def test_a_refusal_says_nothing_of_why_and_is_an_event(bank: Bank) -> None:
    reply = await refused(bank, proof(bank, htm="GET"))
    assert reply.json()["error_description"] == "The DPoP proof is missing or not valid."
    assert "CLIENT_LOGIN_ERROR" in await bank.events()


# --- nonces (§8) ---------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(bank: Bank) -> Bank:
    bank.change_client("app", sender=SenderRules(dpop_bound=True, dpop_nonce=True))
    return bank


async def nonce(bank: Bank) -> str:
    reply = await refused(bank, proof(bank), error="use_dpop_nonce")
    return str(reply.headers["dpop-nonce"])


async def test_that_a_nonce_is_needed_is_no_event(strict: Bank) -> None:
    await nonce(strict)
    assert await strict.events() == []
    assert any(line.get("error") == "use_dpop_nonce" for line in strict.logged)


async def test_a_client_of_nonces_is_told_which_one_to_use(strict: Bank) -> None:
    given = await nonce(strict)
    assert (await asked(strict, proof(strict, nonce=given))).status_code == 200
    assert (await asked(strict, proof(strict, nonce=given))).status_code == 200, "and may use it again"


async def test_a_proof_without_a_nonce_is_not_spent(strict: Bank) -> None:
    reply = await refused(strict, proof(strict, jti="once"), error="use_dpop_nonce")
    again = proof(strict, jti="once", nonce=reply.headers["dpop-nonce"])
    assert (await asked(strict, again)).status_code == 200


@pytest.mark.parametrize("invented", ["x", "é", "A" * 24])
async def test_a_nonce_that_is_not_ours_is_refused(strict: Bank, invented: str) -> None:
    await refused(strict, proof(strict, nonce=invented), error="use_dpop_nonce")


async def test_a_nonce_grows_old(strict: Bank, clock: FakeClock) -> None:
    given = await nonce(strict)
    clock.advance(150)
    assert (await asked(strict, proof(strict, nonce=given))).status_code == 200, "in the window after its own"
    clock.advance(150)
    await refused(strict, proof(strict, nonce=given), error="use_dpop_nonce")


async def test_an_old_nonce_is_refused_even_where_none_is_needed(bank: Bank) -> None:
    await refused(bank, proof(bank, nonce="ours once, perhaps"), error="use_dpop_nonce")


async def test_another_realms_nonce_is_refused(strict: Bank) -> None:
    strict.provider.issuer += "-other"
    given = await nonce(strict)
    strict.provider.issuer = strict.provider.issuer.removesuffix("-other")
    await refused(strict, proof(strict, nonce=given), error="use_dpop_nonce")


# --- codes and refresh tokens (§5, §10) -----------------------------------------------------------------------------


async def redeemed(bank: Bank, text: str | None, client_id: str = "app", **code: Any) -> httpx.Response:
    if await bank.stores.user_sessions.get("sid-1") is None:
        await bank.customer()
        await bank.login()
    bank.http.headers.pop("DPoP", None)
    if text is not None:
        bank.http.headers["DPoP"] = text
    reply = await bank.redeem(await bank.code(client_id, **code), client_id)
    bank.http.headers.pop("DPoP", None)
    return reply


async def refreshed(bank: Bank, token: str, text: str | None, client_id: str) -> httpx.Response:
    if text is not None:
        bank.http.headers["DPoP"] = text
    reply = await bank.refresh(token, client_id)
    bank.http.headers.pop("DPoP", None)
    return reply


async def test_a_bound_code_is_redeemed_with_its_key_only(bank: Bank) -> None:
    assert (await redeemed(bank, proof(bank), dpop_jkt=jkt_of())).status_code == 200
    for wrong in (proof(bank, key=STRANGER), None):
        reply = await redeemed(bank, wrong, dpop_jkt=jkt_of())
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


async def test_a_public_clients_refresh_token_is_bound_to_the_key(bank: Bank) -> None:
    token = (await redeemed(bank, proof(bank), "spa")).json()["refresh_token"]
    for wrong in (proof(bank, key=STRANGER), None):
        reply = await refreshed(bank, token, wrong, "spa")
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    reply = await refreshed(bank, token, proof(bank), "spa")
    assert payload(reply.json()["access_token"])["cnf"] == {"jkt": jkt_of()}, "and refusals have not spent it"


async def test_a_confidential_clients_new_token_is_bound_to_the_key_it_proves_now(bank: Bank) -> None:
    token = (await redeemed(bank, proof(bank))).json()["refresh_token"]
    answer = (await refreshed(bank, token, proof(bank, key=STRANGER), "app")).json()
    assert payload(answer["access_token"])["cnf"] == {"jkt": jkt_of(STRANGER)}


async def test_a_bound_grant_never_turns_into_bearer_tokens(bank: Bank) -> None:
    token = (await redeemed(bank, proof(bank))).json()["refresh_token"]
    reply = await refreshed(bank, token, None, "app")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


async def test_a_refused_proof_does_not_spend_the_code(bank: Bank) -> None:
    await bank.customer()
    await bank.login()
    code = await bank.code()
    bank.http.headers["DPoP"] = proof(bank, htm="GET")
    assert (await bank.redeem(code)).json()["error"] == "invalid_dpop_proof"
    bank.http.headers["DPoP"] = proof(bank)
    assert (await bank.redeem(code)).status_code == 200


# --- pushed requests (§10.1) ----------------------------------------------------------------------------------------


async def pushed(bank: Bank, text: str | None, **parameters: str) -> str:
    headers = [(b"host", b"id.bank.al"), *([] if text is None else [(b"dpop", text.encode())])]
    scope = {"type": "http", "method": "POST", "path": PATH + "token", "headers": headers}
    return await pushed_key(bank.provider, Request(scope), bank.realm.clients["app"], parameters)


async def test_a_pushed_request_names_its_key_or_proves_it_or_both(bank: Bank) -> None:
    assert await pushed(bank, None) == ""
    assert await pushed(bank, None, dpop_jkt=jkt_of()) == jkt_of()
    assert await pushed(bank, proof(bank)) == jkt_of()
    assert await pushed(bank, proof(bank), dpop_jkt=jkt_of()) == jkt_of()


async def test_a_pushed_request_that_names_another_key_than_it_proves_is_refused(bank: Bank) -> None:
    with pytest.raises(OAuthError, match="not the key of the DPoP proof"):
        await pushed(bank, proof(bank), dpop_jkt=jkt_of(STRANGER))


async def test_the_pushed_road_asks_for_the_nonce_and_binds_the_code(strict: Bank) -> None:
    address = f"{BASE}{PATH}ext/par/request"
    form = {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scope": "openid",
        **credentials("app"),
    }
    url = PATH + "ext/par/request"
    first = await strict.http.post(url, data=form, headers={"DPoP": proof(strict, address=address)})
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    again = proof(strict, address=address, nonce=first.headers["dpop-nonce"])
    kept = await strict.http.post(url, data=form, headers={"DPoP": again})
    assert kept.status_code == 201, kept.text
    pushed_request = await strict.stores.pushed_requests.get(digest(kept.json()["request_uri"]))
    assert pushed_request is not None
    assert pushed_request.parameters["dpop_jkt"] == jkt_of()
    replayed = await strict.http.post(url, data=form, headers={"DPoP": again})
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_dpop_proof")


# --- the door by itself ---------------------------------------------------------------------------------------------


@given(
    text=st.text(max_size=300)
    | st.from_regex(r"(eyJ[A-Za-z0-9_-]{0,40}|[A-Za-z0-9_-]{0,30})(\.[A-Za-z0-9_-]{0,30}){0,4}")
)
def test_whatever_the_text_is_it_is_read_or_refused(text: str) -> None:
    with pytest.raises(TokenError):
        read_proof(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    header=st.fixed_dictionaries(
        {}, optional={"typ": st.just("dpop+jwt"), "alg": st.just("ES256") | JSON, "jwk": JSON}
    ),
    jwk=st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"]), JSON | st.just("EC")),
)
def test_whatever_the_header_is_the_proof_is_refused(header: dict[str, Any], jwk: dict[str, Any]) -> None:
    for members in (header, {**header, "jwk": jwk}):
        with pytest.raises(TokenError):
            read_proof(spelled(members, {"jti": "1"}, lambda _: b"x"))
