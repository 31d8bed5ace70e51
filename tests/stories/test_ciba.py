"""An application asks a customer on their own phone (CIBA): the message, the login, the decision, the tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from idp.settings.tables import Conformance, Settings
from tests.flows.bench import step
from tests.stories.browser import Browser
from tests.stories.rearranged import forms
from tests.stories.settled import Home, Town, opened, with_client, with_customers

pytestmark = pytest.mark.anyio

GRANT = "urn:openid:params:grant-type:ciba"
SWITCH = with_client(attributes={"oidc.ciba.grant.enabled": "true"})


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A provider whose internet banking may ask customers."""
    del anyio_backend
    async with opened(home, tmp_path, edit=SWITCH) as town:
        yield town


async def asked(town: Town, **form: str) -> dict[str, Any]:
    wanted = {"scope": "openid profile", "login_hint": "arta.hoxha", "binding_message": "Pagesa 4711", **form}
    answer = await town.bank.post("ext/ciba/auth", **wanted)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    request: dict[str, Any] = answer.json()
    return request


async def polled(town: Town, request: dict[str, Any]) -> httpx.Response:
    return await town.bank.post("token", grant_type=GRANT, auth_req_id=request["auth_req_id"])


async def error_of(town: Town, request: dict[str, Any]) -> str:
    answer = await polled(town, request)
    assert answer.status_code == 400, answer.text
    error: str = answer.json()["error"]
    return error


def link(town: Town) -> str:
    """The link in the last message to Arta."""
    return town.sms.last_to(town.arta.phone).rsplit(" ", 1)[1]


async def followed(town: Town, browser: Browser | None = None) -> Browser:
    browser = browser or town.browser()
    page = await browser.open(link(town))
    assert "request-waiting-form" in page.forms
    await browser.submit("request-waiting-form")
    return browser


async def at_approval(town: Town, browser: Browser | None = None) -> Browser:
    browser = await followed(town, browser)
    page = await town.arta.log_in(browser)
    assert "kc-oauth" in page.forms, page.message
    return browser


async def test_a_customer_is_asked_and_says_yes(town: Town) -> None:
    request = await asked(town)
    assert (request["expires_in"], request["interval"]) == (120, 5)
    assert await error_of(town, request) == "authorization_pending"
    browser = await at_approval(town)
    assert browser.shown.text("approval-compare") == "Pagesa 4711"
    assert "Internet Banking" in browser.shown.html
    page = await browser.press("accept")
    assert page.url.startswith(f"{town.bank.issuer}/ciba/status")
    assert "error" not in page.url
    tokens = (await polled(town, request)).json()
    assert await town.userinfo(tokens["access_token"]) == 200
    events = set(await town.event_types())
    assert {"BACKCHANNEL_AUTHENTICATION", "SEND_SMS", "AUTHREQID_TO_TOKEN"} <= events


async def test_the_message_names_bank_and_application_and_nothing_that_a_stranger_wrote(town: Town) -> None:
    request = await asked(town, binding_message="Telefono 0690000000")
    text = town.sms.last_to(town.arta.phone)
    assert "Internet Banking" in text
    assert f"{town.bank.issuer}/ciba?ticket=" in text
    assert "0690000000" not in text
    assert request["auth_req_id"] not in text


async def test_a_session_that_lies_open_does_not_answer(town: Town) -> None:
    """The login itself is the proof: a request on another device is never approved by a click alone."""
    browser = await town.logged_in()
    await asked(town)
    await followed(town, browser)
    assert "kc-form-login" in browser.shown.forms


async def test_the_link_alone_shows_and_decides_nothing(town: Town) -> None:
    request = await asked(town)
    page = await town.browser().open(link(town))
    assert "Pagesa" not in page.html
    assert "Internet Banking" not in page.html
    assert await error_of(town, request) == "authorization_pending"


async def test_another_customer_sees_nothing_and_decides_nothing(home: Home, tmp_path: Path) -> None:
    password = "një fjalëkalim për shembull 9"

    def edit(document: dict[str, Any]) -> None:
        SWITCH(document)
        with_customers("tjeter", password=password)(document)
        document["requiredActions"] = []
        document["authenticationFlows"] = []
        document["browserFlow"] = "browser"
        document["attributes"].pop("hyrja.softTokenRegistrationFlow", None)

    async with opened(home, tmp_path, edit=edit) as town:
        request = await asked(town)
        browser = await followed(town)
        page = await browser.submit("kc-form-login", username="tjeter", password=password)
        assert "Pagesa" not in page.html
        assert "kc-oauth" not in page.forms
        assert "error-message" in page.ids
        assert await error_of(town, request) == "authorization_pending"


async def test_a_no_is_told_to_the_client(town: Town) -> None:
    request = await asked(town)
    browser = await at_approval(town)
    page = await browser.press("cancel")
    assert "error=access_denied" in page.url
    assert await error_of(town, request) == "access_denied"


async def test_a_request_is_decided_once(town: Town) -> None:
    request = await asked(town)
    first, second = await at_approval(town), await at_approval(town)
    await first.press("cancel")
    page = await second.press("accept")
    assert "error-message" in page.ids
    assert await error_of(town, request) == "access_denied"
    page = await first.open(link(town))
    page = await first.submit("request-waiting-form")
    assert "error-message" in page.ids


async def test_time_is_up_for_both_sides(town: Town) -> None:
    request = await asked(town, requested_expiry="30")
    assert request["expires_in"] == 30
    browser = await followed(town)
    town.clock.advance(30)
    await town.arta.log_in(browser)
    page = await browser.press("accept")
    assert "error-message" in page.ids
    assert await error_of(town, request) == "expired_token"


async def test_of_many_polls_at_once_one_gets_tokens(town: Town) -> None:
    request = await asked(town)
    browser = await at_approval(town)
    await browser.press("accept")
    answers = await asyncio.gather(*(polled(town, request) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]


async def test_markup_in_a_binding_message_is_text(town: Town) -> None:
    await asked(town, binding_message="<script>alert(1)</script>")
    browser = await at_approval(town)
    assert "<script>alert" not in browser.shown.html
    assert browser.shown.text("approval-compare") == "<script>alert(1)</script>"


async def test_a_request_survives_a_restart_before_and_after_the_decision(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=SWITCH) as town:
        request = await asked(town)
        messages = list(town.sms.messages)
    async with opened(home, tmp_path, edit=SWITCH) as town:
        town.sms.messages = messages
        browser = await at_approval(town)
        await browser.press("accept")
    async with opened(home, tmp_path, edit=SWITCH) as town:
        assert (await polled(town, request)).status_code == 200


async def test_a_gateway_that_is_down_lets_the_request_wait(town: Town) -> None:
    town.sms.down = True
    request = await asked(town)
    assert await error_of(town, request) == "authorization_pending"
    assert "SEND_SMS_ERROR" in await town.event_types()


async def test_the_store_holds_neither_handle_nor_ticket(town: Town) -> None:
    request = await asked(town)
    ticket = link(town).partition("ticket=")[2]
    folder = Path(town.settings.store.path).parent
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert request["auth_req_id"].encode() not in stored
    assert ticket.encode() not in stored


def with_switch(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, conformance=Conformance(ciba_decisions=True))


def decision(town: Town, request: dict[str, Any], action: str) -> str:
    return f"{town.bank.issuer}/dev/ciba?auth_req_id={request['auth_req_id']}&action={action}"


async def test_an_examiner_decides_by_an_address(home: Home, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        SWITCH(document)
        with_client(consentRequired=True)(document)

    async with opened(home, tmp_path, edit=edit, settle=with_switch) as town:
        browser = town.browser()
        request = await asked(town, acr_values="mfa-otp")
        assert (await browser.http.post(decision(town, request, "allow"))).json() == {"action": "allow"}
        tokens = (await polled(town, request)).json()
        assert await town.userinfo(tokens["access_token"]) == 200
        renewed = await town.bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert renewed.status_code == 200, "the consent is remembered"
        assert "CIBA_TEST_DECISION" in await town.event_types()
        request = await asked(town)
        assert (await browser.http.post(decision(town, request, "deny"))).status_code == 200
        assert await error_of(town, request) == "access_denied"
        assert (await browser.http.post(decision(town, request, "allow"))).status_code == 400, "decided once"
        assert (await browser.http.post(decision(town, request, "perhaps"))).status_code == 400
        assert (await browser.http.get(decision(town, request, "allow"))).status_code == 405


async def test_without_the_switch_there_is_no_such_address(town: Town) -> None:
    request = await asked(town)
    assert (await town.browser().http.post(decision(town, request, "allow"))).status_code == 404
    assert await error_of(town, request) == "authorization_pending"


async def test_whoever_finds_the_link_and_knows_the_name_cannot_say_no(home: Home, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        SWITCH(document)
        forms(step("auth-username-form"), step("auth-password-form"))(document)

    async with opened(home, tmp_path, edit=edit) as town:
        request = await asked(town)
        browser = await followed(town)
        await browser.submit(next(iter(browser.shown.forms)), username="arta.hoxha")
        form = next(iter(browser.shown.forms.values()))
        await browser.post(form.action, {**form.values, "cancelLogin": "1"})
        assert await error_of(town, request) == "authorization_pending"
