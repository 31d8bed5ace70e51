"""What an application will see is granted by the person, once for each scope (ASVS 10.7, Core §3.1.2.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, with_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def asking(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A provider whose internet banking has to ask."""
    del anyio_backend
    async with opened(home, tmp_path, edit=with_client(consentRequired=True)) as town:
        yield town


async def at_consent(town: Town) -> Browser:
    browser = await town.arta.begin(town.bank)
    await town.arta.log_in(browser)
    assert "kc-oauth" in browser.shown.forms
    return browser


async def test_the_person_is_shown_who_asks_for_what_and_says_yes_once(asking: Town) -> None:
    browser = await at_consent(asking)
    assert "Internet Banking" in browser.shown.html
    await browser.press("accept")
    assert "code" in browser.answer
    await browser.open(asking.bank.request())
    assert "code" in browser.answer, "what was granted is remembered"
    assert (await asking.user("arta.hoxha")).consents["internet-banking"].scopes == ("email", "openid", "profile")
    assert "GRANT_CONSENT" in await asking.event_types()


async def test_a_no_is_told_to_the_application_and_leaves_no_session(asking: Town) -> None:
    browser = await at_consent(asking)
    await browser.press("cancel")
    assert browser.answer["error"] == "access_denied"
    assert not any("session" in cookie for cookie in browser.http.cookies)
    assert not (await asking.user("arta.hoxha")).consents
    refused = [event for event in await asking.events() if event.type == "LOGIN_ERROR"]
    assert [event.error for event in refused] == ["rejected_by_user"], "one event, as Keycloak writes it"
    assert refused[0].detail["reason"] == "consent denied"


@pytest.mark.parametrize("form", [{}, {"accept-all": "1"}, {"kc-accept": "1"}, {"otp": "1"}])
async def test_only_the_button_grants(asking: Town, form: dict[str, str]) -> None:
    browser = await at_consent(asking)
    page = await browser.post(browser.shown.forms["kc-oauth"].action, form)
    assert "kc-oauth" in page.forms
    assert not (await asking.user("arta.hoxha")).consents


async def test_a_form_with_both_buttons_grants_nothing(asking: Town) -> None:
    browser = await at_consent(asking)
    await browser.post(browser.shown.forms["kc-oauth"].action, {"accept": "1", "cancel": "1"})
    assert browser.answer["error"] == "access_denied"


async def test_a_further_scope_is_asked_for_and_added(asking: Town) -> None:
    browser = await at_consent(asking)
    await browser.press("accept")
    page = await browser.open(asking.bank.request(scope="openid phone"))
    assert "kc-oauth" in page.forms
    await browser.press("accept")
    granted = (await asking.user("arta.hoxha")).consents["internet-banking"].scopes
    assert granted == ("email", "openid", "phone", "profile")


async def test_a_silent_request_without_consent_is_told_so(asking: Town) -> None:
    browser = await asking.logged_in(client=asking.cards)
    await browser.open(asking.bank.request(prompt="none"))
    assert browser.answer["error"] == "consent_required"
    page = await browser.open(asking.bank.request())
    assert "kc-oauth" in page.forms
    await browser.press("accept")
    await browser.open(asking.bank.request(prompt="none"))
    assert "code" in browser.answer


async def test_the_request_may_ask_for_consent_again(town: Town) -> None:
    browser = await town.logged_in()
    page = await browser.open(town.bank.request(prompt="consent"))
    assert "kc-oauth" in page.forms, "also of an application that need not ask"
    await browser.press("accept")
    assert "code" in browser.answer
    page = await browser.open(town.bank.request(prompt="login consent"))
    await town.arta.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=town.arta.next_code())
    assert "kc-oauth" in page.forms


async def test_the_consent_to_one_application_is_none_to_another(home: Home, tmp_path: Path) -> None:
    def everybody_asks(document: dict[str, list[dict[str, bool]]]) -> None:
        for client in document["clients"]:
            client["consentRequired"] = True

    async with opened(home, tmp_path, edit=everybody_asks) as town:
        browser = await at_consent(town)
        await browser.press("accept")
        page = await browser.open(town.cards.request())
        assert "kc-oauth" in page.forms
        assert "Kartat" in page.html


async def test_a_request_that_is_begun_again_still_asks_for_consent(asking: Town) -> None:
    browser = await at_consent(asking)
    await browser.press("restart")
    await asking.arta.log_in(browser)
    assert "kc-oauth" in browser.shown.forms
