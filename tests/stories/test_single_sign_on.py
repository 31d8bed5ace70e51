"""One login for every application of a realm: how long it lasts, whose it is, and what ends it (V20, V21, P08)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, who_must, with_realm
from tests.stories.world import BANK

pytestmark = pytest.mark.anyio

COOKIE = "hyrja8080_session_small-business"


async def is_known(town: Town, browser: Browser) -> bool:
    await browser.open(town.cards.request(prompt="none"))
    assert browser.answer.get("error") in {None, "login_required"}
    return "code" in browser.answer


async def test_a_second_application_asks_nothing(town: Town) -> None:
    browser = await town.logged_in()
    sid = browser.sid
    await browser.open(town.cards.request())
    assert [hop.status_code for hop in browser.hops] == [303], "no page in between"
    assert browser.arrived is not None
    assert browser.arrived.startswith(f"{BANK}/small-business/cards/callback?")
    assert browser.sid == sid
    tokens = (await town.cards.redeem(browser.answer["code"])).json()
    assert tokens["session_state"] == sid


async def test_a_session_of_one_realm_is_none_of_the_other(town: Town) -> None:
    browser = await town.logged_in()
    other = town.client("sme-corporate")
    browser.http.cookies.set("hyrja8080_session_sme-corporate", browser.http.cookies[COOKIE])
    await browser.open(other.request(prompt="none"))
    assert browser.answer["error"] == "login_required"


async def test_a_session_ends_when_nobody_was_seen_for_a_while(town: Town) -> None:
    browser = await town.logged_in()
    for _ in range(3):
        town.clock.advance(899)
        assert await is_known(town, browser)
    town.clock.advance(900)
    assert not await is_known(town, browser)


async def test_a_session_ends_after_ten_hours_however_busy(town: Town) -> None:
    browser = await town.logged_in()
    for _ in range(71):
        town.clock.advance(500)
        assert await is_known(town, browser)
    town.clock.advance(499)
    assert await is_known(town, browser)
    town.clock.advance(1)
    assert not await is_known(town, browser)


async def test_todays_lifetimes_count_for_a_session_that_began_under_longer_ones(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        browser = await town.logged_in()
        clock, sms, cookies = town.clock, town.sms, browser.http.cookies
    clock.advance(400)
    async with opened(home, tmp_path, edit=with_realm(ssoSessionIdleTimeout=300), clock=clock, sms=sms) as again:
        browser = again.browser()
        browser.http.cookies = cookies
        assert not await is_known(again, browser)


async def test_logging_in_again_keeps_the_session_and_renews_its_secret(town: Town) -> None:
    browser = await town.logged_in()
    sid, old = browser.sid, browser.http.cookies[COOKIE]
    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    town.clock.advance(30)
    await browser.open(town.bank.request(prompt="login"))
    await town.arta.log_in(browser)
    assert browser.sid == sid
    assert browser.http.cookies[COOKIE] != old
    assert not await town.are_dead(tokens), "the applications' tokens live on"
    thief = town.browser()
    thief.http.cookies.set(COOKIE, old)
    assert not await is_known(town, thief)


async def test_a_cookie_cannot_be_made_from_what_is_public(town: Town) -> None:
    browser = await town.logged_in()
    sid, secret = browser.http.cookies[COOKIE].split(".")
    for forged in (sid, f"{sid}.", f"{sid}.x", f".{secret}", f"x.{secret}", f"{sid}.{secret}x", f"{sid}.{secret[:-1]}"):
        thief = town.browser()
        thief.http.cookies.set(COOKIE, forged)
        assert not await is_known(town, thief), forged


async def test_a_silent_answer_makes_no_cookie_and_no_session(town: Town) -> None:
    browser = town.browser()
    assert not await is_known(town, browser)
    assert COOKIE not in browser.http.cookies
    known = await town.logged_in()
    before = known.http.cookies[COOKIE]
    assert await is_known(town, known)
    assert known.http.cookies[COOKIE] == before
    assert "set-cookie" not in known.hops[0].headers


async def test_a_silent_request_disturbs_no_login_in_progress(town: Town) -> None:
    browser = await town.at_code_page()
    for _ in range(3):
        tab = browser.tab()
        await tab.open(town.cards.request(prompt="none"))
        assert tab.answer["error"] == "login_required"
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer


async def test_a_replayed_code_ends_what_the_application_had_and_nothing_else(town: Town) -> None:
    browser = await town.logged_in()
    code = browser.answer["code"]
    tokens = (await town.bank.redeem(code)).json()
    await browser.open(town.cards.request())
    cards = (await town.cards.redeem(browser.answer["code"])).json()
    assert (await town.bank.redeem(code)).json()["error"] == "invalid_grant"
    assert await town.are_dead(tokens)
    assert not await town.are_dead(cards, town.cards)
    assert await is_known(town, browser)


async def test_a_code_of_one_application_is_nothing_to_another(town: Town) -> None:
    browser = await town.logged_in()
    stolen = await town.cards.redeem(
        browser.answer["code"], redirect_uri=town.bank.redirect_uri, code_verifier=town.bank.verifier
    )
    assert stolen.json()["error"] == "invalid_grant"


async def test_a_code_lives_sixty_seconds(town: Town) -> None:
    browser = await town.logged_in()
    town.clock.advance(60)
    assert (await town.bank.redeem(browser.answer["code"])).json()["error"] == "invalid_grant"


async def test_a_second_login_in_another_browser_is_a_session_of_its_own(town: Town) -> None:
    first = await town.logged_in()
    town.clock.advance(30)
    second = await town.logged_in()
    assert first.sid != second.sid
    assert await is_known(town, first)
    assert await is_known(town, second)


async def test_the_session_of_a_user_who_was_disabled_answers_for_nobody_and_again_once_enabled(town: Town) -> None:
    browser = await town.logged_in()
    await town.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    assert not await is_known(town, browser)
    assert "kc-form-login" in (await browser.open(town.bank.request())).forms
    await town.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=True))
    assert await is_known(town, browser)


async def test_a_session_that_ends_while_its_login_is_asked_something_does_not_go_on(town: Town) -> None:
    browser = await town.logged_in()
    await town.change_user("arta.hoxha", who_must("VERIFY_PROFILE"))
    page = await browser.open(town.cards.request())
    assert "profile-form" in page.forms, "the session answers, but there is something left to do"
    town.clock.advance(900)
    await browser.press("kc-confirm")
    assert browser.answer["error"] == "login_required"


async def test_a_session_that_is_not_in_the_browser_any_more_does_not_finish_a_login(town: Town) -> None:
    browser = await town.logged_in()
    await town.change_user("arta.hoxha", who_must("VERIFY_PROFILE"))
    await browser.open(town.cards.request())
    browser.http.cookies.delete(COOKIE)
    await browser.press("kc-confirm")
    assert browser.answer["error"] == "login_required"
