"""Getting a soft token: the QR code is seen once, proven at once, and never got by a password alone (RTS Art. 24)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.settings.loading import StartError
from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened
from tests.stories.world import Customer, Edit

pytestmark = pytest.mark.anyio

FORM = "kc-totp-settings-form"


async def shown(town: Town) -> tuple[Browser, Customer]:
    """Return a newcomer's browser with the QR code before it."""
    besnik = town.besnik
    browser = await town.at_sms_page(besnik)
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    besnik.secret = page.text("secret")
    return browser, besnik


def has_picture(page: Page) -> bool:
    """Tell whether anything of the seed is on the page."""
    return "<svg" in page.html or "secret" in page.ids or "otpauth" in page.html


def wrong(customer: Customer) -> str:
    return f"{(int(customer.code()) + 1) % 10**6:06}"


async def test_the_qr_code_is_the_answer_to_one_post_and_kept_nowhere(town: Town) -> None:
    browser, besnik = await shown(town)
    assert [hop.request.method for hop in browser.hops] == ["POST"]
    assert browser.hops[0].headers["cache-control"] == "no-store"
    assert has_picture(browser.shown)
    assert besnik.secret not in str(browser.shown.url)
    assert re.fullmatch("[A-Z2-7]{32}", besnik.secret), "160 bits"


async def test_reload_and_back_show_no_qr_code(town: Town) -> None:
    browser, _ = await shown(town)
    posted = str(browser.hops[0].request.url)
    tab = browser.tab()
    for page in (await tab.open(posted), await tab.reload(), await tab.post(posted, {"code": "123456"})):
        assert page.status == 200
        assert not has_picture(page)


async def test_the_page_without_the_qr_code_takes_the_first_code_of_who_has_scanned_it(town: Town) -> None:
    browser, besnik = await shown(town)
    page = await browser.open(browser.shown.url)
    assert not has_picture(page)
    page = await browser.submit(FORM, totp=besnik.code())
    assert "kc-form-login" in page.forms
    assert len((await town.user("besnik.leka")).otps) == 1


async def test_a_wrong_first_code_shows_no_qr_code_and_makes_no_token(town: Town) -> None:
    browser, besnik = await shown(town)
    page = await browser.submit(FORM, totp=wrong(besnik))
    assert not has_picture(page)
    assert page.message
    assert not (await town.user("besnik.leka")).otps
    await browser.submit(FORM, totp=besnik.code())
    assert len((await town.user("besnik.leka")).otps) == 1


async def test_five_wrong_first_codes_end_the_enrolment(town: Town) -> None:
    browser, besnik = await shown(town)
    for _ in range(5):
        await browser.submit(FORM, totp=wrong(besnik))
    assert "kc-form-login" in browser.shown.forms
    assert not (await town.user("besnik.leka")).otps


async def test_a_seed_in_the_form_is_ignored(town: Town) -> None:
    browser, besnik = await shown(town)
    mine = besnik.secret
    besnik.secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    action = browser.shown.forms[FORM].action
    chosen = {"totp": besnik.code(), "totpSecret": besnik.secret, "secret": besnik.secret, "otpauth": besnik.secret}
    page = await browser.post(action, chosen)
    assert page.message
    assert not (await town.user("besnik.leka")).otps
    besnik.secret = mine
    await browser.submit(FORM, totp=besnik.code())
    assert len((await town.user("besnik.leka")).otps) == 1


async def test_a_qr_code_lives_ten_minutes(town: Town) -> None:
    browser, besnik = await shown(town)
    town.clock.advance(600)
    page = await browser.submit(FORM, totp=besnik.code())
    assert page.message
    assert not (await town.user("besnik.leka")).otps
    page = await browser.press("new-qr")
    assert has_picture(page)
    assert page.text("secret") != besnik.secret


async def test_a_new_qr_code_kills_the_one_before_it(town: Town) -> None:
    browser, besnik = await shown(town)
    old = besnik.secret
    await browser.open(browser.shown.url)
    page = await browser.press("new-qr")
    new = page.text("secret")
    assert new != old
    assert not has_picture(await browser.submit(FORM, totp=besnik.code())), "the old seed's code"
    assert not (await town.user("besnik.leka")).otps
    besnik.secret = new
    await browser.submit(FORM, totp=besnik.code())
    assert len((await town.user("besnik.leka")).otps) == 1


async def test_the_link_alone_shows_nothing_but_the_question_for_the_password(town: Town) -> None:
    browser = town.browser()
    page = await browser.open(f"{town.bank.issuer}/login-actions/soft-token-registration?client_id=internet-banking")
    assert next(iter(page.forms)) == "kc-form-login"
    for form in ({"totp": "123456"}, {"code": "123456"}, {"new-qr": "1"}, {"resend": "1"}):
        page = await browser.post(browser.shown.forms["kc-form-login"].action, form)
        assert "kc-form-login" in page.forms
        assert not has_picture(page)


async def test_the_password_of_a_login_is_no_evidence_for_an_enrolment(town: Town) -> None:
    browser = await town.besnik.begin(town.bank)
    link = browser.shown.links["register-soft-token"]
    await town.besnik.give_password(browser)
    page = await browser.open(link)
    assert "kc-form-login" in page.forms


async def test_without_the_code_by_sms_no_form_leads_to_the_qr_code(town: Town) -> None:
    browser = await town.at_sms_page(town.besnik)
    for form in ({"new-qr": "1"}, {"totp": "1"}, {"kc-accept": "1"}, {"tryAnotherWay": "on"}, {"cancel": "1"}):
        page = await browser.post(browser.shown.forms["sms-otp-form"].action, form)
        assert not has_picture(page)
        assert "sms-otp-form" in page.forms


async def test_a_second_token_needs_the_first_one(town: Town) -> None:
    arta = town.arta
    browser = await arta.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    before = len(town.sms.messages)
    page = await arta.give_password(browser)
    assert "kc-otp-login-form" in page.forms
    assert len(town.sms.messages) == before, "not even a message goes out before it"
    for form in ({}, {"resend": "1"}, {"new-qr": "1"}, {"tryAnotherWay": "on"}, {"otp": wrong(arta)}):
        page = await browser.post(browser.shown.forms["kc-otp-login-form"].action, form)
        assert "kc-otp-login-form" in page.forms
    await browser.submit("kc-otp-login-form", otp=arta.code())
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(arta.phone))
    assert has_picture(page)


async def test_a_second_token_replaces_the_first_in_one_step(town: Town) -> None:
    arta = town.arta
    old = (await town.user("arta.hoxha")).otps[0].id
    browser = await arta.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    await arta.give_password(browser)
    await browser.submit("kc-otp-login-form", otp=arta.code())
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(arta.phone))
    assert [token.id for token in (await town.user("arta.hoxha")).otps] == [old], "until it is confirmed, nothing"
    former, arta.secret = arta.secret, page.text("secret")
    await browser.submit(FORM, totp=arta.code(), userLabel="Telefoni i ri")
    tokens = (await town.user("arta.hoxha")).otps
    assert [token.label for token in tokens] == ["Telefoni i ri"]
    town.clock.advance(30)
    new, arta.secret = arta.secret, former
    await arta.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=arta.code())
    assert "kc-otp-login-form" in page.forms, "the old token is dead"
    arta.secret = new
    await browser.submit("kc-otp-login-form", otp=arta.code())
    assert "code" in browser.answer


async def test_an_enrolment_that_was_open_before_a_token_came_cannot_replace_it(town: Town) -> None:
    """CVE-2023-3597: a second factor is not added beside the first at the level of a password."""
    browser, besnik = await shown(town)
    town.clock.advance(60)
    other, again = await shown(town)
    await other.submit(FORM, totp=again.code())
    kept = (await town.user("besnik.leka")).otps
    await browser.submit(FORM, totp=besnik.code())
    assert browser.answer["error"] == "access_denied"
    assert (await town.user("besnik.leka")).otps == kept


def enrols_by(*kept: str) -> Edit:
    """Leave of the registration a page for the user name and these steps."""

    def edit(document: dict[str, Any]) -> None:
        flow = next(f for f in document["authenticationFlows"] if f["alias"] == "soft token registration")
        steps = flow["authenticationExecutions"]
        name = {**steps[0], "authenticator": "auth-username-form"}
        flow["authenticationExecutions"] = [name, *(step for step in steps if step.get("authenticator") in kept)]

    return edit


async def test_a_realm_that_enrols_by_nothing_does_not_start(home: Home, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="F-STEP-BEFORE-PROOF"):
        async with opened(home, tmp_path, edit=enrols_by("soft-token-enrolment")):
            pass


async def test_a_message_alone_never_gets_a_token_whatever_the_flow_says(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=enrols_by("sms-otp", "soft-token-enrolment")) as town:
        browser = await town.besnik.begin(town.bank)
        await browser.open(browser.shown.links["register-soft-token"])
        await browser.submit("kc-form-login", username="besnik.leka")
        page = await browser.submit("sms-otp-form", code=town.sms.code_to(town.besnik.phone))
        assert not has_picture(page)
        assert browser.answer["error"] == "access_denied"


async def test_after_a_kill_in_the_middle_the_seed_is_usable_by_nobody(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        browser, besnik = await shown(town)
        clock, sms, url = town.clock, town.sms, browser.shown.url
        action, cookies = browser.shown.forms[FORM].action, browser.http.cookies
    async with opened(home, tmp_path, clock=clock, sms=sms) as again:
        assert not (await again.user("besnik.leka")).otps
        login = await again.besnik.begin(again.bank)
        page = await again.besnik.give_password(login)
        assert "soft-token-info" in page.ids, "nothing half done is usable"
        stranger = again.browser()
        assert (await stranger.post(action, {"totp": besnik.code()})).status == 410
        browser = again.browser()
        browser.http.cookies = cookies
        page = await browser.open(url)
        assert not has_picture(page)
        await browser.submit(FORM, totp=besnik.code())
        assert len((await again.user("besnik.leka")).otps) == 1, "and the person may go on where they were"


async def test_enrolling_logs_nobody_in(town: Town) -> None:
    browser, besnik = await shown(town)
    await browser.submit(FORM, totp=besnik.code())
    assert "kc-form-login" in browser.shown.forms
    assert not any("session" in cookie for cookie in browser.http.cookies)
    assert Counter(await town.event_types())["LOGIN"] == 1, "the settled customer's"


async def test_an_enrolment_from_nowhere_ends_on_a_page_of_ours(town: Town) -> None:
    besnik, browser = town.besnik, town.browser()
    await browser.open(f"{town.bank.issuer}/login-actions/soft-token-registration?client_id=internet-banking")
    await besnik.give_password(browser)
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    besnik.secret = page.text("secret")
    page = await browser.submit(FORM, totp=besnik.code())
    assert page.status == 200
    assert page.links["info-link"].endswith("/small-business")
    assert not browser.has_left


async def test_a_link_with_a_client_that_does_not_exist_still_works_and_leads_nowhere(town: Town) -> None:
    browser = town.browser()
    page = await browser.open(
        f"{town.bank.issuer}/login-actions/soft-token-registration?client_id=<script>&redirect_uri=https://evil.example"
    )
    assert "kc-form-login" in page.forms
    assert "evil.example" not in page.html
    assert "<script>&" not in page.html


async def test_a_realm_without_the_flow_has_no_link_and_no_page(home: Home, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        del document["attributes"]["hyrja.softTokenRegistrationFlow"]
        document["attributes"].pop("hyrja.acknowledgedFindings")

    async with opened(home, tmp_path, edit=edit) as town:
        browser = await town.besnik.begin(town.bank)
        assert "register-soft-token" not in browser.shown.links
        page = await browser.open(f"{town.bank.issuer}/login-actions/soft-token-registration")
        assert page.status == 404


async def test_who_is_disabled_on_the_way_gets_no_token(town: Town) -> None:
    browser, besnik = await shown(town)
    await town.change_user("besnik.leka", lambda user: msgspec.structs.replace(user, enabled=False))
    await browser.submit(FORM, totp=besnik.code())
    assert browser.answer["error"] == "access_denied"
    assert not (await town.user("besnik.leka")).otps
