"""FAPI 2.0 Security Profile (Final) with DPoP: a client of its policy cannot be used in a way that it forbids.

Each clause of §5.3.2 that a program can try, as the conformance suite tries it; the rest stands where it is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.oidc.harness import payload, segment
from tests.stories.fapi import (
    ISSUER,
    PROTOCOL,
    REDIRECT,
    FapiClient,
    error_of,
    logged_in,
    with_attribute,
    with_fapi_clients,
)
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio

EDIT = with_fapi_clients("fapi-2-dpop-security-profile", realm={"revokeRefreshToken": True})


@pytest.fixture
async def bank(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=EDIT) as town:
        yield town


@pytest.fixture
def client(bank: Town) -> FapiClient:
    return FapiClient(bank)


async def code_of(bank: Town, client: FapiClient, **changed: Any) -> str:
    browser = await logged_in(bank, client.at(await client.push(**changed)))
    return browser.answer["code"]


async def tokens_of(bank: Town, client: FapiClient) -> dict[str, Any]:
    reply = await client.redeem(await code_of(bank, client))
    assert reply.status_code == 200, reply.text
    tokens: dict[str, Any] = reply.json()
    return tokens


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_a_client_that_keeps_the_profile_is_served(bank: Town, client: FapiClient, algorithm: str) -> None:
    client.algorithm = algorithm
    browser = await logged_in(bank, client.at(await client.push(state="s" * 1500, nonce="n" * 64)))
    assert browser.answer["iss"] == ISSUER
    assert browser.answer["state"] == "s" * 1500
    tokens = (await client.redeem(browser.answer["code"])).json()
    assert tokens["token_type"] == "DPoP"
    assert payload(tokens["access_token"])["cnf"] == {"jkt": client.key.thumbprint()}
    assert payload(tokens["id_token"])["nonce"] == "n" * 64
    assert (await client.userinfo(tokens["access_token"])).status_code == 200


async def test_neither_state_nor_nonce_is_needed(bank: Town, client: FapiClient) -> None:
    browser = await logged_in(bank, client.at(await client.push()))
    assert "state" not in browser.answer
    assert (await client.redeem(browser.answer["code"])).status_code == 200


async def test_tokens_are_signed_by_what_the_profile_permits(bank: Town, client: FapiClient) -> None:
    tokens = await tokens_of(bank, client)
    assert segment(tokens["id_token"], 0)["alg"] == "PS256"
    assert segment(tokens["access_token"], 0)["alg"] == "PS256"


async def test_5_3_2_1_4_an_unbound_token_is_not_issued(bank: Town, client: FapiClient) -> None:
    code = await code_of(bank, client)
    assert error_of(await client.redeem(code, dpop=None)) == (400, "invalid_request")


async def test_5_3_2_1_4_a_bound_token_is_no_bearer_token(bank: Town, client: FapiClient) -> None:
    tokens = await tokens_of(bank, client)
    assert (await client.userinfo(tokens["access_token"], scheme="Bearer")).status_code == 401


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
async def test_5_4_1_an_assertion_of_another_algorithm_proves_nobody(client: FapiClient, algorithm: str) -> None:
    form = client.parameters()
    reply = await client.post("ext/par/request", {**form, **client.assertion(algorithm)})
    assert error_of(reply) == (401, "invalid_client")
    reply = await client.token({"grant_type": "client_credentials", **client.assertion(algorithm)})
    assert error_of(reply) == (401, "invalid_client")


async def test_5_4_1_a_proof_of_another_algorithm_binds_nothing(bank: Town, client: FapiClient) -> None:
    client.key = ECKey.generate_key("P-384")
    code = await code_of(bank, client)
    proof = client.proof(f"{PROTOCOL}/token", algorithm="ES384")
    assert error_of(await client.redeem(code, dpop=proof)) == (400, "invalid_dpop_proof")
    form = {**client.parameters(), **client.assertion()}
    proof = client.proof(f"{PROTOCOL}/ext/par/request", algorithm="ES384")
    pushed = await client.post("ext/par/request", form, headers={"DPoP": proof})
    assert error_of(pushed) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    "audience",
    [[ISSUER], f"{PROTOCOL}/token", f"{PROTOCOL}/ext/par/request", [ISSUER, f"{PROTOCOL}/token"]],
    ids=["list", "token endpoint", "PAR endpoint", "list of two"],
)
async def test_5_3_2_1_8_the_audience_of_an_assertion_is_the_issuer_as_text(client: FapiClient, audience: Any) -> None:
    reply = await client.post("ext/par/request", {**client.parameters(), **client.assertion(aud=audience)})
    assert error_of(reply) == (401, "invalid_client")


async def test_5_3_2_1_8_holds_although_the_realm_lets_other_clients_name_endpoints(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_attribute(EDIT, "hyrja.assertion.audience", "endpoint")) as town:
        client = FapiClient(town)
        for audience in (f"{PROTOCOL}/token", [ISSUER]):
            reply = await client.post("ext/par/request", {**client.parameters(), **client.assertion(aud=audience)})
            assert error_of(reply) == (401, "invalid_client")


@pytest.mark.parametrize(("claim", "ahead", "good"), [("iat", 10, 1), ("nbf", 10, 1), ("iat", 61, 0), ("nbf", 61, 0)])
async def test_5_3_2_1_13_a_clock_may_be_ten_seconds_ahead_and_not_a_minute(
    client: FapiClient, claim: str, ahead: int, good: int
) -> None:
    times: dict[str, Any] = {claim: client.now + ahead}
    assertion = client.assertion(**times)
    reply = await client.post("ext/par/request", {**client.parameters(), **assertion})
    assert reply.status_code == (201 if good else 401)


async def test_an_assertion_counts_once(client: FapiClient) -> None:
    assertion = client.assertion()
    assert (await client.post("ext/par/request", {**client.parameters(), **assertion})).status_code == 201
    assert error_of(await client.post("ext/par/request", {**client.parameters(), **assertion})) == (
        401,
        "invalid_client",
    )


async def test_5_3_2_1_9_refresh_tokens_are_not_rotated_and_stay_bound(bank: Town, client: FapiClient) -> None:
    first = await tokens_of(bank, client)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    for _ in range(2):
        reply = await client.token({**form, **client.assertion()})
        assert reply.status_code == 200, reply.text
        assert payload(reply.json()["refresh_token"])["jti"] == payload(first["refresh_token"])["jti"]
        assert payload(reply.json()["access_token"])["cnf"] == {"jkt": client.key.thumbprint()}
    assert error_of(await client.token({**form, **client.assertion()}, dpop=None)) == (400, "invalid_request")


async def test_another_client_cannot_use_the_refresh_token(bank: Town, client: FapiClient) -> None:
    tokens = await tokens_of(bank, client)
    twin = FapiClient(bank, "twin")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **twin.assertion()}
    assert error_of(await twin.token(form)) == (400, "invalid_grant")


async def test_5_3_2_1_11_a_code_lives_a_minute(bank: Town, client: FapiClient) -> None:
    code = await code_of(bank, client)
    bank.clock.advance(61)
    assert error_of(await client.redeem(code)) == (400, "invalid_grant")


async def test_5_3_2_1_12_a_code_is_bound_to_the_key_of_its_request(bank: Town, client: FapiClient) -> None:
    jkt = client.key.thumbprint()
    good = await code_of(bank, client, dpop_jkt=jkt)
    assert (await client.redeem(good)).status_code == 200
    stolen = await code_of(bank, client, dpop_jkt=jkt)
    other = client.proof(f"{PROTOCOL}/token", key=ECKey.generate_key("P-256"))
    assert error_of(await client.redeem(stolen, dpop=other)) == (400, "invalid_grant")


async def test_5_3_2_2_1_no_other_response_type_is_accepted(client: FapiClient) -> None:
    for response_type in ("token", "code id_token", "id_token", "code token"):
        status, error = error_of(await client.push(response_type=response_type, nonce="n"))
        assert (status, error) in {(400, "unsupported_response_type"), (400, "unauthorized_client")}, response_type


async def test_5_3_2_2_2_a_request_that_was_not_pushed_is_refused(bank: Town, client: FapiClient) -> None:
    browser = bank.browser()
    await browser.open(client.address(**client.parameters()))
    assert browser.answer["error"] == "invalid_request"
    assert browser.answer["iss"] == ISSUER


async def test_5_3_2_2_3_pushing_needs_client_authentication(client: FapiClient) -> None:
    assert error_of(await client.post("ext/par/request", client.parameters())) == (401, "invalid_client")
    basic = await client.post("ext/par/request", client.parameters(), auth=("payments", "secret"))
    assert error_of(basic) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
)
async def test_5_3_2_2_5_pkce_is_s256(client: FapiClient, changed: dict[str, Any]) -> None:
    assert error_of(await client.push(**changed)) == (400, "invalid_request")


async def test_5_3_2_2_5_another_verifier_redeems_nothing(bank: Town, client: FapiClient) -> None:
    code = await code_of(bank, client)
    assert error_of(await client.redeem(code, code_verifier="v" * 43)) == (400, "invalid_grant")
    code = await code_of(bank, client)
    assert error_of(await client.redeem(code, code_verifier=None))[1] in {"invalid_grant", "invalid_request"}


@pytest.mark.parametrize("redirect_uri", [None, "https://evil.example/", f"{REDIRECT}/", f"{REDIRECT}?more=1"])
async def test_5_3_2_2_6_what_is_pushed_has_a_registered_redirect_uri(
    client: FapiClient, redirect_uri: str | None
) -> None:
    assert error_of(await client.push(redirect_uri=redirect_uri)) == (400, "invalid_request")


async def test_5_3_2_2_7_every_answer_names_the_issuer(bank: Town, client: FapiClient) -> None:
    browser = bank.browser()
    await browser.open(client.at(await client.push(prompt="none", state="s")))
    assert browser.answer == browser.answer | {"error": "login_required", "iss": ISSUER, "state": "s"}


async def test_5_3_2_2_9_a_used_code_is_refused_and_its_tokens_die(bank: Town, client: FapiClient) -> None:
    code = await code_of(bank, client)
    tokens = (await client.redeem(code)).json()
    assert error_of(await client.redeem(code)) == (400, "invalid_grant")
    assert (await client.userinfo(tokens["access_token"])).status_code == 401


async def test_a_code_of_one_client_is_nothing_to_another(bank: Town, client: FapiClient) -> None:
    twin = FapiClient(bank, "twin")
    twin.verifier, twin.key = client.verifier, client.key
    assert error_of(await twin.redeem(await code_of(bank, client))) == (400, "invalid_grant")


async def test_5_3_2_2_12_a_reference_is_short_lived_bound_to_its_client_and_answered_once(
    bank: Town, client: FapiClient
) -> None:
    pushed = await client.push()
    assert pushed.json()["expires_in"] < 600
    browser = bank.browser()
    for _ in range(2):  # a page may be loaded again before anybody has logged in
        page = await browser.open(client.at(pushed))
        assert "kc-form-login" in page.forms
    await bank.arta.log_in(browser)
    await browser.press("accept")
    assert "code" in browser.answer
    again = bank.browser()
    page = await again.open(client.at(pushed))
    assert (again.has_left, page.status) == (False, 400)
    other = await client.push()
    stolen = bank.browser()
    await stolen.open(FapiClient(bank, "twin").at(other))
    assert not stolen.has_left
    bank.clock.advance(other.json()["expires_in"])
    late = bank.browser()
    await late.open(client.at(other))
    assert not late.has_left


async def test_5_3_2_2_13_the_customer_is_asked_and_may_refuse(bank: Town, client: FapiClient) -> None:
    browser = bank.browser()
    await browser.open(client.at(await client.push()))
    await bank.arta.log_in(browser)
    await browser.press("cancel")
    assert (browser.answer["error"], browser.answer["iss"]) == ("access_denied", ISSUER)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_pushes(bank: Town, method: str) -> None:
    reply = await bank.browser().http.request(method, f"{PROTOCOL}/ext/par/request")
    assert reply.status_code == 405


async def test_a_pushed_request_refers_to_no_other(client: FapiClient) -> None:
    reference = (await client.push()).json()["request_uri"]
    assert error_of(await client.push(request_uri=reference)) == (400, "invalid_request")


async def test_a_client_that_acts_for_itself_gets_bound_tokens_too(home: Home, tmp_path: Path) -> None:
    edit = with_fapi_clients("fapi-2-dpop-security-profile", serviceAccountsEnabled=True)
    async with opened(home, tmp_path, edit=edit) as town:
        client = FapiClient(town)
        form = {"grant_type": "client_credentials"}
        tokens = (await client.token({**form, **client.assertion()})).json()
        assert tokens["token_type"] == "DPoP"
        assert payload(tokens["access_token"])["cnf"] == {"jkt": client.key.thumbprint()}
        unbound = await client.token({**form, **client.assertion()}, dpop=None)
        assert error_of(unbound) == (400, "invalid_request")


@pytest.mark.parametrize("grant", ["password", "urn:ietf:params:oauth:grant-type:saml2-bearer"])
async def test_5_3_2_1_2_no_password_grant(client: FapiClient, grant: str) -> None:
    form = {"grant_type": grant, "username": "arta.hoxha", "password": "x", **client.assertion()}
    status, error = error_of(await client.token(form))
    assert (status, error) in {(400, "unsupported_grant_type"), (400, "unauthorized_client")}


async def test_attacker_a3a_who_reads_the_front_channel_request_learns_nothing_to_use(
    bank: Town, client: FapiClient
) -> None:
    """The address holds a reference that only the client could have made; the request itself is not in it."""
    address = client.at(await client.push(state="the state"))
    assert "the+state" not in address
    assert "code_challenge" not in address
    code = (await logged_in(bank, address)).answer["code"]
    thief = FapiClient(bank, "payments")  # with the client's code, but neither its verifier nor its key
    assert error_of(await thief.redeem(code)) == (400, "invalid_grant")
