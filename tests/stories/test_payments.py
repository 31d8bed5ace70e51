"""A payment is agreed to as it was asked for, each time anew, and the token says exactly that (RFC 9396)."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.crypto.digest import digest
from tests.oidc.signers import spelled
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, with_client, with_realm
from tests.stories.test_pushed_requests import parameters, pushed

pytestmark = pytest.mark.anyio

KEY = ECKey.generate_key("P-256", {"kid": "bank", "use": "sig"})
TYPES = {
    "payment": {
        "properties": {
            "amount": {"type": "object", "properties": {"value": {"type": "string"}, "currency": {"type": "string"}}},
            "creditor": {"type": "string"},
        },
        "required": ["amount", "creditor"],
    }
}
PAYMENT: dict[str, Any] = {
    "type": "payment",
    "amount": {"value": "12.50", "currency": "ALL"},
    "creditor": "Drita <b>Leka</b>",
}
API = "https://api.bank.example/payments"
ATTRIBUTES = {
    "authorization.details.types": "payment",
    "hyrja.resources": f"{API}##https://api.bank.example/accounts",
    "use.jwks.string": "true",
    "jwks.string": json.dumps({"keys": [KEY.as_dict(private=False)]}),
}


def with_payments(document: dict[str, Any]) -> None:
    with_realm(attributes={"hyrja.authorizationDetailsTypes": json.dumps(TYPES)})(document)
    with_client(attributes=ATTRIBUTES)(document)
    document["localizationTexts"].setdefault("sq", {})["detail:payment.amount.value"] = "Shuma"


@pytest.fixture
async def paying(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A provider whose internet banking may ask for payments."""
    del anyio_backend
    async with opened(home, tmp_path, edit=with_payments) as town:
        yield town


def text(**changed: Any) -> str:
    return json.dumps([{**PAYMENT, **changed}])


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


async def at_consent(town: Town, url: str) -> Browser:
    browser = town.browser()
    await browser.open(url)
    await town.arta.log_in(browser)
    assert "kc-oauth" in browser.shown.forms
    return browser


async def test_a_payment_goes_from_the_request_to_the_api(paying: Town) -> None:
    browser = await at_consent(paying, await pushed(paying.bank, authorization_details=text(), resource=API))
    shown = browser.shown.text("consent-detail-1")
    assert [part.strip() for part in shown.split("\n") if part.strip()] == [
        "payment",
        *("Shuma", "12.50", "amount.currency", "ALL", "creditor", "Drita <b>Leka</b>"),
    ]
    assert "<b>Leka" not in browser.shown.html, "what a client writes is text"
    await browser.press("accept")
    answer = (await paying.bank.redeem(browser.answer["code"])).json()
    assert answer["authorization_details"] == [PAYMENT]
    claims = claims_of(answer["access_token"])
    assert (claims["authorization_details"], claims["aud"]) == ([PAYMENT], API)
    event = next(event for event in await paying.events() if event.type == "GRANT_CONSENT")
    assert event.detail["authorization_details"] == "payment"
    assert "Drita" not in str(event), "an event proves what was shown and does not repeat it"
    shown_again = digest(msgspec.json.encode([PAYMENT], order="sorted").decode())
    assert event.detail["digest"] == shown_again


async def test_a_yes_to_one_payment_is_none_to_the_next(paying: Town) -> None:
    """Not remembered, and not skipped by an existing session: the client has no other consent to give."""
    url = await pushed(paying.bank, authorization_details=text())
    browser = await at_consent(paying, url)
    await browser.press("accept")
    await browser.open(paying.bank.request())
    assert "code" in browser.answer, "without a payment the session answers"
    for details in (text(), text(amount={"value": "9999.00", "currency": "ALL"})):
        await browser.open(paying.bank.request(authorization_details=details))
        assert "kc-oauth" in browser.shown.forms
    await browser.open(paying.bank.request(authorization_details=text(), prompt="none"))
    assert browser.answer["error"] == "consent_required"


async def test_a_no_is_told_to_the_client(paying: Town) -> None:
    browser = await at_consent(paying, paying.bank.request(authorization_details=text()))
    await browser.press("cancel")
    assert browser.answer["error"] == "access_denied"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"authorization_details": "x"}, "invalid_authorization_details"),
        ({"authorization_details": text(note="hidden")}, "invalid_authorization_details"),
        ({"authorization_details": text(type="loan")}, "invalid_authorization_details"),
        ({"resource": "https://evil.example/"}, "invalid_target"),
        ({"resource": "payments"}, "invalid_target"),
    ],
)
async def test_what_the_bank_does_not_know_is_refused_at_the_client(
    paying: Town, changed: dict[str, str], error: str
) -> None:
    browser = paying.browser()
    await browser.open(paying.bank.request(**changed))
    assert browser.answer["error"] == error


async def test_resources_may_stand_in_a_request_repeatedly_also_by_post(paying: Town) -> None:
    more = "&resource=https%3A%2F%2Fapi.bank.example%2Fpayments&resource=https%3A%2F%2Fapi.bank.example%2Faccounts"
    browser = paying.browser()
    await browser.open(paying.bank.request() + more)
    await paying.arta.log_in(browser)
    answer = (await paying.bank.redeem(browser.answer["code"])).json()
    assert claims_of(answer["access_token"])["aud"] == [API, "https://api.bank.example/accounts"]

    address, _, query = paying.bank.request().partition("?")
    stranger = paying.browser()
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = await stranger.http.post(address, content=query + more, headers=form)
    assert response.status_code == 303
    assert response.headers["location"].endswith(more), "the same request by GET"


def signed(claims: dict[str, Any], *, typ: str = "oauth-authz-req+jwt") -> str:
    return jwt.encode({"alg": "ES256", "kid": "bank", "typ": typ}, claims, KEY)


def asked(town: Town, **changed: Any) -> dict[str, Any]:
    """The claims of a request object that asks for a payment."""
    return {**parameters(town.bank), "iss": town.bank.client_id, "aud": town.bank.issuer, **changed}


@pytest.mark.parametrize("through", ["address", "push"])
async def test_a_signed_payment_is_answered(paying: Town, through: str) -> None:
    claims = asked(paying, authorization_details=[PAYMENT], resource=[API], state="inside")
    outside = dict.fromkeys(("redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method"))
    url = (
        paying.bank.request(**outside, request=signed(claims))
        if through == "address"
        else await pushed(paying.bank, **outside, request=signed(claims), scope=None, response_type=None)
    )
    browser = await at_consent(paying, url)
    await browser.press("accept")
    assert browser.answer["state"] == "inside"
    answer = (await paying.bank.redeem(browser.answer["code"])).json()
    assert answer["authorization_details"] == [PAYMENT]


async def test_an_object_that_is_not_the_clients_is_told_where_the_address_outside_is_proven(paying: Town) -> None:
    forged = spelled({"alg": "ES256", "kid": "bank"}, asked(paying), lambda _message: b"s" * 64)
    for text_ in (forged, "x", signed(asked(paying), typ="at+jwt")):
        browser = paying.browser()
        await browser.open(paying.bank.request(request=text_))
        assert browser.answer["error"] == "invalid_request_object"
        assert browser.answer["state"] == "a-state"
        await browser.open(paying.bank.request(request=text_, redirect_uri=None))
        assert not browser.has_left, "an address inside of it proves nothing"
        assert browser.shown.status == 400
        assert browser.shown.text("error-message") == "Parametër i pavlefshëm: request"


async def test_the_address_inside_a_proven_object_is_still_one_of_the_clients(paying: Town) -> None:
    evil = signed(asked(paying, redirect_uri="https://evil.example/"))
    browser = paying.browser()
    await browser.open(paying.bank.request(request=evil))
    assert not browser.has_left
    assert "redirect_uri" in browser.shown.text("error-message")
    assert "evil.example" not in browser.shown.html
