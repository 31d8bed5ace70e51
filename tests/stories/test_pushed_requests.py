"""Requests that are pushed before (RFC 9126): begun as often as a page is loaded, answered once, by one client only."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, logging_to, opened, with_client, with_realm
from tests.stories.world import BANK, RelyingParty

pytestmark = pytest.mark.anyio

PUSH = "ext/par/request"
PREFIX = "urn:ietf:params:oauth:request_uri:"


def parameters(client: RelyingParty, **changed: str | None) -> dict[str, str]:
    """The parameters of a request, as they stand in its address."""
    return dict(parse_qsl(urlsplit(client.request(**changed)).query))


async def push(client: RelyingParty, **changed: str | None) -> httpx.Response:
    return await client.post(PUSH, **parameters(client, **changed))


async def pushed(client: RelyingParty, **changed: str | None) -> str:
    """Push a good request and return the address that begins it."""
    response = await push(client, **changed)
    assert response.status_code == 201, response.text
    return address(client, response.json()["request_uri"])


def address(client: RelyingParty, reference: str, **more: str) -> str:
    query = {"client_id": client.client_id, "request_uri": reference, **more}
    return f"{client.issuer}/protocol/openid-connect/auth?{urlencode(query)}"


async def begin(town: Town, url: str) -> Browser:
    browser = town.browser()
    await browser.open(url)
    return browser


async def spent(town: Town, url: str) -> None:
    """The reference begins nothing (any more)."""
    browser = await begin(town, url)
    assert not browser.has_left
    assert browser.shown.status == 400
    assert "request_uri" in browser.shown.text("error-message")


@pytest.fixture
async def strict(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A provider whose internet banking must push its requests."""
    del anyio_backend
    attributes = {"require.pushed.authorization.requests": "true"}
    async with opened(home, tmp_path, edit=with_client(attributes=attributes)) as town:
        yield town


async def test_a_pushed_request_is_answered_like_any_other(town: Town) -> None:
    response = await push(town.bank)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert set(answer) == {"request_uri", "expires_in"}
    assert answer["expires_in"] == 60
    assert answer["request_uri"].startswith(PREFIX)
    assert len(base64.urlsafe_b64decode(answer["request_uri"].removeprefix(PREFIX) + "=")) * 8 >= 128, "RFC 9126 §7.1"
    browser = await begin(town, address(town.bank, answer["request_uri"]))
    await town.arta.log_in(browser)
    assert browser.answer["state"] == "a-state"
    assert (await town.bank.redeem(browser.answer["code"])).status_code == 200


async def test_only_client_and_reference_count_at_the_authorization_endpoint(town: Town) -> None:
    """RFC 9126 §4: whatever somebody writes beside the reference changes nothing."""
    reference = (await push(town.bank, scope="openid")).json()["request_uri"]
    more = {"redirect_uri": "https://evil.example/", "scope": "openid phone", "state": "evil", "prompt": "none"}
    browser = await begin(town, address(town.bank, reference, **more, response_mode="fragment", code_challenge="x"))
    await town.arta.log_in(browser)
    assert browser.arrived is not None
    assert browser.arrived.startswith(f"{town.bank.redirect_uri}?")
    assert browser.answer["state"] == "a-state"
    assert "phone" not in (await town.bank.redeem(browser.answer["code"])).json()["scope"]


async def test_a_page_may_be_loaded_again_before_the_login_is_finished(town: Town) -> None:
    url = await pushed(town.bank)
    browser = await begin(town, url)
    await browser.open(url)
    other = await begin(town, url)
    assert "kc-form-login" in other.shown.forms
    await town.arta.log_in(browser)
    assert "code" in browser.answer


async def test_a_request_is_answered_once(town: Town) -> None:
    url = await pushed(town.bank)
    browser, other = await begin(town, url), await begin(town, url)
    await town.arta.log_in(browser)
    assert "code" in browser.answer
    await town.arta.log_in(other)
    assert other.answer["error"] == "invalid_request_uri", "begun in time, answered too late"
    await spent(town, url)


async def test_an_error_is_an_answer_too(town: Town) -> None:
    url = await pushed(town.bank, prompt="none")
    first = await begin(town, url)
    assert first.answer["error"] == "login_required"
    await spent(town, url)


async def test_a_refusal_of_the_person_uses_the_request_up(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(consentRequired=True)) as town:
        url = await pushed(town.bank)
        browser = await begin(town, url)
        await town.arta.log_in(browser)
        await browser.press("cancel")
        assert browser.answer["error"] == "access_denied"
        await spent(town, url)


async def test_a_request_can_be_begun_until_it_expires_and_its_login_finished_later(town: Town) -> None:
    url = await pushed(town.bank)
    town.clock.advance(59)
    browser = await begin(town, url)
    town.clock.advance(1)
    await spent(town, url)
    await town.arta.log_in(browser)
    assert "code" in browser.answer


async def test_the_realm_says_how_long_a_reference_is_good(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_realm(attributes={"parRequestUriLifespan": "5"})) as town:
        response = await push(town.bank)
        assert response.json()["expires_in"] == 5
        town.clock.advance(5)
        await spent(town, address(town.bank, response.json()["request_uri"]))


async def test_another_client_has_no_use_for_a_reference(town: Town) -> None:
    reference = (await push(town.bank)).json()["request_uri"]
    browser = await begin(town, address(town.cards, reference))
    assert not browser.has_left
    assert browser.shown.status == 400
    mine = await begin(town, address(town.bank, reference))
    assert "kc-form-login" in mine.shown.forms, "nothing was taken by asking"


@pytest.mark.parametrize("reference", [PREFIX, f"{PREFIX}AAAA", f"{PREFIX}{'A' * 43}", "urn:ietf:params:oauth:other"])
async def test_a_reference_that_was_never_given_out_is_refused_on_our_own_page(town: Town, reference: str) -> None:
    browser = await begin(town, address(town.bank, reference))
    assert not browser.has_left
    assert browser.shown.text("error-message") == "Parametër i pavlefshëm: request_uri"


REFUSED: list[tuple[dict[str, str | None], int, str]] = [
    ({"request_uri": f"{PREFIX}x"}, 400, "invalid_request"),
    ({"redirect_uri": None}, 400, "invalid_request"),
    ({"redirect_uri": "https://evil.example/"}, 400, "invalid_request"),
    ({"redirect_uri": f"{BANK}/small-business/cards/callback"}, 400, "invalid_request"),
    ({"response_type": None}, 400, "invalid_request"),
    ({"response_type": "chocolate"}, 400, "unsupported_response_type"),
    ({"response_mode": "web_message"}, 400, "invalid_request"),
    ({"code_challenge": None}, 400, "invalid_request"),
    ({"code_challenge_method": "plain"}, 400, "invalid_request"),
    ({"prompt": "none login"}, 400, "invalid_request"),
    ({"max_age": "soon"}, 400, "invalid_request"),
    ({"id_token_hint": "not.a.token"}, 400, "invalid_request"),
    ({"request": "eyJ.eyJ."}, 400, "invalid_request_object"),
    ({"registration": "{}"}, 400, "registration_not_supported"),
    ({"resource": "https://unknown.example/"}, 400, "invalid_target"),
    ({"authorization_details": "[]"}, 400, "invalid_authorization_details"),
    ({"client_id": "cards"}, 400, "invalid_request"),
]


async def test_what_the_authorization_endpoint_refuses_cannot_be_pushed(town: Town) -> None:
    for changed, status, error in REFUSED:
        response = await push(town.bank, **changed)
        assert (response.status_code, response.json()["error"]) == (status, error), changed
        assert response.headers["cache-control"] == "no-store"
        assert "location" not in response.headers
    assert "PUSHED_AUTHORIZATION_REQUEST_ERROR" in await town.event_types()


async def test_the_client_authenticates_as_at_the_token_endpoint(town: Town) -> None:
    wrong = RelyingParty(town, realm="small-business", client_id="internet-banking", secret="a wrong secret")
    response = await push(wrong)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=town.site.application)) as http:
        nobody = await http.post(f"{town.bank.issuer}/protocol/openid-connect/{PUSH}", data=parameters(town.bank))
        assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_another_verb_is_told_which_one_is_allowed(town: Town, method: str) -> None:
    browser = town.browser()
    response = await browser.http.request(method, f"{town.bank.issuer}/protocol/openid-connect/{PUSH}")
    assert response.status_code == 405
    assert response.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("scope=openid&scope=openid", "application/x-www-form-urlencoded"),
        ("client_id=internet-banking&client_id=internet-banking", "application/x-www-form-urlencoded"),
        ("{}", "application/json"),
        ("scope=%ff", "application/x-www-form-urlencoded"),
        ("scope=" + "x" * 66_000, "application/x-www-form-urlencoded"),
    ],
)
async def test_what_can_be_read_in_two_ways_is_not_read(town: Town, body: str, kind: str) -> None:
    url = f"{town.bank.issuer}/protocol/openid-connect/{PUSH}"
    credentials = (town.bank.client_id, town.bank.secret)
    response = await town.browser().http.post(url, content=body, headers={"content-type": kind}, auth=credentials)
    assert response.status_code in {400, 413}
    assert response.json()["error"] == "invalid_request"


async def test_a_client_that_must_push_cannot_leave_it(strict: Town) -> None:
    browser = await begin(strict, strict.bank.request())
    assert browser.answer["error"] == "invalid_request"
    nowhere = await begin(strict, strict.bank.request(redirect_uri="https://evil.example/"))
    assert not nowhere.has_left
    browser = await begin(strict, await pushed(strict.bank))
    await strict.arta.log_in(browser)
    assert "code" in browser.answer


async def test_a_client_that_must_push_is_not_answered_through_its_own_object_either(strict: Town) -> None:
    """`request_uri` of an address is not the reference of a push."""
    for more in ({"request": "eyJ.eyJ."}, {"request_uri": "https://app.bank.example/r"}):
        browser = await begin(strict, strict.bank.request(**more))
        assert browser.answer["error"] == "invalid_request"


async def test_neither_reference_nor_secret_is_kept_or_logged(home: Home, tmp_path: Path) -> None:
    lines: list[Any] = []
    async with opened(home, tmp_path, log=logging_to(lines.append)) as town:
        client = town.bank
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=town.site.application)) as http:
            form = {**parameters(client), "client_secret": client.secret}
            response = await http.post(f"{client.issuer}/protocol/openid-connect/{PUSH}", data=form)
        assert response.status_code == 201
        reference = response.json()["request_uri"].removeprefix(PREFIX)
        browser = await begin(town, address(client, response.json()["request_uri"]))
        assert "kc-form-login" in browser.shown.forms
        stored = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir() if path.is_file())
    for secret in (reference, client.secret):
        assert secret not in str(lines)
        assert secret.encode() not in stored
