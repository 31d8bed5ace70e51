"""FAPI 2.0 Message Signing: requests are signed objects that are pushed, answers are signed, introspection can be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.oidc.signers import spelled
from tests.stories.fapi import ISSUER, FapiClient, error_of, logged_in, published, verified, with_fapi_clients
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio
HOUR = 3600


@pytest.fixture
async def bank(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=with_fapi_clients("fapi-2-dpop-message-signing")) as town:
        yield town


@pytest.fixture
def client(bank: Town) -> FapiClient:
    return FapiClient(bank)


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_a_signed_request_is_answered_by_a_signed_answer(bank: Town, client: FapiClient, algorithm: str) -> None:
    client.algorithm = algorithm
    parameters = client.parameters(response_mode="jwt", state="s")
    browser = await logged_in(bank, client.at(await client.push_signed(parameters=parameters)))
    assert set(browser.answer) == {"response"}
    answer = verified(browser.answer["response"], await published(bank))
    assert (answer["iss"], answer["state"]) == (ISSUER, "s")
    assert answer["exp"] - client.now <= 600
    assert (await client.redeem(answer["code"])).status_code == 200


async def test_errors_are_signed_too(bank: Town, client: FapiClient) -> None:
    parameters = client.parameters(response_mode="jwt", prompt="none")
    browser = bank.browser()
    await browser.open(client.at(await client.push_signed(parameters=parameters)))
    answer = verified(browser.answer["response"], await published(bank))
    assert (answer["error"], answer["iss"]) == ("login_required", ISSUER)


async def test_a_plain_answer_may_still_be_asked_for(bank: Town, client: FapiClient) -> None:
    browser = await logged_in(bank, client.at(await client.push_signed()))
    assert browser.answer["iss"] == ISSUER


async def test_what_is_not_signed_is_refused(client: FapiClient) -> None:
    assert error_of(await client.push()) == (400, "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _now: {"exp": None}, id="no exp"),
        pytest.param(lambda _now: {"nbf": None}, id="no nbf"),
        pytest.param(lambda now: {"nbf": now, "exp": now + HOUR + 1}, id="good for more than an hour"),
        pytest.param(lambda now: {"nbf": now - HOUR - 1, "exp": now + 60}, id="older than an hour"),
        pytest.param(lambda now: {"nbf": now - 120, "exp": now - 60}, id="expired"),
        pytest.param(lambda now: {"nbf": now + 61}, id="valid in more than a minute"),
        pytest.param(lambda now: {"iat": now + 61}, id="signed in more than a minute"),
        pytest.param(lambda _now: {"aud": None}, id="no audience"),
        pytest.param(lambda _now: {"aud": "https://id.evil.example"}, id="another audience"),
        pytest.param(lambda _now: {"iss": "twin"}, id="another issuer"),
        pytest.param(lambda _now: {"client_id": "twin"}, id="another client"),
        pytest.param(lambda _now: {"sub": "payments"}, id="RFC 9101 §10.8 an assertion"),
        pytest.param(lambda _now: {"request_uri": "urn:x"}, id="a request in the request"),
        pytest.param(lambda _now: {"algorithm": "RS256"}, id="RS256"),
        pytest.param(lambda _now: {"algorithm": "ES384"}, id="ES384"),
    ],
)
async def test_a_request_object_that_the_profile_forbids_is_refused(client: FapiClient, change: Any) -> None:
    assert (await client.push_signed()).status_code == 201
    assert error_of(await client.push_signed(**change(client.now))) == (400, "invalid_request_object")


@pytest.mark.parametrize("ahead", [8, 10])
async def test_a_clock_may_be_ten_seconds_ahead(client: FapiClient, ahead: int) -> None:
    reply = await client.push_signed(nbf=client.now + ahead, iat=client.now + ahead)
    assert reply.status_code == 201


async def test_an_hour_exactly_is_still_good(client: FapiClient) -> None:
    assert (await client.push_signed(exp=client.now + HOUR)).status_code == 201
    assert (await client.push_signed(nbf=client.now - HOUR + 1, exp=client.now + 1)).status_code == 201


async def test_an_unsigned_object_is_refused(client: FapiClient) -> None:
    now = client.now
    claims = {**client.parameters(), "iss": "payments", "aud": ISSUER, "nbf": now, "exp": now + 60}
    unsigned = spelled({"alg": "none"}, claims, lambda _message: b"")
    assert error_of(await client.push({"client_id": "payments", "request": unsigned})) == (
        400,
        "invalid_request_object",
    )


async def test_what_stands_beside_the_object_does_not_count(bank: Town, client: FapiClient) -> None:
    form = {"client_id": "payments", "request": client.request_object(), "state": "outside", "scope": "openid phone"}
    browser = await logged_in(bank, client.at(await client.push(form), state="outside too"))
    assert "state" not in browser.answer
    tokens = (await client.redeem(browser.answer["code"])).json()
    assert "phone" not in tokens["scope"].split()
