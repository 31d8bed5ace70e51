"""The first access: password, terms, profile, all of them before the bank gets a code (CVE-2025-3910, T-34)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, who_must
from tests.stories.world import NEW_PASSWORD, Customer

pytestmark = pytest.mark.anyio

ACTIONS = ("UPDATE_PASSWORD", "TERMS_AND_CONDITIONS", "VERIFY_PROFILE")


async def at_first_access(town: Town) -> tuple[Browser, Customer]:
    """Return a newcomer's browser after the first right code, at the page that asks for a new password."""
    besnik = town.besnik
    browser = await besnik.begin(town.bank)
    await besnik.register(browser)
    await besnik.log_in(browser)
    assert "kc-passwd-update-form" in browser.shown.forms
    return browser, besnik


async def change(browser: Browser, password: str = NEW_PASSWORD, again: str | None = None) -> str:
    confirm = password if again is None else again
    page = await browser.submit("kc-passwd-update-form", {"password-new": password, "password-confirm": confirm})
    return page.message if "kc-passwd-update-form" in page.forms else ""


def has_session(browser: Browser) -> bool:
    return any("session" in cookie for cookie in browser.http.cookies)


async def test_no_page_of_the_first_access_can_be_skipped_by_address_or_form(town: Town) -> None:
    browser, besnik = await at_first_access(town)
    for form_id in ("kc-passwd-update-form", "kc-terms", "profile-form"):
        url = browser.shown.url
        for action in (*ACTIONS, "consent"):
            tab = browser.tab()
            page = await tab.open(f"{url}&execution=action-{action}")
            assert form_id in page.forms
            page = await tab.post(
                page.forms[form_id].action.replace("execution=", "x="), {"kc-done": "1", "accept": "1"}
            )
            assert form_id in page.forms
        await browser.open(url)
        assert not browser.has_left
        assert not has_session(browser)
        match form_id:
            case "kc-passwd-update-form":
                await change(browser)
            case "kc-terms":
                page = await browser.post(browser.shown.forms["kc-terms"].action, {"kc-confirm": "1"})
                assert "kc-terms" in page.forms, "the button of the next page is none of this one"
                await browser.press("kc-accept")
            case _:
                await browser.press("kc-confirm")
    assert "code" in browser.answer
    assert (await town.user(besnik.username)).required_actions == ()


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_until_all_is_done_no_request_gets_a_code(town: Town, done: int) -> None:
    browser, _ = await at_first_access(town)
    if done >= 1:
        await change(browser)
    if done >= 2:
        await browser.press("kc-accept")
    tab = browser.tab()
    await tab.open(town.bank.request(prompt="none"))
    assert tab.answer["error"] == "login_required", "there is no session before there is a code"
    page = await tab.open(town.cards.request())
    assert "kc-form-login" in page.forms
    assert not has_session(browser)
    assert [e.type for e in await town.events() if e.user_id == (await town.user("besnik.leka")).id].count("LOGIN") == 0


async def test_what_was_done_before_an_interruption_is_not_asked_again(town: Town) -> None:
    browser, besnik = await at_first_access(town)
    await change(browser)
    besnik.password = NEW_PASSWORD
    later = await besnik.begin(town.bank)
    await besnik.log_in(later)
    assert "kc-terms" in later.shown.forms
    await later.press("kc-accept")
    again = await besnik.begin(town.bank)
    await besnik.log_in(again)
    assert "profile-form" in again.shown.forms
    await again.press("kc-confirm")
    assert "code" in again.answer


async def test_a_second_tab_that_did_an_action_lets_the_first_one_go_on_to_the_next(town: Town) -> None:
    browser, _ = await at_first_access(town)
    copy = browser.tab()
    await copy.open(browser.shown.url)
    await change(copy)
    page = await browser.submit(
        "kc-passwd-update-form", {"password-new": "tjetër fjalëkalim 7", "password-confirm": "tjetër fjalëkalim 7"}
    )
    assert "kc-terms" in page.forms
    besnik = town.besnik
    besnik.password = NEW_PASSWORD
    other = await besnik.begin(town.bank)
    page = await besnik.give_password(other)
    assert "kc-form-login" not in page.forms, "the first tab's form was stale: the password is the second tab's"


async def test_who_declines_the_terms_is_told_to_the_client_and_has_no_session(town: Town) -> None:
    browser, besnik = await at_first_access(town)
    await change(browser)
    besnik.password = NEW_PASSWORD
    await browser.press("kc-decline")
    assert browser.answer["error"] == "access_denied"
    assert browser.answer["state"] == "a-state"
    assert browser.answer["iss"] == town.bank.issuer
    assert "code" not in browser.answer
    assert not has_session(browser)
    assert "CUSTOM_REQUIRED_ACTION_ERROR" in await town.event_types()
    assert (await town.user("besnik.leka")).terms is None
    again = await besnik.begin(town.bank)
    await besnik.log_in(again)
    assert "kc-terms" in again.shown.forms


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "fush"),
        ("shkurt 1", "10"),
        ("x" * 129, "128"),
        ("unë jam besnik.leka", "përdorues"),
        ("BESNIK.LEKA 2026", "përdorues"),
        ("besnik.leka@furra-leka.example", "përdorues"),
        ("1234567890", "lehtë"),
        ("q" * 10_000, "256"),
    ],
)
async def test_the_password_policy_says_what_is_wrong(town: Town, password: str, words: str) -> None:
    browser, _ = await at_first_access(town)
    assert words in (await change(browser, password))
    user = await town.user("besnik.leka")
    assert user.password is not None
    assert user.password.temporary


async def test_a_new_password_must_be_typed_twice_and_differ_from_the_one_that_was_sent(town: Town) -> None:
    browser, besnik = await at_first_access(town)
    assert await change(browser, NEW_PASSWORD, "tjetër gjë krejt")
    assert await change(browser, besnik.password)
    assert await change(browser, NEW_PASSWORD) == ""


async def test_the_password_that_was_sent_is_dead_once_it_was_changed(town: Town) -> None:
    browser, besnik = await at_first_access(town)
    await change(browser)
    other = await besnik.begin(town.bank)
    assert "kc-form-login" in (await besnik.give_password(other)).forms
    besnik.password = NEW_PASSWORD
    assert "kc-otp-login-form" in (await besnik.give_password(other)).forms


async def test_the_first_password_dies_unused_after_three_days(town: Town) -> None:
    town.clock.advance(72 * 3600)
    browser = await town.besnik.begin(town.bank)
    page = await town.besnik.give_password(browser)
    assert "kc-form-login" in page.forms


async def test_former_passwords_do_not_come_back(town: Town) -> None:
    for turn in range(2):
        await town.change_user("arta.hoxha", who_must("UPDATE_PASSWORD"))
        arta = town.arta
        arta.password = arta.password if turn == 0 else "e dyta fjalë 2026"
        browser = await arta.begin(town.bank)
        await arta.log_in(browser)
        if turn == 1:
            assert await change(browser, town.arta.password), "the one before the last"
            assert await change(browser, "e dyta fjalë 2026"), "the present one"
        await change(browser, "e dyta fjalë 2026" if turn == 0 else "e treta fjalë 2026")
        assert "code" in browser.answer


async def test_a_changed_password_ends_tokens_and_sessions_made_under_the_old_one(town: Town) -> None:
    tokens = await town.tokens()
    elsewhere = await town.logged_in()
    town.clock.advance(30)
    await town.change_user("arta.hoxha", who_must("UPDATE_PASSWORD"))
    arta = town.arta
    browser = await arta.begin(town.bank)
    await arta.log_in(browser)
    await change(browser, "krejt tjetër fjalë 2026")
    assert "code" in browser.answer
    assert await town.are_dead(tokens)
    page = await elsewhere.open(town.bank.request())
    assert "kc-form-login" in page.forms
    await browser.open(town.cards.request())
    assert "code" in browser.answer, "the session of who changed it goes on"


async def test_who_changes_the_password_within_a_session_gets_the_code_and_logs_in_the_next_time(town: Town) -> None:
    browser = await town.logged_in()
    town.clock.advance(30)
    await town.change_user("arta.hoxha", who_must("UPDATE_PASSWORD"))
    await browser.open(town.bank.request())
    town.clock.advance(30)
    await change(browser, "krejt tjetër fjalë 2026")
    town.clock.advance(30)
    assert (await town.bank.redeem(browser.answer["code"])).status_code == 200
    page = await browser.open(town.cards.request())
    assert "kc-form-login" in page.forms


async def test_a_session_with_something_left_to_do_is_not_answered_silently(town: Town) -> None:
    browser = await town.logged_in()
    for action in ("VERIFY_PROFILE", "UPDATE_PASSWORD", "NO_SUCH_ACTION"):
        await town.change_user("arta.hoxha", who_must(action))
        await browser.open(town.bank.request(prompt="none"))
        expected = "login_required" if action == "NO_SUCH_ACTION" else "interaction_required"
        assert browser.answer["error"] == expected
    await browser.open(town.bank.request())
    assert browser.answer["error"] == "access_denied", "what nobody can ask for is not skipped (T-34)"


def ninety_days(document: dict[str, Any]) -> None:
    document["passwordPolicy"] += " and forceExpiredPasswordChange(90)"


async def test_a_password_that_has_run_out_is_changed_before_the_login_ends(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=ninety_days) as town:
        town.clock.advance(89 * 24 * 3600)
        browser = await town.logged_in()
        assert "code" in browser.answer
        town.clock.advance(2 * 24 * 3600)
        arta = town.arta
        late = await arta.begin(town.bank)
        await arta.log_in(late)
        assert "kc-passwd-update-form" in late.shown.forms
        await change(late, "krejt tjetër fjalë 2026")
        assert "code" in late.answer
        arta.password = "krejt tjetër fjalë 2026"
        again = await arta.begin(town.bank)
        await arta.log_in(again)
        assert "code" in again.answer, "the new one is young"


async def test_a_new_version_of_the_terms_asks_everybody_again(home: Home, tmp_path: Path) -> None:
    def newer(document: dict[str, Any]) -> None:
        terms = next(a for a in document["requiredActions"] if a["alias"] == "TERMS_AND_CONDITIONS")
        terms["config"]["version"] = "2027-01"

    async with opened(home, tmp_path) as town:
        browser = await town.logged_in()
        clock, sms, cookies = town.clock, town.sms, browser.http.cookies
        before = (await town.user("arta.hoxha")).terms
    async with opened(home, tmp_path, edit=newer, clock=clock, sms=sms) as again:
        browser = again.browser()
        browser.http.cookies = cookies
        await browser.open(again.bank.request(prompt="none"))
        assert browser.answer["error"] == "interaction_required"
        page = await browser.open(again.bank.request())
        assert "kc-terms" in page.forms
        await browser.press("kc-accept")
        assert "code" in browser.answer
        accepted = (await again.user("arta.hoxha")).terms
    assert before is not None
    assert accepted is not None
    assert (before.version, accepted.version) == ("2026-11", "2027-01")
    assert accepted.at == int(clock())


async def test_each_action_has_time_of_its_own(town: Town) -> None:
    browser, _ = await at_first_access(town)
    for form_id in ("kc-passwd-update-form", "kc-terms", "profile-form"):
        town.clock.advance(890)
        assert form_id in browser.shown.forms
        match form_id:
            case "kc-passwd-update-form":
                await change(browser)
            case "kc-terms":
                await browser.press("kc-accept")
            case _:
                await browser.press("kc-confirm")
    assert "code" in browser.answer


async def test_a_first_access_that_was_left_alone_begins_again_with_the_password(town: Town) -> None:
    browser, _ = await at_first_access(town)
    town.clock.advance(1801)
    assert await change(browser) == ""
    assert "kc-form-login" in browser.shown.forms
    user = await town.user("besnik.leka")
    assert user.password is not None
    assert user.password.temporary, "what was typed too late was not kept"


async def test_nothing_can_be_changed_by_confirming_the_profile(town: Town) -> None:
    browser, _ = await at_first_access(town)
    await change(browser)
    await browser.press("kc-accept")
    before = await town.user("besnik.leka")
    forged = {"kc-confirm": "1", "phoneNumber": "+355699999999", "email": "thief@example.com", "username": "admin"}
    await browser.post(browser.shown.forms["profile-form"].action, forged)
    after = await town.user("besnik.leka")
    assert (after.phone, after.email, after.username) == (before.phone, before.email, before.username)
