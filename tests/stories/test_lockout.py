"""Five failures lock, twenty lock for good; per user and factor, wherever they were made (P06, CVE-2018-14657)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from idp.crypto.digest import digest
from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, normalised, opened, with_realm
from tests.stories.world import Customer

pytestmark = pytest.mark.anyio

WRONG = "certainly not the password"
DECADE = 10 * 365 * 86400


async def try_password(town: Town, password: str = WRONG, browser: Browser | None = None) -> Page:
    browser = browser or town.browser()
    await browser.open(town.bank.request())
    return await browser.submit("kc-form-login", username="arta.hoxha", password=password)


async def lock_password(town: Town) -> None:
    for _ in range(5):
        await try_password(town)


async def lock_token(town: Town) -> Page:
    browser = await town.at_code_page()
    for _ in range(5):
        await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
    return browser.shown


def wrong_code(customer: Customer) -> str:
    return f"{(int(customer.code()) + 1) % 10**6:06}"


async def test_five_wrong_passwords_refuse_the_right_one_in_the_same_words(town: Town) -> None:
    refused = [await try_password(town) for _ in range(5)]
    after = await try_password(town, town.arta.password)
    assert normalised(after) == normalised(refused[0])
    assert after.status == 200


async def test_four_wrong_passwords_do_not_lock(town: Town) -> None:
    for _ in range(4):
        await try_password(town)
    page = await try_password(town, town.arta.password)
    assert "kc-otp-login-form" in page.forms


async def test_a_success_forgives_the_failures_before_it(town: Town) -> None:
    for _ in range(2):
        for _ in range(4):
            await try_password(town)
        page = await try_password(town, town.arta.password)
        assert "kc-otp-login-form" in page.forms


async def test_the_fifth_attempt_itself_is_still_judged(town: Town) -> None:
    for _ in range(4):
        await try_password(town)
    browser = town.browser()
    await try_password(town, town.arta.password, browser)
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer, "the lock of the fifth attempt is lifted by its success"


async def test_failures_add_up_across_tabs_browsers_and_languages(town: Town) -> None:
    one = town.browser()
    for browser in (one, one.tab(), town.browser(), town.browser(language="it"), one.tab()):
        await try_password(town, browser=browser)
    page = await try_password(town, town.arta.password)
    assert "kc-form-login" in page.forms


async def test_starting_over_does_not_reset_the_count(town: Town) -> None:
    browser = await town.at_code_page()
    for _ in range(4):
        await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
    await browser.press("restart")
    await town.arta.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
    assert "kc-form-login" in page.forms, "the fifth failure of this token, in its second login"
    assert "kc-form-login" in (await town.arta.give_password(browser)).forms


async def test_a_lock_survives_a_restart_of_the_server(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        for _ in range(3):
            await try_password(town)
        clock, sms = town.clock, town.sms
    async with opened(home, tmp_path, clock=clock, sms=sms) as again:
        for _ in range(2):
            await try_password(again)
        assert "kc-form-login" in (await try_password(again, again.arta.password)).forms
    async with opened(home, tmp_path, clock=clock, sms=sms) as third:
        assert "kc-form-login" in (await try_password(third, third.arta.password)).forms


async def test_a_temporary_lock_ends_by_the_clock(town: Town) -> None:
    await lock_password(town)
    town.clock.advance(59)
    assert "kc-form-login" in (await try_password(town, town.arta.password)).forms
    town.clock.advance(1)
    assert "kc-otp-login-form" in (await try_password(town, town.arta.password)).forms


async def test_what_is_refused_by_a_lock_does_not_prolong_it(town: Town) -> None:
    await lock_password(town)
    for _ in range(10):
        await try_password(town)
    town.clock.advance(60)
    assert "kc-otp-login-form" in (await try_password(town, town.arta.password)).forms


async def test_wrong_passwords_do_not_spend_the_tries_of_the_token(town: Town) -> None:
    browser = await town.at_code_page()
    for _ in range(4):
        await try_password(town)
    for _ in range(4):
        page = await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
        assert "kc-otp-login-form" in page.forms
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer


async def test_the_right_password_does_not_forgive_failures_of_the_token(town: Town) -> None:
    for _ in range(5):
        browser = await town.at_code_page()
        await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
    page = await try_password(town, town.arta.password)
    assert "kc-form-login" in page.forms, "who knows the password cannot guess codes one login at a time"


async def test_a_locked_token_sends_the_login_back_to_its_beginning_and_refuses_the_right_password(town: Town) -> None:
    page = await lock_token(town)
    assert "kc-form-login" in page.forms
    again = await try_password(town, town.arta.password)
    assert normalised(again) == normalised(await try_password(town, WRONG))
    town.clock.advance(60)
    browser = await town.at_code_page()
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer


async def test_a_lock_of_the_token_reaches_the_page_that_was_open_before_it(town: Town) -> None:
    waiting = await town.at_code_page()
    await lock_token(town)
    page = await waiting.submit("kc-otp-login-form", otp=town.arta.code())
    assert "kc-form-login" in page.forms
    assert not waiting.has_left


async def test_who_is_locked_after_the_password_is_not_let_in_by_the_right_code(town: Town) -> None:
    waiting = await town.at_code_page()
    await lock_password(town)
    await waiting.submit("kc-otp-login-form", otp=town.arta.code())
    assert waiting.answer["error"] == "access_denied"
    assert not any("session" in cookie for cookie in waiting.http.cookies)


async def test_twenty_failures_lock_for_good_over_any_time_and_restart(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        for failure in range(1, 21):
            await try_password(town)
            types = Counter(await town.event_types())
            assert types["USER_DISABLED_BY_PERMANENT_LOCKOUT"] == (failure == 20), failure
            town.clock.advance(3600)
        town.clock.advance(DECADE)
        assert "kc-form-login" in (await try_password(town, town.arta.password)).forms
        clock, sms = town.clock, town.sms
    async with opened(home, tmp_path, clock=clock, sms=sms) as again:
        assert await again.site.store.sweep() >= 0
        assert "kc-form-login" in (await try_password(again, again.arta.password)).forms


async def test_slow_guessing_at_the_token_ends_in_a_permanent_lock(town: Town) -> None:
    browser = await town.at_code_page()
    for _ in range(20):
        page = await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
        if "kc-form-login" in page.forms:
            town.clock.advance(86400)
            browser = town.browser()
            await browser.open(town.bank.request())
            await town.arta.give_password(browser)
    town.clock.advance(DECADE)
    assert "kc-form-login" in (await try_password(town, town.arta.password)).forms
    user = await town.user("arta.hoxha")
    locks = await town.site.desks["small-business"].provider.stores.attempts.locks(user.id)
    assert locks.of("otp").permanent
    assert not locks.of("password").permanent


async def test_a_lock_is_an_event_of_its_user_told_once(town: Town) -> None:
    await lock_password(town)
    await try_password(town)
    locked = [event for event in await town.events() if event.type.startswith("USER_DISABLED_BY")]
    assert [(event.type, event.detail["factor"]) for event in locked] == [
        ("USER_DISABLED_BY_TEMPORARY_LOCKOUT", "password")
    ]
    assert locked[0].user_id == (await town.user("arta.hoxha")).id
    assert locked[0].address == "203.0.113.7"


async def test_a_locked_user_is_refused_wherever_something_is_granted(town: Town) -> None:
    tokens = await town.tokens()
    town.clock.advance(30)
    browser = await town.logged_in()
    code = browser.answer["code"]
    await lock_password(town)
    assert await town.are_dead(tokens)
    redeemed = await town.bank.redeem(code)
    assert (redeemed.status_code, redeemed.json()["error"]) == (400, "invalid_grant")
    page = await browser.open(town.bank.request())
    assert "kc-form-login" in page.forms, "the session of a locked user answers for nobody"
    await browser.open(town.bank.request(prompt="none"))
    assert browser.answer["error"] == "login_required"


async def test_a_lock_does_not_burn_what_it_refuses(town: Town) -> None:
    tokens = await town.tokens()
    await lock_password(town)
    refused = await town.bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refused.status_code == 400
    town.clock.advance(60)
    assert not await town.are_dead(tokens)


async def test_attempts_at_names_that_nobody_has_are_forgotten(town: Town) -> None:
    browser = town.browser()
    await browser.open(town.bank.request())
    for _ in range(6):
        await browser.submit("kc-form-login", username="no.such.user", password=WRONG)
    attempts = town.site.desks["small-business"].provider.stores.attempts
    subject = "unknown:" + digest("no.such.user")
    assert (await attempts.locks(subject)).locked(int(town.clock()))
    town.clock.advance(40 * 86400)
    assert not (await attempts.locks(subject)).factors


async def test_a_disabled_user_is_refused_wherever_something_is_granted(town: Town) -> None:
    tokens = await town.tokens()
    town.clock.advance(30)
    browser = await town.logged_in()
    waiting = await town.at_code_page()
    await town.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    assert await town.are_dead(tokens)
    assert (await town.bank.redeem(browser.answer["code"])).json()["error"] == "invalid_grant"
    assert "kc-form-login" in (await browser.open(town.cards.request())).forms
    await waiting.submit("kc-otp-login-form", otp=town.arta.next_code())
    assert waiting.answer["error"] == "access_denied"


async def test_so_many_wrong_codes_lock_the_token_for_good_where_the_realm_wants_that(
    home: Home, tmp_path: Path
) -> None:
    edit = with_realm(permanentLockout=False, failureFactor=30, maxSecondaryAuthFailures=3)
    async with opened(home, tmp_path, edit=edit) as town:
        for _ in range(4):
            await try_password(town)
        browser = await town.at_code_page()
        for _ in range(3):
            await browser.submit("kc-otp-login-form", otp=wrong_code(town.arta))
        assert "kc-form-login" in browser.shown.forms
        assert "USER_DISABLED_BY_PERMANENT_LOCKOUT" in await town.event_types()
        town.clock.advance(DECADE)
        page = await town.arta.give_password(browser)
        assert "kc-otp-login-form" not in page.forms or (
            "kc-form-login" in (await browser.submit("kc-otp-login-form", otp=town.arta.code())).forms
        )
