"""A login belongs to the browser that began it and to one tab of it (CVE-2023-0264, CVE-2026-7507)."""

from __future__ import annotations

import pytest

from idp.flows.openings import Openings
from tests.stories.browser import Browser
from tests.stories.settled import Town
from tests.stories.world import BANK

pytestmark = pytest.mark.anyio


async def at_both_pages(town: Town) -> tuple[Browser, str, str]:
    browser = await town.at_code_page()
    return browser, browser.shown.url, browser.shown.forms["kc-otp-login-form"].action


async def test_another_browser_that_has_the_address_is_shown_nothing_and_judged_nothing(town: Town) -> None:
    mine, url, action = await at_both_pages(town)
    thief = town.browser()
    for answer in (
        await thief.open(url),  # no cookie at all
        await thief.open(url),  # with a cookie of its own now
        await thief.post(action, {"otp": town.arta.code()}),
        await thief.post(action, {"restart": "1"}),
    ):
        assert answer.status == 410
        assert "kc-otp-login-form" not in answer.forms
        assert "restart-login" not in answer.links, "nor where the login went on"
    await mine.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in mine.answer, "and the login of the first browser is as it was"


async def test_a_login_begun_by_an_attacker_cannot_be_finished_by_its_victim(town: Town) -> None:
    attacker = town.browser()
    await attacker.open(town.bank.request(state="the attacker's"))
    url, action = attacker.shown.url, attacker.shown.forms["kc-form-login"].action
    victim = await town.arta.begin(town.bank)
    assert (await victim.tab().open(url)).status == 410
    answer = await victim.tab().post(action, {"username": "arta.hoxha", "password": town.arta.password})
    assert answer.status == 410
    assert "kc-form-login" in (await attacker.reload()).forms, "nothing of the victim's reached it"


async def test_another_browser_cannot_take_a_login_away_by_its_registration_link(town: Town) -> None:
    mine = await town.arta.begin(town.bank)
    link = mine.shown.links["register-soft-token"]
    thief = town.browser()
    page = await thief.open(link)
    assert "kc-form-login" in page.forms, "a registration of the thief's own"
    page = await mine.reload()
    assert page.status == 200
    assert "register-soft-token" in page.links


@pytest.mark.parametrize("tab_id", ["", "0" * 32, "../../etc", "é", "a" * 5000, "%00"])
async def test_a_tampered_tab_id_is_gone(town: Town, tab_id: str) -> None:
    browser, url, _ = await at_both_pages(town)
    before, _, _ = url.partition("tab_id=")
    assert (await browser.open(f"{before}tab_id={tab_id}")).status == 410


async def test_a_tab_of_one_realm_does_not_exist_in_the_other(town: Town) -> None:
    browser, url, action = await at_both_pages(town)
    cookie = next(value for name, value in browser.http.cookies.items() if "browser_small-business" in name)
    browser.http.cookies.set("hyrja8080_browser_sme-corporate", cookie)
    elsewhere = [address.replace("/realms/small-business/", "/realms/sme-corporate/") for address in (url, action)]
    assert (await browser.open(elsewhere[0])).status == 410
    assert (await browser.post(elsewhere[1], {"otp": town.arta.code()})).status == 410


async def test_two_tabs_log_in_independently_and_both_are_answered(town: Town) -> None:
    first = await town.arta.begin(town.bank, state="first")
    second = first.tab()
    await second.open(town.cards.request(state="second"))
    await town.arta.give_password(first)
    page = await second.reload()
    assert "kc-form-login" in page.forms, "the password of one tab is no evidence in the other"
    await first.submit("kc-otp-login-form", otp=town.arta.code())
    assert first.answer["state"] == "first"
    await town.arta.log_in(second)
    assert second.answer["state"] == "second"
    bank = (await town.bank.redeem(first.answer["code"])).json()
    cards = (await town.cards.redeem(second.answer["code"])).json()
    assert bank["session_state"] == cards["session_state"]


async def test_a_second_tab_of_the_login_shows_where_it_stands_and_either_may_go_on(town: Town) -> None:
    browser, url, _ = await at_both_pages(town)
    copy = browser.tab()
    page = await copy.open(url)
    assert "kc-otp-login-form" in page.forms
    await copy.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in copy.answer
    page = await browser.submit("kc-otp-login-form", otp=town.arta.next_code())
    assert page.status == 410


async def test_a_form_of_another_site_does_not_end_the_logins_of_the_browser(town: Town) -> None:
    browser, url, action = await at_both_pages(town)
    # What a browser does with a form of another site: SameSite=Lax cookies stay behind, and new ones are taken in.
    strange = town.browser()
    addresses = (action, town.bank.request().partition("?")[0], action.replace("authenticate", "nothing"))
    for address in addresses:
        response = await strange.http.post(address, data={"client_id": "internet-banking"})
        assert "set-cookie" not in response.headers, address
    assert "kc-otp-login-form" in (await browser.open(url)).forms


async def test_a_request_posted_from_another_site_finds_the_session(town: Town) -> None:
    browser = await town.logged_in()
    address, _, query = town.bank.request().partition("?")
    strange = town.browser()
    posted = await strange.http.post(
        address, content=query, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert posted.status_code == 303
    await browser.open(posted.headers["location"])
    assert "code" in browser.answer


async def test_a_browser_without_cookies_is_told_what_is_missing(town: Town) -> None:
    browser = town.browser()
    await browser.open(town.bank.request())
    url = browser.shown.url
    browser.http.cookies.clear()
    page = await browser.open(url)
    assert page.status == 410
    assert "cookie" in page.message.lower()


async def test_the_second_user_of_a_browser_ends_the_session_of_the_first(town: Town) -> None:
    browser = await town.logged_in()
    first_sid = browser.sid
    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    besnik = town.besnik
    other = town.browser()
    await other.open(town.bank.request())
    await besnik.register(other)
    await browser.open(town.bank.request(prompt="login"))
    await besnik.give_password(browser)
    await browser.submit("kc-otp-login-form", otp=besnik.next_code())
    await besnik.first_access(browser)
    assert browser.arrived is not None
    assert browser.arrived.startswith(BANK)
    assert browser.sid != first_sid
    assert await town.are_dead(tokens)


async def test_whoever_begins_too_many_logins_is_asked_to_wait_and_nothing_is_kept_for_them(town: Town) -> None:
    desk = town.site.desks[town.bank.realm]
    desk.tabs._openings = Openings(most=2)
    mine = await town.arta.begin(town.bank)
    before = await desk.provider.stores.authentication_sessions.standing()
    await town.browser().open(town.bank.request())
    refused = await town.browser().open(town.bank.request())
    assert refused.status == 503
    assert refused.headers["retry-after"]
    after = await desk.provider.stores.authentication_sessions.standing()
    assert sum(after.values()) == sum(before.values()) + 1
    await town.arta.log_in(mine)
    assert "code" in mine.answer, "a login that was begun goes on"
