"""Another login by editing JSON alone: each variant logs in to the end, and its tokens say what was proven."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.bench import Edit, all_edits, flow, no_actions, step, sub
from tests.stories.browser import Browser
from tests.stories.rearranged import (
    CONFIGURED,
    COOKIE,
    FORM,
    OTP,
    PASSWORD,
    SMS,
    customer,
    forms,
    override,
    passwords,
    redeemed,
    settled,
    ways,
    without_chance,
)
from tests.stories.world import Customer, World, provider

pytestmark = pytest.mark.anyio

SECOND_FACTORS = flow("second factor", step("auth-otp-form", "ALTERNATIVE"), step("sms-otp", "ALTERNATIVE"))
TWO_PAGES = (step("auth-username-form"), step("auth-password-form"))
ENROLS = all_edits(no_actions, passwords)


@pytest.fixture
async def rearranged(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    del anyio_backend
    edit: Edit = request.param
    async with provider(tmp_path, edit=edit) as world:
        yield world


def by(edit: Edit) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rearranged", [edit], indirect=True, ids=["edited"])


# --- (a) another second factor


@by(settled(forms(FORM, SMS)))
async def test_the_second_factor_can_be_a_code_by_sms(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "sms-otp-form" in page.forms
    assert not browser.has_left
    await browser.submit("sms-otp-form", code=rearranged.sms.code_to(arta.phone))
    claims = await redeemed(bank, browser.answer)
    assert claims["amr"] == ["pwd", "otp", "sms", "mfa"]
    assert claims["acr"] == "mfa-otp"
    assert len(rearranged.sms.messages) == 1


# --- (b) enrolment at the end of a login


async def enrolled(browser: Browser, arta: Customer) -> None:
    """From the page with the QR code to the client."""
    assert browser.page is not None
    arta.secret = browser.page.text("secret")
    await browser.submit("kc-totp-settings-form", totp=arta.code())


@by(all_edits(ENROLS, forms(FORM, OTP)))
async def test_who_has_no_token_sets_it_up_during_the_login_and_it_counts_from_the_next_one_on(
    rearranged: World,
) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "kc-totp-settings-form" in page.forms
    await enrolled(browser, arta)
    first = await redeemed(bank, browser.answer)
    assert (first["acr"], first["amr"]) == ("pwd", ["pwd"]), "enrolling is not proving"

    browser = await arta.begin(bank)
    await arta.log_in(browser)
    second = await redeemed(bank, browser.answer)
    assert (second["acr"], second["amr"]) == ("mfa-otp", ["pwd", "otp", "mfa"])
    assert (await rearranged.user("arta.hoxha")).required_actions == ()


def asked_to_enrol(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["requiredActions"] = ["CONFIGURE_TOTP"]


@by(
    all_edits(
        ENROLS,
        asked_to_enrol,
        forms(FORM, sub("maybe", "CONDITIONAL"), inner=(flow("maybe", CONFIGURED, OTP),)),
    )
)
async def test_who_must_set_up_a_token_is_not_asked_for_its_code_in_the_same_login(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await enrolled(browser, arta)
    first = await redeemed(bank, browser.answer)
    assert (first["acr"], first["amr"]) == ("pwd", ["pwd"])

    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "kc-otp-login-form" in page.forms, "now the condition holds"
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    assert (await redeemed(bank, browser.answer))["acr"] == "mfa-otp"


def no_enrolment(found: dict[str, Any]) -> None:
    for action in found["requiredActions"]:
        action["enabled"] = action["alias"] != "CONFIGURE_TOTP"


@by(all_edits(ENROLS, no_enrolment, forms(FORM, OTP)))
async def test_where_the_action_is_disabled_a_missing_token_refuses_the_login(rearranged: World) -> None:
    arta = customer(rearranged)
    browser = await arta.begin(rearranged.client())
    await arta.give_password(browser)
    assert browser.answer["error"] == "access_denied"
    (event, *_) = await rearranged.events()
    assert "auth-otp-form is not possible for this user" in event.detail["reason"]


# --- (c) user name and password on separate pages


@by(settled(forms(*TWO_PAGES, OTP)))
async def test_user_name_and_password_can_have_a_page_each(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    page = await browser.submit("kc-form-login", username=arta.username)
    assert page.text("kc-attempted-username") == arta.username
    page = await browser.submit("kc-form-login", password=PASSWORD)
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    claims = await redeemed(bank, browser.answer)
    assert (claims["acr"], claims["preferred_username"]) == ("mfa-otp", arta.username)


@by(settled(forms(*TWO_PAGES, OTP)))
async def test_an_unknown_user_goes_on_to_the_password_and_gets_the_same_answers(rearranged: World) -> None:
    seen = []
    for name in ("arta.hoxha", "arta.hoxho"):
        browser = rearranged.browser()
        await browser.open(rearranged.client().request())
        named = await browser.submit("kc-form-login", username=name)
        wrong = await browser.submit("kc-form-login", password="i gabuar")
        empty = await browser.submit("kc-form-login", password="")
        assert wrong.message
        seen.append([(page.status, without_chance(page).replace(name, "…")) for page in (named, wrong, empty)])
    assert seen[0] == seen[1]
    assert seen[0][1] == seen[0][2]


@by(settled(forms(*TWO_PAGES, OTP)))
async def test_not_you_leads_back_to_the_page_of_the_user_name(rearranged: World) -> None:
    arta, besnik = customer(rearranged), customer(rearranged, "besnik.leka")
    bank = rearranged.client()
    browser = await arta.begin(bank)
    await browser.submit("kc-form-login", username=besnik.username)
    page = await browser.submit("not-you-form", restart="1")
    assert "username" in page.forms["kc-form-login"].names
    await browser.submit("kc-form-login", username=arta.username)
    await browser.submit("kc-form-login", password=PASSWORD)
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    assert (await redeemed(bank, browser.answer))["preferred_username"] == arta.username


# --- (d) a choice of second factors


@by(settled(forms(FORM, sub("second factor"), inner=(SECOND_FACTORS,))))
async def test_of_two_ways_the_first_is_asked_and_another_can_be_chosen(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "kc-otp-login-form" in page.forms
    page = await browser.press("tryAnotherWay")
    offered = list(ways(page).values())
    assert len(offered) == 2
    assert rearranged.sms.messages == [], "looking at the ways sends nothing"
    page = await browser.reload()
    assert list(ways(page).values()) == offered, "a reload shows the ways again"
    page = await browser.submit("kc-select-credential-form", authenticationExecution=offered[1])
    assert "sms-otp-form" in page.forms
    await browser.submit("sms-otp-form", code=rearranged.sms.code_to(arta.phone))
    claims = await redeemed(bank, browser.answer)
    assert (claims["acr"], claims["amr"]) == ("mfa-otp", ["pwd", "otp", "sms", "mfa"])


@by(settled(forms(FORM, sub("second factor"), inner=(SECOND_FACTORS,))))
async def test_who_looked_at_the_other_ways_may_stay_with_the_first(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    page = await browser.press("tryAnotherWay")
    page = await browser.submit("kc-select-credential-form", authenticationExecution=next(iter(ways(page).values())))
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    assert (await redeemed(bank, browser.answer))["amr"] == ["pwd", "otp", "mfa"]


@by(all_edits(ENROLS, forms(FORM, sub("second factor"), inner=(SECOND_FACTORS,))))
async def test_who_has_one_way_only_is_offered_no_other(rearranged: World) -> None:
    arta = customer(rearranged)
    browser = await arta.begin(rearranged.client())
    page = await arta.give_password(browser)
    assert "sms-otp-form" in page.forms
    assert "try-another-way" not in page.ids


# --- (e) a client with a flow of its own


OWN = flow("cards login", COOKIE, sub("cards forms", "ALTERNATIVE"), id="3f2c-cards", topLevel=True)


def with_cards(*lines: dict[str, Any]) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(flow("cards forms", *lines))

    return all_edits(override("cards", OWN), edit)


@by(settled(with_cards(FORM)))
async def test_a_client_can_have_a_weaker_login_of_its_own_and_its_tokens_say_so(rearranged: World) -> None:
    cards, arta = rearranged.client(client_id="cards"), customer(rearranged)
    browser = await arta.begin(cards)
    await arta.give_password(browser)
    claims = await redeemed(cards, browser.answer)
    assert (claims["acr"], claims["amr"], claims["aud"]) == ("pwd", ["pwd"], "cards")

    bank = rearranged.client()
    other = await arta.begin(bank)
    await arta.log_in(other)
    assert (await redeemed(bank, other.answer))["acr"] == "mfa-otp", "the realm's login is what it was"


@by(settled(forms(FORM), with_cards(FORM, SMS)))
async def test_a_client_can_have_a_stronger_login_than_its_realm(rearranged: World) -> None:
    cards, arta = rearranged.client(client_id="cards"), customer(rearranged)
    browser = await arta.begin(cards)
    page = await arta.give_password(browser)
    assert not browser.has_left
    assert "sms-otp-form" in page.forms
    await browser.submit("sms-otp-form", code=rearranged.sms.code_to(arta.phone))
    assert (await redeemed(cards, browser.answer))["amr"] == ["pwd", "otp", "sms", "mfa"]
