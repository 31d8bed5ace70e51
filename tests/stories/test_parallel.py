"""What happens once happens once, however many requests ask for it at the same moment (V02, CVE-2024-4629)."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from idp.model.messages.message import Carried
from tests.stories.browser import Browser, Page
from tests.stories.settled import OTHER_PHONE, Home, Town, opened, with_client
from tests.stories.world import BANK, FakeSms

pytestmark = pytest.mark.anyio


async def together(browsers: list[Browser], form: str, field: str, values: list[str]) -> list[httpx.Response]:
    """Post one form from each browser at the same moment, without following."""
    posts = [
        browser.http.post(browser.shown.forms[form].action, data={field: value})
        for browser, value in zip(browsers, values, strict=True)
    ]
    return list(await asyncio.gather(*posts))


async def at_code_page(town: Town, browser: Browser) -> Browser:
    tab = browser.tab()
    await tab.open(town.bank.request())
    await town.arta.give_password(tab)
    return tab


def arrived(responses: list[httpx.Response]) -> list[str]:
    locations = [response.headers.get("location", "") for response in responses]
    return [location for location in locations if location.startswith(BANK)]


async def test_one_code_of_the_token_logs_in_once_in_fifty_tabs(town: Town) -> None:
    browser = town.browser()
    tabs = [await at_code_page(town, browser) for _ in range(50)]
    responses = await together(tabs, "kc-otp-login-form", "otp", [town.arta.code()] * 50)
    assert len([url for url in arrived(responses) if "code=" in url]) == 1
    assert Counter(await town.event_types())["LOGIN"] == 2, "the settled customer's, and this one"


async def test_one_code_of_the_token_logs_in_once_in_two_browsers(town: Town) -> None:
    browsers = [await town.at_code_page(), await town.at_code_page()]
    responses = await together(browsers, "kc-otp-login-form", "otp", [town.arta.code()] * 2)
    assert len(arrived(responses)) == 1
    assert "code=" in arrived(responses)[0]


async def test_of_fifty_guesses_at_once_five_are_judged(town: Town) -> None:
    browser = town.browser()
    right = town.arta.code()
    tabs = [await at_code_page(town, browser) for _ in range(50)]
    guesses = [f"{(int(right) + offset) % 10**6:06}" for offset in range(1, 51)]
    await together(tabs, "kc-otp-login-form", "otp", guesses)
    errors = [event.error for event in await town.events() if event.type == "LOGIN_ERROR"]
    assert Counter(errors) == {"invalid_user_credentials": 5, "user_temporarily_disabled": 45}
    assert Counter(await town.event_types())["USER_DISABLED_BY_TEMPORARY_LOCKOUT"] == 1


async def test_a_right_code_after_five_wrong_ones_at_once_is_refused(town: Town) -> None:
    tabs = [await town.at_code_page() for _ in range(6)]
    right = town.arta.code()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    await together(tabs[:5], "kc-otp-login-form", "otp", [wrong] * 5)
    responses = await together(tabs[5:], "kc-otp-login-form", "otp", [right])
    assert arrived(responses) == []


async def test_one_form_posted_twenty_times_at_once_is_judged_once_and_the_login_goes_on(town: Town) -> None:
    browser = await town.at_code_page()
    responses = await together([browser] * 20, "kc-otp-login-form", "otp", [town.arta.code()] * 20)
    assert len([url for url in arrived(responses) if "code=" in url]) == 1
    assert not [event for event in await town.events() if event.type == "LOGIN_ERROR"]


async def test_a_double_click_does_not_cost_the_person_the_login(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    form = browser.shown.forms["kc-form-login"]
    filled = {"username": "arta.hoxha", "password": town.arta.password}
    url = browser.shown.url
    looks = [browser.http.get(url), browser.http.get(url + "&kc_locale=en")]
    posts = [browser.http.post(form.action, data=filled) for _ in range(3)]
    await asyncio.gather(*posts, *looks)
    page = await browser.open(url)
    assert "kc-otp-login-form" in page.forms, "what was judged right is not forgotten for a second look at the page"
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer


async def _pressed_twice(town: Town) -> Page:
    """Press the last button of a login twice; return what stands where the second press leads to."""
    browser = await town.at_code_page()
    await together([browser] * 2, "kc-otp-login-form", "otp", [town.arta.code()] * 2)
    page = await browser.reload()
    assert page.status == 410
    return page


async def test_a_second_press_of_the_last_button_leads_to_the_application(town: Town) -> None:
    page = await _pressed_twice(town)
    assert page.links["back-to-application"].endswith("/small-business")
    assert "vazhdo këtu" in str(page.message)


async def test_a_second_press_of_the_last_button_does_not_speak_of_a_link_where_there_is_none(
    home: Home, tmp_path: Path
) -> None:
    without_a_home = with_client(
        rootUrl="",
        baseUrl="",
        redirectUris=[f"{BANK}/small-business/callback"],
        attributes={"post.logout.redirect.uris": f"{BANK}/"},
    )
    async with opened(home, tmp_path, edit=without_a_home) as town:
        page = await _pressed_twice(town)
        assert "back-to-application" not in page.links
        assert "kthehu atje ku fillove" in str(page.message)


async def test_the_password_form_posted_twenty_times_at_once_sends_one_message_for_one_attempt(town: Town) -> None:
    besnik = town.besnik
    browser = await besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    form = browser.shown.forms["kc-form-login"]
    before = len(town.sms.messages)
    filled = {"username": besnik.username, "password": besnik.password}
    await asyncio.gather(*(browser.http.post(form.action, data=filled) for _ in range(20)))
    assert len(town.sms.messages) == before + 1
    page = await browser.reload()
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    assert "secret" in page.ids


async def test_pressing_resend_twenty_times_at_once_sends_one_message(town: Town) -> None:
    browser = await town.at_sms_page(town.besnik)
    before = len(town.sms.messages)
    town.clock.advance(30)
    await together([browser] * 20, "sms-resend-form", "resend", ["1"] * 20)
    assert len(town.sms.messages) == before + 1


async def test_one_sms_code_is_taken_once_by_many_posts(town: Town) -> None:
    browser = await town.at_sms_page(town.besnik)
    code = town.sms.code_to(town.besnik.phone)
    responses = await together([browser] * 20, "sms-otp-form", "code", [code] * 20)
    assert len([response for response in responses if 'id="secret"' in response.text]) == 1


async def test_two_enrolments_at_once_leave_one_token_and_tell_the_other_person_no(town: Town) -> None:
    besnik = town.besnik
    first, secrets = await town.at_sms_page(besnik), []
    page = await first.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    secrets.append(page.text("secret"))
    town.clock.advance(60)
    second = await town.at_sms_page(besnik)
    page = await second.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    secrets.append(page.text("secret"))
    codes = []
    for secret in secrets:
        besnik.secret = secret
        codes.append(besnik.code())
    responses = await together([first, second], "kc-totp-settings-form", "totp", codes)
    assert Counter(await town.event_types())["UPDATE_TOTP"] == 2, "the settled customer's, and one of these"
    assert len((await town.user("besnik.leka")).otps) == 1
    assert [url for url in arrived(responses) if "error=access_denied" in url]


async def test_one_authorization_code_is_redeemed_once_and_its_replays_end_what_it_gave(town: Town) -> None:
    browser = await town.logged_in()
    code = browser.answer["code"]
    responses = await asyncio.gather(*(town.bank.redeem(code) for _ in range(50)))
    won = [response for response in responses if response.status_code == 200]
    assert len(won) <= 1
    assert {r.json()["error"] for r in responses if r.status_code != 200} == {"invalid_grant"}
    for response in won:
        assert await town.are_dead(response.json())


async def test_one_refresh_token_is_rotated_once_and_its_replays_end_the_family(town: Town) -> None:
    tokens = await town.tokens()
    refresh = tokens["refresh_token"]
    responses = await asyncio.gather(
        *(town.bank.post("token", grant_type="refresh_token", refresh_token=refresh) for _ in range(20))
    )
    won = [response.json() for response in responses if response.status_code == 200]
    assert len(won) == 1
    assert await town.are_dead(won[0])


async def test_two_right_logins_at_once_in_one_browser_end_in_one_session(town: Town) -> None:
    browser = town.browser()
    tabs = [await at_code_page(town, browser) for _ in range(2)]
    await tabs[0].submit("kc-otp-login-form", otp=town.arta.code())
    await tabs[1].submit("kc-otp-login-form", otp=town.arta.next_code())
    assert "code" in tabs[0].answer
    assert "code" in tabs[1].answer
    tokens = [(await town.bank.redeem(tab.answer["code"])).json() for tab in tabs]
    assert tokens[0]["session_state"] == tokens[1]["session_state"]


class SlowSms(FakeSms):
    """A gateway that takes its time with the next message, until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = asyncio.Event()
        self.go_on = asyncio.Event()

    async def send(self, *, to: str, text: str) -> Carried:
        carried = await super().send(to=to, text=text)
        if not self.busy.is_set():
            self.busy.set()
            await self.go_on.wait()
        return carried


async def judged_slowly(town: Town, sms: SlowSms) -> tuple[Browser, asyncio.Task[httpx.Response]]:
    """Return a browser whose password form is just being judged, at the page of a registration."""
    browser = await town.besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    filled = {"username": "besnik.leka", "password": town.besnik.password}
    action = browser.shown.forms["kc-form-login"].action
    posted = asyncio.create_task(browser.http.post(action, data=filled))
    await sms.busy.wait()
    return browser, posted


async def test_of_two_answers_at_once_the_later_one_stands_and_the_earlier_gives_way(
    home: Home, tmp_path: Path
) -> None:
    sms = SlowSms()
    async with opened(home, tmp_path, sms=sms) as town:
        browser, first = await judged_slowly(town, sms)
        await browser.reload()
        page = await town.besnik.give_password(browser)
        assert "sms-otp-form" in page.forms
        code = sms.code_to(OTHER_PHONE)
        sms.go_on.set()
        assert (await first).status_code == 302
        page = await browser.submit("sms-otp-form", code=code)
        assert "secret" in page.ids, "the code of the message that came last"


async def test_a_login_that_was_left_while_it_was_judged_does_not_come_back(home: Home, tmp_path: Path) -> None:
    sms = SlowSms()
    async with opened(home, tmp_path, sms=sms) as town:
        browser, first = await judged_slowly(town, sms)
        left = browser.shown.url
        leaving = browser.tab()
        await leaving.open(left.replace("authenticate", "soft-token-registration"))
        assert "kc-form-login" in leaving.shown.forms
        sms.go_on.set()
        await first
        assert (await browser.open(left)).status == 410
