"""Albanian, English, Italian: chosen by the person, the application or the browser, and kept through the login."""

from __future__ import annotations

import pytest

from tests.stories.browser import Browser
from tests.stories.settled import OTHER_PHONE, Town
from tests.stories.world import Customer

pytestmark = pytest.mark.anyio

BUTTONS = {"sq": "Hyr", "en": "Log in", "it": "Accedi"}


def language(browser: Browser) -> str:
    return browser.shown.html.split('<html lang="')[1][:2]


def switch(browser: Browser, locale: str) -> str:
    """Return the address of the language switch."""
    nav = browser.shown.html.split('class="languages"')[1].split("</nav>")[0]
    entry = next(part for part in nav.split("<a ") if f'hreflang="{locale}"' in part)
    return entry.split('href="')[1].split('"')[0].replace("&amp;", "&")


async def begun(town: Town, accept: str = "", **request: str | None) -> Browser:
    browser = town.browser(language=accept)
    await browser.open(town.bank.request(**request))
    return browser


@pytest.mark.parametrize("locale", ["sq", "en", "it"])
async def test_the_login_button_says_the_guides_word(town: Town, locale: str) -> None:
    browser = await begun(town, ui_locales=locale)
    assert language(browser) == locale
    assert browser.shown.text("kc-login") == BUTTONS[locale]


@pytest.mark.parametrize(
    ("accept", "request_", "expected"),
    [
        ("", {}, "sq"),
        ("de-DE,de;q=0.9", {}, "sq"),
        ("it-IT,it;q=0.9,en;q=0.5", {}, "it"),
        ("en", {"ui_locales": "it en"}, "it"),
        ("en", {"ui_locales": "xx zz"}, "en"),
        ("en", {"ui_locales": "sq", "kc_locale": "it"}, "it"),
        ("en", {"kc_locale": "<script>"}, "en"),
    ],
)
async def test_the_nearest_wish_chooses_the_language(
    town: Town, accept: str, request_: dict[str, str], expected: str
) -> None:
    assert language(await begun(town, accept, **request_)) == expected


async def test_the_switch_on_the_page_changes_the_rest_of_the_login_and_is_remembered(town: Town) -> None:
    browser = await begun(town)
    await browser.open(switch(browser, "en"))
    assert language(browser) == "en"
    assert "kc-form-login" in browser.shown.forms, "the same login, where it stood"
    await town.arta.give_password(browser)
    assert language(browser) == "en"
    await browser.open(switch(browser, "it"))
    assert language(browser) == "it"
    await browser.submit("kc-otp-login-form", otp=town.arta.code())
    assert "code" in browser.answer
    await browser.open(town.bank.request(prompt="login"))
    assert language(browser) == "it", "from the cookie"


async def test_switching_the_language_loses_nothing_that_was_proven_and_sends_nothing(town: Town) -> None:
    browser = await town.at_sms_page(town.besnik)
    before = len(town.sms.messages)
    for locale in ("en", "it", "sq", "en"):
        await browser.open(switch(browser, locale))
        assert "sms-otp-form" in browser.shown.forms
        assert language(browser) == locale
    assert len(town.sms.messages) == before
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(OTHER_PHONE))
    assert "secret" in page.ids


@pytest.mark.parametrize(("locale", "words"), [("sq", "Mos ia tregoni"), ("en", "Never tell"), ("it", "Non lo")])
async def test_the_message_speaks_the_persons_language(town: Town, locale: str, words: str) -> None:
    besnik = town.besnik
    browser = await begun(town, ui_locales=locale)
    await browser.open(browser.shown.links["register-soft-token"])
    await besnik.give_password(browser)
    assert words in town.sms.last_to(OTHER_PHONE)
    assert town.sms.last_to(OTHER_PHONE).isascii(), "one letter outside GSM 03.38 doubles the price"


@pytest.mark.parametrize("locale", ["en", "it"])
async def test_a_customer_can_follow_the_whole_guide_in_another_language(town: Town, locale: str) -> None:
    besnik: Customer = town.besnik
    browser = await begun(town, ui_locales=locale)
    await besnik.register(browser)
    assert language(browser) == locale
    await besnik.log_in(browser)
    assert language(browser) == locale
    await besnik.first_access(browser)
    assert "code" in browser.answer


async def test_an_error_page_speaks_the_persons_language_and_offers_the_others(town: Town) -> None:
    browser = await begun(town, "it", client_id="nobody")
    assert browser.shown.status == 400
    assert language(browser) == "it"
    await browser.open(switch(browser, "sq"))
    assert language(browser) == "sq"


async def test_a_language_cookie_is_only_a_wish(town: Town) -> None:
    browser = town.browser()
    browser.http.cookies.set("hyrja8080_locale_small-business", '"><script>')
    await browser.open(town.bank.request())
    assert language(browser) == "sq"
    assert "<script>&" not in browser.shown.html
