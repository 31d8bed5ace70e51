"""Logging out: asked for by the person or proven by the application, and thorough (RP-Initiated Logout, V21, V30)."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

import pytest

from tests.stories.browser import Browser, Page
from tests.stories.settled import Town
from tests.stories.world import BANK

pytestmark = pytest.mark.anyio

COOKIE = "hyrja8080_session_small-business"


async def log_out(town: Town, browser: Browser, **parameters: str) -> Page:
    return await browser.open(f"{town.bank.issuer}/protocol/openid-connect/logout?{urlencode(parameters)}")


async def entered(town: Town) -> tuple[Browser, dict[str, str], dict[str, str]]:
    """Return a browser logged in at two applications, and the tokens of each."""
    browser = await town.logged_in()
    bank = (await town.bank.redeem(browser.answer["code"])).json()
    await browser.open(town.cards.request())
    return browser, bank, (await town.cards.redeem(browser.answer["code"])).json()


async def is_known(town: Town, browser: Browser) -> bool:
    await browser.open(town.bank.request(prompt="none"))
    return "code" in browser.answer


async def test_without_a_proof_the_person_is_asked_and_nothing_ends_before_the_answer(town: Town) -> None:
    browser, bank, cards = await entered(town)
    page = await log_out(town, browser)
    assert "logout-confirm" in page.forms
    assert not await town.are_dead(bank)
    await log_out(town, browser)
    page = await browser.press("confirmLogout")
    assert page.status == 200
    assert "info-message" in page.ids
    assert await town.are_dead(bank)
    assert await town.are_dead(cards, town.cards), "the tokens of the second application too"
    assert COOKIE not in browser.http.cookies
    assert not await is_known(town, browser)


async def test_an_id_token_of_the_session_logs_out_at_once_and_leads_back(town: Town) -> None:
    browser, bank, cards = await entered(town)
    await log_out(town, browser, id_token_hint=bank["id_token"], post_logout_redirect_uri=f"{BANK}/", state="s&1")
    assert [hop.status_code for hop in browser.hops] == [303]
    assert browser.arrived == f"{BANK}/?state=s%261"
    assert COOKIE not in browser.http.cookies
    assert await town.are_dead(bank)
    assert await town.are_dead(cards, town.cards)
    assert not await is_known(town, browser)
    assert Counter(await town.event_types())["LOGOUT"] == 1


async def test_an_old_cookie_is_dead_after_logout(town: Town) -> None:
    browser, bank, _ = await entered(town)
    cookie = browser.http.cookies[COOKIE]
    await log_out(town, browser, id_token_hint=bank["id_token"])
    browser.http.cookies.set(COOKIE, cookie)
    assert not await is_known(town, browser)


async def test_a_code_that_was_not_redeemed_before_logout_is_dead(town: Town) -> None:
    browser, bank, _ = await entered(town)
    await browser.open(town.bank.request())
    code = browser.answer["code"]
    await log_out(town, browser, id_token_hint=bank["id_token"])
    assert (await town.bank.redeem(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", f"{BANK}/other", f"{BANK}", f"{BANK}//", "http://localhost:8091/", "javascript:x", "/"],
)
async def test_an_unregistered_return_address_is_an_error_page_and_ends_nothing(town: Town, address: str) -> None:
    browser, bank, _ = await entered(town)
    page = await log_out(town, browser, id_token_hint=bank["id_token"], post_logout_redirect_uri=address)
    assert page.status == 400
    assert not browser.has_left
    assert 'href="https://evil' not in page.html
    assert not await town.are_dead(bank)


async def test_a_return_address_without_an_application_is_an_error_page(town: Town) -> None:
    browser, bank, _ = await entered(town)
    page = await log_out(town, browser, post_logout_redirect_uri=f"{BANK}/")
    assert page.status == 400
    assert not await town.are_dead(bank)


async def test_a_hint_that_is_not_ours_is_refused(town: Town) -> None:
    browser, bank, _ = await entered(town)
    head, body, _signature = bank["id_token"].split(".")
    for hint in ("x", f"{head}.{body}.", bank["access_token"], bank["refresh_token"]):
        page = await log_out(town, browser, id_token_hint=hint, post_logout_redirect_uri=f"{BANK}/")
        assert page.status == 400, hint
        assert not browser.has_left
    assert not await town.are_dead(bank)


async def test_the_hint_of_another_session_does_not_log_this_person_out_unasked(town: Town) -> None:
    browser, bank, _ = await entered(town)
    town.clock.advance(30)
    strange = await town.tokens()
    page = await log_out(town, browser, id_token_hint=strange["id_token"])
    assert "logout-confirm" in page.forms
    assert not await town.are_dead(bank)


async def test_a_form_of_another_site_logs_nobody_out(town: Town) -> None:
    browser, bank, _ = await entered(town)
    address = f"{town.bank.issuer}/protocol/openid-connect/logout"
    town.clock.advance(30)
    other = await town.logged_in()
    await other.open(address)
    foreign = other.shown.forms["logout-confirm"].values
    for form in ({}, {"confirmLogout": "1"}, {"confirmLogout": "1", "session_code": "x"}, foreign):
        page = await browser.post(address, form)
        assert "logout-confirm" in page.forms, "the person is asked, whatever the form says"
    assert not await town.are_dead(bank)


async def test_a_get_request_with_the_token_of_the_confirmation_logs_nobody_out(town: Town) -> None:
    browser, bank, _ = await entered(town)
    page = await log_out(town, browser)
    page = await log_out(town, browser, **page.forms["logout-confirm"].values, confirmLogout="1")
    assert "logout-confirm" in page.forms
    assert not await town.are_dead(bank)


async def test_hidden_fields_of_the_confirmation_prove_nothing(town: Town) -> None:
    browser, _, _ = await entered(town)
    page = await log_out(town, browser, client_id="internet-banking", post_logout_redirect_uri=f"{BANK}/")
    form = page.forms["logout-confirm"]
    forged = {**form.values, "post_logout_redirect_uri": "https://evil.example/"}
    page = await browser.post(form.action, forged)
    assert page.status == 400
    assert not browser.has_left


async def test_the_confirmed_logout_leads_back_to_the_application(town: Town) -> None:
    browser, _, _ = await entered(town)
    await log_out(town, browser, client_id="internet-banking", post_logout_redirect_uri=f"{BANK}/")
    await browser.press("confirmLogout")
    assert browser.arrived == f"{BANK}/"


async def test_somebody_who_is_not_logged_in_may_log_out_too(town: Town) -> None:
    browser = town.browser()
    page = await log_out(town, browser)
    assert page.status == 200
    assert not browser.has_left


async def test_logging_out_twice_is_no_error(town: Town) -> None:
    browser, bank, _ = await entered(town)
    for _ in range(2):
        await log_out(town, browser, id_token_hint=bank["id_token"], post_logout_redirect_uri=f"{BANK}/")
        assert browser.arrived == f"{BANK}/"


async def test_the_second_browser_of_the_same_person_stays_logged_in(town: Town) -> None:
    browser, bank, _ = await entered(town)
    town.clock.advance(30)
    elsewhere = await town.logged_in()
    await log_out(town, browser, id_token_hint=bank["id_token"])
    assert await is_known(town, elsewhere)


async def test_offline_access_outlives_the_logout_until_it_is_revoked(town: Town) -> None:
    browser = await town.logged_in(scope="openid offline_access")
    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    await log_out(town, browser, id_token_hint=tokens["id_token"])
    assert await town.is_active(tokens["refresh_token"])
    renewed = await town.bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200
    await town.bank.post("revoke", token=renewed.json()["refresh_token"])
    assert not await town.is_active(renewed.json()["refresh_token"])
