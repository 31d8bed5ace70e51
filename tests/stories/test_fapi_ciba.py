"""FAPI-CIBA (Implementer's Draft 1): signed backchannel requests with a binding message, tokens bound to a certificate.

The client is under `fapi-1-advanced` and `fapi-ciba` together, as both profiles say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.oidc.harness import payload
from tests.stories.fapi import FapiClient, certificate, error_of, thumbprint, with_fapi_clients
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio

GRANT = "urn:openid:params:grant-type:ciba"
HOUR = 3600
CIBA = {"oidc.ciba.grant.enabled": "true", "ciba.backchannel.auth.request.signing.alg": "ES256"}
EDIT = with_fapi_clients("fapi-1-advanced", "fapi-ciba", attributes=CIBA)
ASKED = {"scope": "openid", "login_hint": "arta.hoxha", "binding_message": "Pagesa 4711"}


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


async def ask(client: FapiClient, asked: dict[str, Any] | None = None, **changed: Any) -> httpx.Response:
    """Send a good signed request, changed."""
    changed.setdefault("jti", f"jti-{client.verifier}-{len(changed)}-{client.now}")
    request = client.request_object(asked or ASKED, **changed)
    return await client.post("ext/ciba/auth", {**client.assertion(), "request": request})


async def poll(client: FapiClient, auth_req_id: str) -> httpx.Response:
    form = {"grant_type": GRANT, "auth_req_id": auth_req_id, **client.assertion()}
    return await client.token(form, dpop=None)


async def approve(bank: Town) -> None:
    browser = bank.browser()
    await browser.open(bank.sms.last_to(bank.arta.phone).rsplit(" ", 1)[1])
    await browser.submit("request-waiting-form")
    await bank.arta.log_in(browser)
    await browser.press("accept")


async def test_a_customer_says_yes_and_the_tokens_are_bound(bank: Town, client: FapiClient) -> None:
    request = (await ask(client)).json()
    assert error_of(await poll(client, request["auth_req_id"])) == (400, "authorization_pending")
    await approve(bank)
    tokens = (await poll(client, request["auth_req_id"])).json()
    assert payload(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint(client.certificate or "")}
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 200


async def test_without_the_certificate_no_token_is_issued(bank: Town, client: FapiClient) -> None:
    request = (await ask(client)).json()
    await approve(bank)
    client.certificate = None
    assert error_of(await poll(client, request["auth_req_id"])) == (400, "invalid_request")


async def test_another_client_polls_for_nothing(bank: Town, client: FapiClient) -> None:
    request = (await ask(client)).json()
    await approve(bank)
    twin = FapiClient(bank, "twin")
    twin.certificate = certificate("twin")
    assert error_of(await poll(twin, request["auth_req_id"])) == (400, "invalid_grant")


async def test_what_is_not_signed_is_refused(client: FapiClient) -> None:
    assert error_of(await client.post("ext/ciba/auth", {**client.assertion(), **ASKED})) == (400, "invalid_request")


async def test_a_binding_message_is_needed(client: FapiClient) -> None:
    without = {name: value for name, value in ASKED.items() if name != "binding_message"}
    assert error_of(await ask(client, without)) == (400, "invalid_binding_message")


@pytest.mark.parametrize(
    "change",
    [
        *[pytest.param(lambda _now, name=name: {name: None}, id=f"without {name}") for name in ("aud", "iss", "exp")],
        *[pytest.param(lambda _now, name=name: {name: None}, id=f"without {name}") for name in ("iat", "nbf", "jti")],
        pytest.param(lambda _now: {"aud": "https://id.evil.example"}, id="another audience"),
        pytest.param(lambda _now: {"iss": "twin"}, id="another issuer"),
        pytest.param(lambda now: {"nbf": now - 600, "exp": now - 1}, id="expired"),
        pytest.param(lambda now: {"exp": now + HOUR + 10}, id="good for more than an hour"),
        pytest.param(lambda now: {"nbf": now - HOUR - 10}, id="older than an hour"),
        pytest.param(lambda now: {"nbf": now + 61, "exp": now + 120}, id="valid in more than a minute"),
        pytest.param(lambda _now: {"algorithm": "RS256"}, id="RS256"),
        pytest.param(lambda _now: {"algorithm": "PS256"}, id="another algorithm than the registered one"),
    ],
)
async def test_a_signed_request_that_the_profile_forbids_is_refused(client: FapiClient, change: Any) -> None:
    status, error = error_of(await ask(client, **change(client.now)))
    assert (status, error) == (400, "invalid_request")
    assert (await ask(client)).status_code == 200


async def test_a_signed_request_counts_once(client: FapiClient) -> None:
    assert (await ask(client, jti="the same")).status_code == 200
    assert error_of(await ask(client, jti="the same")) == (400, "invalid_request")
