"""FAPI 1.0 Advanced (Final): signed requests, detached signature or JARM, tokens bound to a certificate.

Each test carries the intent of a module of the conformance suite's plan, by value and, where it differs, pushed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.oidc.harness import payload
from tests.oidc.signers import FOREIGN, signed
from tests.stories.browser import Browser
from tests.stories.fapi import (
    ISSUER,
    PROTOCOL,
    REDIRECT,
    FapiClient,
    certificate,
    error_of,
    half_hash,
    logged_in,
    published,
    thumbprint,
    verified,
    with_attribute,
    with_fapi_clients,
)
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio
HOUR = 3600
EDIT = with_fapi_clients("fapi-1-advanced", implicitFlowEnabled=True)
HYBRID: dict[str, Any] = {"response_type": "code id_token", "nonce": "a-nonce", "state": "a-state"}
JARM: dict[str, Any] = {"response_mode": "jwt", "nonce": "a-nonce", "state": "a-state"}


@pytest.fixture
async def bank(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=EDIT) as town:
        yield town


@pytest.fixture
def client(bank: Town) -> FapiClient:
    client = FapiClient(bank)
    client.certificate = certificate()
    return client


def plain(client: FapiClient, **changed: Any) -> dict[str, Any]:
    """Return the parameters of a request by value: FAPI 1.0 asks for PKCE only where they are pushed."""
    return client.parameters(code_challenge=None, code_challenge_method=None, **changed)


def by_value(client: FapiClient, parameters: dict[str, Any], /, **changed: Any) -> str:
    """Return the address of a request by value: the object, and outside what OAuth's syntax asks for."""
    outside = {name: parameters[name] for name in ("response_type", "scope", "redirect_uri") if name in parameters}
    return client.address(request=client.request_object(parameters, **changed), **outside)


async def refused(bank: Town, url: str) -> str:
    """Return the error that the client, or a page of our own, is told."""
    browser = bank.browser()
    page = await browser.open(url)
    if not browser.has_left:
        assert page.status == 400
        assert "kc-form-login" not in page.forms
        return "page"
    return str((await answered(bank, browser))["error"])


async def answered(bank: Town, browser: Browser) -> dict[str, Any]:
    """Return the answer, out of its JWT if it is in one."""
    answer = browser.answer
    return verified(answer["response"], await published(bank)) if "response" in answer else dict(answer)


async def test_the_id_token_is_a_detached_signature_over_code_and_state(bank: Town, client: FapiClient) -> None:
    browser = await logged_in(bank, by_value(client, plain(client, **HYBRID)))
    answer = browser.answer
    signature = verified(answer["id_token"], await published(bank))
    assert (signature["c_hash"], signature["s_hash"]) == (half_hash(answer["code"]), half_hash("a-state"))
    assert signature["nonce"] == "a-nonce"
    assert {"email", "given_name", "name", "preferred_username"}.isdisjoint(signature)
    tokens = (await client.redeem(answer["code"], dpop=None, code_verifier=None)).json()
    assert payload(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint(client.certificate or "")}
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 200


async def test_or_the_answer_is_a_jwt(bank: Town, client: FapiClient) -> None:
    browser = await logged_in(bank, by_value(client, plain(client, **JARM)))
    answer = await answered(bank, browser)
    assert (answer["iss"], answer["state"]) == (ISSUER, "a-state")
    assert (await client.redeem(answer["code"], dpop=None, code_verifier=None)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"nonce": "n"}, "invalid_request", id="code in the open"),
        pytest.param({"nonce": "n", "response_mode": "form_post"}, "invalid_request", id="code in the open by form"),
        pytest.param(
            {"response_type": "code id_token token", "nonce": "n"}, "unauthorized_client", id="a token in the answer"
        ),
        pytest.param({"response_type": "id_token", "nonce": "n"}, "invalid_request", id="no code"),
        pytest.param({**HYBRID, "response_mode": "query"}, "invalid_request", id="ensure-response-mode-query"),
    ],
)
async def test_an_answer_that_could_be_altered_is_not_given(
    bank: Town, client: FapiClient, changed: dict[str, Any], error: str
) -> None:
    assert await refused(bank, by_value(client, plain(client, **changed))) == error


@pytest.mark.parametrize(
    ("missing", "error"),
    [("nonce", "invalid_request"), ("scope", "invalid_request"), ("redirect_uri", "page"), ("response_type", None)],
)
@pytest.mark.parametrize("kind", [HYBRID, JARM], ids=["hybrid", "JARM"])
async def test_what_must_stand_in_the_object_does_not_count_outside(
    bank: Town, client: FapiClient, kind: dict[str, Any], missing: str, error: str | None
) -> None:
    whole = plain(client, **kind)
    inner = {name: value for name, value in whole.items() if name != missing}
    outside = {name: str(value) for name, value in whole.items() if name != "client_id"}
    url = client.address(**outside, request=client.request_object(inner))
    assert await refused(bank, url) == (error or "invalid_request")


async def test_state_is_not_needed_and_one_outside_the_object_is_not_used(bank: Town, client: FapiClient) -> None:
    parameters = plain(client, **{**HYBRID, "state": None})
    url = client.address(
        request=client.request_object(parameters), response_type="code id_token", scope="openid", state="outside"
    )
    browser = await logged_in(bank, url)
    assert "state" not in browser.answer
    assert "s_hash" not in verified(browser.answer["id_token"], await published(bank))


async def test_the_nonce_of_the_object_counts(bank: Town, client: FapiClient) -> None:
    url = by_value(client, plain(client, **HYBRID)) + "&nonce=outside"
    browser = await logged_in(bank, url)
    assert verified(browser.answer["id_token"], await published(bank))["nonce"] == "a-nonce"


async def test_long_values_come_back_whole(bank: Town, client: FapiClient) -> None:
    parameters = plain(client, **{**HYBRID, "nonce": "n" * 384, "state": "s" * 1000})
    browser = await logged_in(bank, by_value(client, parameters))
    assert browser.answer["state"] == "s" * 1000
    assert verified(browser.answer["id_token"], await published(bank))["nonce"] == "n" * 384


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _now: {"exp": None}, id="without exp"),
        pytest.param(lambda _now: {"nbf": None}, id="without nbf"),
        pytest.param(lambda now: {"exp": now + HOUR + 10}, id="exp over 60"),
        pytest.param(lambda now: {"nbf": now - HOUR - 10}, id="nbf over 60"),
        pytest.param(lambda now: {"nbf": now - 600, "exp": now - 1}, id="expired"),
        pytest.param(lambda _now: {"aud": "https://id.evil.example"}, id="bad aud"),
        pytest.param(lambda _now: {"aud": None}, id="without aud"),
        pytest.param(lambda _now: {"algorithm": "RS256"}, id="RS256"),
        pytest.param(lambda _now: {"client_id": "twin", "iss": "twin"}, id="another client's"),
    ],
)
async def test_a_request_object_that_the_profile_forbids_is_refused(
    bank: Town, client: FapiClient, change: Any
) -> None:
    good = plain(client, **HYBRID)
    assert await refused(bank, by_value(client, good, **change(client.now))) in {"invalid_request_object", "page"}
    pushed = await client.push_signed(parameters=client.parameters(**HYBRID), **change(client.now))
    assert error_of(pushed) == (400, "invalid_request_object")


async def test_a_request_without_an_object_is_refused(bank: Town, client: FapiClient) -> None:
    assert await refused(bank, client.address(**plain(client, **HYBRID))) == "invalid_request"
    assert error_of(await client.push(**HYBRID)) == (400, "invalid_request")


async def test_an_object_signed_by_another_key_is_refused(bank: Town, client: FapiClient) -> None:
    claims = {**plain(client, **HYBRID), "iss": "payments", "aud": ISSUER, "nbf": client.now, "exp": client.now + 60}
    url = client.address(request=signed(claims, key=FOREIGN), response_type="code id_token", scope="openid")
    assert await refused(bank, url) in {"invalid_request_object", "page"}


async def test_pushed_the_request_is_served_with_pkce_and_refused_without(bank: Town, client: FapiClient) -> None:
    """FAPI 1.0 Advanced §5.2.2 (18)."""
    without = await client.push_signed(parameters=plain(client, **JARM))
    assert error_of(without) == (400, "invalid_request")
    by_plain = await client.push_signed(parameters=client.parameters(**JARM, code_challenge_method="plain"))
    assert error_of(by_plain) == (400, "invalid_request")
    browser = await logged_in(bank, client.at(await client.push_signed(parameters=client.parameters(**JARM))))
    code = (await answered(bank, browser))["code"]
    assert error_of(await client.redeem(code, dpop=None, code_verifier="v" * 43)) == (400, "invalid_grant")
    browser = await logged_in(bank, client.at(await client.push_signed(parameters=client.parameters(**JARM))))
    code = (await answered(bank, browser))["code"]
    assert (await client.redeem(code, dpop=None)).status_code == 200


async def code_of(bank: Town, client: FapiClient) -> str:
    return (await logged_in(bank, by_value(client, plain(client, **HYBRID)))).answer["code"]


async def test_mtls_holder_of_key_is_required(bank: Town, client: FapiClient) -> None:
    code = await code_of(bank, client)
    presented, client.certificate = client.certificate, None
    assert error_of(await client.redeem(code, dpop=None, code_verifier=None))[1] in {"invalid_request", "invalid_grant"}
    client.certificate = presented
    tokens = (await client.redeem(await code_of(bank, client), dpop=None, code_verifier=None)).json()
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 200
    client.certificate = certificate("thief")
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 401


async def test_a_code_is_bound_to_its_client(bank: Town, client: FapiClient) -> None:
    twin = FapiClient(bank, "twin")
    twin.certificate = certificate("twin")
    reply = await twin.redeem(await code_of(bank, client), dpop=None, code_verifier=None)
    assert error_of(reply) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"algorithm": "RS256"}, id="RS256"),
        pytest.param({"sub": None}, id="no sub"),
        pytest.param({"sub": "twin"}, id="sub of another"),
        pytest.param({"iss": "twin"}, id="iss of another"),
        pytest.param({"aud": "https://id.evil.example"}, id="wrong aud"),
        pytest.param({"exp": -300}, id="exp is 5 minutes in past"),
    ],
)
async def test_an_assertion_that_the_profile_forbids_proves_nobody(
    bank: Town, client: FapiClient, changed: dict[str, Any]
) -> None:
    code = await code_of(bank, client)
    if "exp" in changed:
        changed = {"exp": client.now + changed["exp"], "iat": client.now + changed["exp"] - 60}
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **client.assertion(**changed)}
    assert error_of(await client.token(form, dpop=None)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "audience",
    [f"{PROTOCOL}/token", f"{PROTOCOL}/ext/par/request", [ISSUER, f"{PROTOCOL}/token"]],
    ids=["token endpoint", "PAR endpoint", "list"],
)
async def test_the_audiences_of_rfc_9126_are_accepted_where_the_realm_says_so(
    home: Home, tmp_path: Path, audience: Any
) -> None:
    """FAPI 1.0's clients, and the plan that examines them, are older than RFC 10070."""
    async with opened(home, tmp_path, edit=with_attribute(EDIT, "hyrja.assertion.audience", "endpoint")) as town:
        client = FapiClient(town)
        client.certificate = certificate()
        form = {"client_id": "payments", "request": client.request_object(client.parameters(**JARM))}
        pushed = await client.post("ext/par/request", {**form, **client.assertion(aud=audience)})
        browser = await logged_in(town, client.at(pushed))
        code = (await answered(town, browser))["code"]
        assert (await client.redeem(code, dpop=None, **client.assertion(aud=audience))).status_code == 200


async def test_the_client_must_prove_itself_at_the_token_endpoint(bank: Town, client: FapiClient) -> None:
    form = {"grant_type": "authorization_code", "code": await code_of(bank, client), "redirect_uri": REDIRECT}
    assert error_of(await client.token({**form, "client_id": "payments"}, dpop=None)) == (401, "invalid_client")


async def test_refresh_tokens_stay_bound_to_the_certificate_and_the_client(bank: Town, client: FapiClient) -> None:
    tokens = (await client.redeem(await code_of(bank, client), dpop=None, code_verifier=None)).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = await client.token({**form, **client.assertion()}, dpop=None)
    assert payload(renewed.json()["access_token"])["cnf"] == {"x5t#S256": thumbprint(client.certificate or "")}
    client.certificate = None
    assert error_of(await client.token({**form, **client.assertion()}, dpop=None)) == (400, "invalid_request")


async def test_the_customer_may_refuse(bank: Town, client: FapiClient) -> None:
    browser = bank.browser()
    await browser.open(by_value(client, plain(client, **JARM)))
    await bank.arta.log_in(browser)
    await browser.press("cancel")
    assert (await answered(bank, browser))["error"] == "access_denied"
