"""A device without a browser enters the account of the person before it (RFC 8628)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened, with_client

pytestmark = pytest.mark.anyio

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INVALID = "Kodi nuk është i vlefshëm ose ka skaduar. Shiko sërish pajisjen tënde."


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A provider whose internet banking may be entered from a device."""
    del anyio_backend
    switch = with_client(attributes={"oauth2.device.authorization.grant.enabled": "true"})
    async with opened(home, tmp_path, edit=switch) as town:
        yield town


async def asked(town: Town, **form: str) -> dict[str, Any]:
    answer = await town.bank.post("auth/device", **{"scope": "openid profile", **form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    codes: dict[str, Any] = answer.json()
    return codes


async def polled(town: Town, codes: dict[str, Any], **form: str) -> httpx.Response:
    return await town.bank.post("token", grant_type=GRANT, device_code=codes["device_code"], **form)


async def error_of(town: Town, codes: dict[str, Any]) -> str:
    answer = await polled(town, codes)
    assert answer.status_code == 400, answer.text
    error: str = answer.json()["error"]
    return error


async def entered(browser: Browser, codes: dict[str, Any], *, typed: str | None = None) -> Page:
    """Open the page of the device and enter its code."""
    await browser.open(codes["verification_uri"])
    return await browser.submit("device-code-form", user_code=typed or codes["user_code"])


async def at_approval(town: Town, codes: dict[str, Any]) -> Browser:
    browser = town.browser()
    await entered(browser, codes)
    page = await town.arta.log_in(browser)
    assert "kc-oauth" in page.forms, page.message
    return browser


async def test_a_device_waits_until_the_person_has_allowed_it(town: Town) -> None:
    codes = await asked(town)
    assert codes["verification_uri"] == f"{town.bank.issuer}/device"
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert await error_of(town, codes) == "authorization_pending"
    browser = await at_approval(town, codes)
    assert browser.shown.text("approval-compare") == codes["user_code"]
    assert "Internet Banking" in browser.shown.html
    page = await browser.press("accept")
    assert page.url.startswith(f"{town.bank.issuer}/device/status")
    assert "info-message" in page.ids
    assert "error" not in page.url
    tokens = (await polled(town, codes)).json()
    assert tokens["scope"].split() == ["openid", "profile", "email"]
    assert await town.userinfo(tokens["access_token"]) == 200
    assert {"OAUTH2_DEVICE_AUTH", "OAUTH2_DEVICE_CODE_TO_TOKEN", "GRANT_CONSENT"} <= set(await town.event_types())


async def test_one_transaction_leads_from_the_request_to_the_tokens(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("accept")
    await polled(town, codes)
    events = await town.events()
    asking = next(event for event in events if event.type == "OAUTH2_DEVICE_AUTH")
    same = {event.type for event in events if event.transaction_id == asking.transaction_id}
    assert same == {"OAUTH2_DEVICE_AUTH", "GRANT_CONSENT", "LOGIN", "OAUTH2_DEVICE_CODE_TO_TOKEN"}


async def test_waiting_leaves_no_events(town: Town) -> None:
    codes = await asked(town)
    for _ in range(3):
        await polled(town, codes)
    assert "OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR" not in await town.event_types()


async def test_the_tokens_live_in_the_session_of_the_browser_that_allowed_them(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("accept")
    tokens = (await polled(town, codes)).json()
    renewed = await town.bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200, renewed.text
    await browser.open(f"{town.bank.issuer}/protocol/openid-connect/logout?client_id=internet-banking")
    await browser.submit("logout-confirm")
    assert await town.are_dead(tokens)


async def test_a_person_who_is_logged_in_only_compares_and_allows(town: Town) -> None:
    codes = await asked(town)
    browser = await town.logged_in()
    page = await entered(browser, codes)
    assert page.text("approval-compare") == codes["user_code"]
    await browser.press("accept")
    assert (await polled(town, codes)).status_code == 200


async def test_a_code_in_the_address_is_filled_in_and_nothing_more(town: Town) -> None:
    codes = await asked(town)
    browser = await town.logged_in()
    page = await browser.open(codes["verification_uri_complete"])
    assert page.forms["device-code-form"].values["user_code"] == codes["user_code"]
    assert await error_of(town, codes) == "authorization_pending"
    await browser.submit("device-code-form")
    assert "kc-oauth" in browser.shown.forms


@pytest.mark.parametrize("spelled", ["{}", " {} ", "{lower}", "{plain}", "{plain_lower}", "{spaced}"])
async def test_case_spaces_and_the_hyphen_do_not_count(town: Town, spelled: str) -> None:
    codes = await asked(town)
    code = codes["user_code"]
    plain = code.replace("-", "")
    forms = {"lower": code.lower(), "plain": plain, "plain_lower": plain.lower(), "spaced": " ".join(plain)}
    page = await entered(town.browser(), codes, typed=spelled.format(code, **forms))
    assert "kc-form-login" in page.forms


async def test_a_no_is_told_to_the_device_and_leaves_no_session(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    page = await browser.press("cancel")
    assert "error=access_denied" in page.url
    assert "info-message" in page.ids
    assert await error_of(town, codes) == "access_denied"
    assert not any("session" in cookie for cookie in browser.http.cookies)


async def test_a_code_is_decided_once(town: Town) -> None:
    codes = await asked(town)
    first, second = await at_approval(town, codes), await at_approval(town, codes)
    await first.press("cancel")
    page = await second.press("accept")
    assert "error-message" in page.ids, "it is too late"
    assert await error_of(town, codes) == "access_denied"
    page = await entered(town.browser(), codes)
    assert page.message == INVALID


async def test_of_two_polls_at_once_one_gets_tokens(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("accept")
    answers = await asyncio.gather(*(polled(town, codes) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    assert {answer.json().get("error") for answer in answers} == {None, "invalid_grant"}
    assert await error_of(town, codes) == "invalid_grant"


async def test_a_device_that_asks_too_often_is_slowed_down_for_good(town: Town) -> None:
    codes = await asked(town)
    assert await error_of(town, codes) == "authorization_pending"
    town.clock.advance(4)
    assert await error_of(town, codes) == "slow_down"
    town.clock.advance(9)
    assert await error_of(town, codes) == "slow_down", "ten seconds by now"
    town.clock.advance(15)
    assert await error_of(town, codes) == "authorization_pending"


async def test_an_expired_code_is_neither_decided_nor_redeemed(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    town.clock.advance(600)
    page = await browser.press("accept")
    assert "error-message" in page.ids
    assert not any("session" in cookie for cookie in browser.http.cookies), "too late to log in for it"
    assert await error_of(town, codes) == "expired_token"
    page = await entered(town.browser(), codes)
    assert page.message == INVALID


async def test_an_approval_that_is_not_fetched_in_time_is_worth_nothing(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("accept")
    town.clock.advance(600)
    assert await error_of(town, codes) == "expired_token"


@pytest.mark.parametrize("typed", ["", "BCDF", "BCDF-GHJK", "AEIO-UAEI", "<b>WDJB</b>", "W" * 500, "wdjb-mjht\u00a0"])
async def test_every_wrong_code_reads_the_same(town: Town, typed: str) -> None:
    page = await entered(town.browser(), await asked(town), typed=typed or " ")
    assert page.message == INVALID
    assert "<b>" not in page.html


async def test_guessing_codes_ends(town: Town) -> None:
    codes = await asked(town)
    browser = town.browser()
    await browser.open(codes["verification_uri"])
    for _ in range(10):
        page = await browser.submit("device-code-form", user_code="BCDF-GHJK")
        assert page.message == INVALID
    page = await browser.submit("device-code-form", user_code=codes["user_code"])
    assert page.status == 429, "the right one does not count either"
    for _ in range(40):  # new browsers of the same network
        await entered(town.browser(), codes, typed="BCDF-GHJK")
    assert (await entered(town.browser(), codes)).status == 429
    town.clock.advance(600)
    assert (await entered(town.browser(), await asked(town))).status == 200


async def test_another_sites_form_opens_no_login(town: Town) -> None:
    codes = await asked(town)
    page = await town.browser().post(codes["verification_uri"], {"user_code": codes["user_code"]})
    assert "kc-form-login" not in page.forms
    assert "device-code-form" in page.forms


async def test_a_customer_who_was_locked_or_disabled_since_gets_nothing(town: Town) -> None:
    """CVE-2026-9798 and CVE-2026-16103: at the redemption too."""
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("accept")
    desk = town.site.desks["small-business"]
    arta = await town.user("arta.hoxha")
    for _ in range(desk.realm.brute_force.failure_factor):
        await desk.provider.stores.attempts.hit(
            arta.id, "password", policy=desk.realm.brute_force, now=desk.provider.now()
        )
    assert await error_of(town, codes) == "invalid_grant"


async def test_another_client_cannot_redeem_or_spoil_the_code(home: Home, tmp_path: Path) -> None:
    def everybody(document: dict[str, Any]) -> None:
        for client in document["clients"]:
            client["attributes"]["oauth2.device.authorization.grant.enabled"] = "true"

    async with opened(home, tmp_path, edit=everybody) as town:
        codes = await asked(town)
        browser = await at_approval(town, codes)
        await browser.press("accept")
        stolen = await town.cards.post("token", grant_type=GRANT, device_code=codes["device_code"])
        assert stolen.json()["error"] == "invalid_grant"
        assert (await polled(town, codes)).status_code == 200


async def test_a_client_that_is_not_switched_on_can_neither_ask_nor_redeem(town: Town) -> None:
    answer = await town.cards.post("auth/device", scope="openid")
    assert answer.json()["error"] == "unauthorized_client"
    answer = await town.cards.post("token", grant_type=GRANT, device_code="x")
    assert answer.json()["error"] == "unauthorized_client"


async def test_the_request_survives_a_restart_of_the_server(home: Home, tmp_path: Path) -> None:
    switch = with_client(attributes={"oauth2.device.authorization.grant.enabled": "true"})
    async with opened(home, tmp_path, edit=switch) as town:
        codes = await asked(town)
        browser = await at_approval(town, codes)
        await browser.press("accept")
    async with opened(home, tmp_path, edit=switch) as town:
        assert (await polled(town, codes)).status_code == 200


async def test_the_store_holds_neither_code(town: Town) -> None:
    codes = await asked(town)
    stored = b"".join(path.read_bytes() for path in Path(town.settings.store.path).parent.iterdir() if path.is_file())
    assert codes["device_code"].encode() not in stored
    assert codes["user_code"].encode() not in stored
    assert json.dumps(codes["user_code"]).encode() not in stored


async def test_a_login_that_is_begun_again_still_ends_in_the_approval(town: Town) -> None:
    codes = await asked(town)
    browser = await at_approval(town, codes)
    await browser.press("restart")
    await town.arta.log_in(browser)
    assert browser.shown.text("approval-compare") == codes["user_code"]
    await browser.press("accept")
    assert (await polled(town, codes)).status_code == 200
