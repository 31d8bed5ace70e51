"""A form answers the one challenge it was shown for, once; a look at a page does nothing (T-16, CVE-2026-49448)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from tests.stories.browser import Browser, Page
from tests.stories.settled import Town, with_realm
from tests.stories.world import NEW_PASSWORD, ORIGIN, provider

pytestmark = pytest.mark.anyio


def changed(url: str, **parameters: str | None) -> str:
    """Return an address with other query parameters; None leaves one out."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    kept = {name: value for name, value in {**query, **parameters}.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


def nonce_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["session_code"][0]


async def otp_action(town: Town) -> tuple[Browser, str]:
    browser = await town.at_code_page()
    return browser, browser.shown.forms["kc-otp-login-form"].action


@pytest.mark.parametrize("nonce", [None, "", "0" * 64, "a-guess", "é"])
async def test_a_form_without_the_pages_nonce_is_not_judged(town: Town, nonce: str | None) -> None:
    browser, action = await otp_action(town)
    page = await browser.post(changed(action, session_code=nonce), {"otp": town.arta.code()})
    assert not browser.has_left
    assert page.forms["kc-otp-login-form"].action == action, "the page that was shown still counts"
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer, "and the code was not spent"


async def test_a_nonce_of_another_tab_is_not_accepted(town: Town) -> None:
    browser, action = await otp_action(town)
    other = browser.tab()
    await other.open(town.bank.request())
    await town.arta.give_password(other)
    foreign = nonce_of(other.shown.forms["kc-otp-login-form"].action)
    await browser.post(changed(action, session_code=foreign), {"otp": town.arta.code()})
    assert not browser.has_left


async def test_a_nonce_of_an_earlier_step_is_not_accepted(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    first = browser.shown.forms["kc-form-login"].action
    await town.arta.give_password(browser)
    page = await browser.post(first, {"otp": town.arta.code()})
    assert not browser.has_left
    assert "kc-otp-login-form" in page.forms


async def test_the_step_named_in_the_address_decides_nothing(town: Town) -> None:
    browser, action = await otp_action(town)
    for execution in ("", "consent", "action-UPDATE_PASSWORD", "../cookie", None):
        page = await browser.post(changed(action, execution=execution), {"otp": ""})
        assert "kc-otp-login-form" in page.forms
        action = page.forms["kc-otp-login-form"].action


async def test_a_form_posted_again_is_not_judged_again(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    action = browser.shown.forms["kc-form-login"].action
    wrong = {"username": "arta.hoxha", "password": "wrong"}
    await browser.post(action, wrong)
    for _ in range(6):
        page = await browser.post(action, wrong)
        assert "kc-form-login" in page.forms
        assert page.message, "the person is told why"
    errors = [event for event in await town.events() if event.type == "LOGIN_ERROR"]
    assert len(errors) == 1, "six replays are no attempts"
    await town.arta.give_password(browser)
    assert "kc-otp-login-form" in browser.shown.forms


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"otp": ""},
        {"otp": "   "},
        {"otp": "abcdef"},
        {"otp": "0" * 65},
        {"code": "123456"},
        {"execution": "done", "success": "true"},
        {"otp": "1" * 60_000},
    ],
)
async def test_an_empty_or_odd_form_advances_nothing_and_counts_nothing(town: Town, form: dict[str, str]) -> None:
    browser, action = await otp_action(town)
    page = await browser.post(action, form)
    assert page.status == 200
    assert "kc-otp-login-form" in page.forms
    assert not [event for event in await town.events() if event.type == "LOGIN_ERROR"]


async def test_an_empty_form_passes_no_page_of_the_whole_journey(town: Town) -> None:
    besnik = town.besnik
    browser = await besnik.begin(town.bank)

    async def stays(form_id: str) -> None:
        page = await browser.post(browser.shown.forms[form_id].action, {})
        assert form_id in page.forms, page.html
        assert not browser.has_left

    await stays("kc-form-login")
    await besnik.give_password(browser)
    await stays("soft-token-info-form")
    await browser.press("cancel")
    await browser.open(browser.shown.links["register-soft-token"])
    await stays("kc-form-login")
    await besnik.give_password(browser)
    await stays("sms-otp-form")
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    besnik.secret = page.text("secret")
    await stays("kc-totp-settings-form")
    await browser.submit("kc-totp-settings-form", totp=besnik.code())
    await besnik.give_password(browser)
    await stays("kc-otp-login-form")
    await browser.submit("kc-otp-login-form", otp=besnik.next_code())
    await stays("kc-passwd-update-form")
    await browser.submit("kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD})
    await stays("kc-terms")
    await browser.press("kc-accept")
    await stays("profile-form")
    await browser.press("kc-confirm")
    assert "code" in browser.answer


async def test_looking_at_a_page_sends_no_message_counts_nothing_and_makes_no_seed(town: Town) -> None:
    browser = await town.at_sms_page(town.besnik)
    url, before = browser.shown.url, len(town.sms.messages)
    events = Counter(await town.event_types())
    for method in ("GET", "HEAD"):
        action = browser.shown.forms["sms-resend-form"].action
        for address in (url, action, f"{action}&resend=1", f"{action}&code={town.sms.code_to(town.besnik.phone)}"):
            town.clock.advance(31)
            response = await browser.http.request(method, address)
            assert response.status_code in {200, 410}
            town.clock.advance(-31)
    assert len(town.sms.messages) == before
    assert Counter(await town.event_types()) == events
    page = await browser.reload()
    assert page.forms["sms-otp-form"].action == browser.shown.forms["sms-otp-form"].action


async def test_a_head_request_for_a_forms_address_is_no_answer(town: Town) -> None:
    browser, action = await otp_action(town)
    response = await browser.http.head(action)
    assert response.status_code == 200
    await browser.post(action, {"otp": town.arta.code()})
    assert "code" in browser.answer, "the nonce was not taken"


async def test_neither_an_empty_form_nor_a_look_sends_a_message_when_none_has_gone_out(town: Town) -> None:
    besnik = town.besnik
    town.sms.down = True
    browser = await besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    await besnik.give_password(browser)
    town.sms.down = False
    before = len(town.sms.messages)
    page = await browser.reload()
    assert "sms-send-form" in page.forms
    page = await browser.post(browser.shown.forms["sms-send-form"].action, {})
    assert "sms-send-form" in page.forms
    assert len(town.sms.messages) == before
    page = await browser.press("resend")
    assert len(town.sms.messages) == before + 1


async def test_right_answers_go_on_by_redirect_so_that_reload_and_back_never_post(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    await town.arta.give_password(browser)
    assert [hop.status_code for hop in browser.hops] == [302, 200]
    assert browser.hops[1].request.method == "GET"
    page = await browser.reload()
    assert "kc-otp-login-form" in page.forms


async def test_an_expired_login_begins_again_with_its_request(town: Town) -> None:
    browser = await town.arta.begin(town.bank, state="kept-over-the-break", login_hint="arta.hoxha")
    action = browser.shown.forms["kc-form-login"].action
    town.clock.advance(1800)
    page = await browser.post(action, {"username": "arta.hoxha", "password": town.arta.password})
    assert "kc-form-login" in page.forms, "an answer that came too late is not judged"
    assert page.message
    await town.arta.log_in(browser)
    assert browser.answer["state"] == "kept-over-the-break"


async def test_what_was_proven_before_a_login_expired_does_not_count_after_it(town: Town) -> None:
    browser, action = await otp_action(town)
    town.clock.advance(1801)
    page = await browser.post(action, {"otp": town.arta.code()})
    assert "kc-form-login" in page.forms
    page = await browser.reload()
    assert "kc-form-login" in page.forms


async def test_a_look_at_an_expired_login_begins_it_again_without_its_evidence(town: Town) -> None:
    browser, _ = await otp_action(town)
    town.clock.advance(1800)
    page = await browser.reload()
    assert "kc-form-login" in page.forms
    assert page.message
    await town.arta.log_in(browser)
    assert browser.answer["state"] == "a-state"


async def test_a_login_forgotten_long_ago_is_gone(town: Town) -> None:
    browser, action = await otp_action(town)
    town.clock.advance(1800 + 3600)
    page = await browser.post(action, {"otp": town.arta.code()})
    assert page.status == 410
    assert page.links["back-to-application"].endswith("/small-business")


async def gone(browser: Browser, page: Page, url: str, action: str) -> None:
    for answer in (await browser.open(url), await browser.post(action, {"otp": "123456"}), page):
        assert answer.status == 410
        assert answer.headers["cache-control"] == "no-store"


async def test_a_finished_login_cannot_be_answered_or_looked_at_again(town: Town) -> None:
    browser, action = await otp_action(town)
    url = browser.shown.url
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer
    await gone(browser, await browser.post(action, {"otp": town.arta.next_code()}), url, action)
    assert Counter(await town.event_types())["LOGIN"] == 2


async def test_after_start_again_the_old_page_is_gone_and_shows_the_way_to_the_new_one(town: Town) -> None:
    browser, action = await otp_action(town)
    url = browser.shown.url
    page = await browser.press("restart")
    assert "kc-form-login" in page.forms
    old = await browser.open(url)
    await gone(browser, old, url, action)
    page = await browser.open(old.links["restart-login"])
    assert "kc-form-login" in page.forms
    await town.arta.log_in(browser)
    assert "code" in browser.answer


@pytest.mark.parametrize(
    "body",
    [
        "username=arta.hoxha&username=besnik.leka&password=x",
        "password=x&password=x",
        "&".join(f"field{position}=x" for position in range(65)),
        "username=%ff%fe&password=x",
        "x=" + "y" * (64 * 1024),
    ],
    ids=["two users", "two passwords", "65 fields", "not UTF-8", "64 kB"],
)
async def test_a_form_that_can_be_read_in_two_ways_is_refused_whole(town: Town, body: str) -> None:
    browser = await town.arta.begin(town.bank)
    action = browser.shown.forms["kc-form-login"].action
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await browser.http.post(action, content=body, headers=headers)
    assert response.status_code == 400
    assert "error-message" in response.text
    assert not [event for event in await town.events() if event.type == "LOGIN_ERROR"]
    await town.arta.give_password(browser)
    assert "kc-otp-login-form" in browser.shown.forms, "nothing was lost"


async def test_a_form_of_a_quarter_megabyte_is_not_read(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    response = await browser.http.post(browser.shown.forms["kc-form-login"].action, content=b"x" * 300_000)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/realms/nobodys-bank/login-actions/authenticate", 404),
        ("/realms/nobodys-bank/protocol/openid-connect/auth", 404),
        ("/realms/small-business/login-actions/authenticate/", 404),
        ("/realms/small-business/login-actions/authenticate;x=y", 404),
        ("/realms/small-business/login-actions//authenticate", 404),
        ("/realms/SMALL-BUSINESS/login-actions/authenticate", 404),
        ("/realms/small-business/login-actions/required-action", 404),
        ("/realms/small-business/login-actions/%61uthenticate", 410),
        ("/realms/small-business/login-actions/authenticate", 410),
        ("/", 404),
    ],
)
async def test_an_odd_address_leads_nowhere(town: Town, path: str, status: int) -> None:
    browser = town.browser()
    for method in ("GET", "POST"):
        response = await browser.http.request(method, ORIGIN + path)
        assert response.status_code == status, method
        assert "location" not in response.headers, "a 307 would post what was typed again (CVE-2023-49594)"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET-"])
async def test_an_odd_method_is_refused(town: Town, method: str) -> None:
    browser, action = await otp_action(town)
    response = await browser.http.request(method, action)
    assert response.status_code == 405
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer


async def test_a_realm_that_was_switched_off_answers_nothing(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=with_realm(enabled=False)) as world:
        browser = world.browser()
        assert (await browser.open(world.client().request())).status == 404
        assert (await browser.http.get(f"{ORIGIN}/realms/small-business/login-actions/authenticate")).status_code == 404
