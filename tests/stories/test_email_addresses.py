"""Addresses that are proven, addresses that change, and codes sent to them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flows.bench import Edit, step
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import FORM, claims_of, customer, forms, settled
from tests.stories.world import World, provider

pytestmark = pytest.mark.anyio
EMAIL = "arta.hoxha@example.al"
NEW = "arta@banka.al"
LINK = re.compile(r"http://localhost:8080/\S+")


def addresses(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["email"] = f"{user['username']}@example.al"
        user["emailVerified"] = False
    found["requiredActions"] += [{"alias": alias, "enabled": True} for alias in ("VERIFY_EMAIL", "UPDATE_EMAIL")]


def verify(found: dict[str, Any]) -> None:
    found["verifyEmail"] = True


def update(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["requiredActions"] = ["UPDATE_EMAIL"]


@asynccontextmanager
async def town(folder: Path, *edits: Edit) -> AsyncIterator[World]:
    async with provider(folder, edit=settled(addresses, *edits)) as world:
        yield world


async def logged_in(world: World) -> Browser:
    """Arta's browser after password and code."""
    arta = customer(world)
    browser = await arta.begin(world.client())
    await arta.log_in(browser)
    return browser


def link_of(world: World) -> str:
    found = LINK.search(world.mail.messages[-1].text)
    assert found is not None
    return found[0]


async def follow(browser: Browser, link: str) -> Page:
    await browser.open(link)
    return await browser.submit("action-link-form")


async def test_an_address_is_verified_in_the_browser_of_the_login_which_goes_on(tmp_path: Path) -> None:
    async with town(tmp_path, verify) as world:
        browser = await logged_in(world)
        assert "email-continue-form" in browser.shown.forms
        assert [letter.to for letter in world.mail.messages] == [EMAIL]
        tab = browser.tab()
        await follow(tab, link_of(world))
        assert (await world.user("arta.hoxha")).email_verified
        assert "code" in tab.answer
        again = await logged_in(world)
        assert "code" in again.answer, "once is enough"
        assert "VERIFY_EMAIL" in await world.event_types()


async def test_in_another_browser_the_address_is_verified_and_the_login_waits_for_its_own(tmp_path: Path) -> None:
    async with town(tmp_path, verify) as world:
        browser = await logged_in(world)
        other = world.browser()
        page = await follow(other, link_of(world))
        assert page.message.startswith("Adresa u konfirmua")
        assert not any("session" in name for name in other.http.cookies)
        await browser.submit("email-continue-form", confirmed="1")
        assert "code" in browser.answer


async def test_without_the_link_nobody_goes_on(tmp_path: Path) -> None:
    async with town(tmp_path, verify) as world:
        browser = await logged_in(world)
        page = await browser.submit("email-continue-form", confirmed="1")
        assert page.message == "Adresa nuk është konfirmuar ende. Hape lidhjen në mesazh."
        page = await browser.submit("email-resend-form", resend="1")
        assert "sekond" in page.message
        world.clock.advance(60)
        await browser.submit("email-resend-form", resend="1")
        assert len(world.mail.messages) == 2
        assert not (await world.user("arta.hoxha")).email_verified


async def test_a_verified_link_is_worth_nothing_a_second_time(tmp_path: Path) -> None:
    async with town(tmp_path, verify) as world:
        await logged_in(world)
        link = link_of(world)
        await follow(world.browser(), link)
        await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, email_verified=False))
        page = await follow(world.browser(), link)
        assert page.status == 410
        assert not (await world.user("arta.hoxha")).email_verified


async def test_a_mail_server_that_is_down_is_told_and_the_action_is_not_skipped(tmp_path: Path) -> None:
    async with town(tmp_path, verify) as world:
        world.mail.down = True
        browser = await logged_in(world)
        assert browser.shown.message == "Mesazhi nuk mund të dërgohej. Provo përsëri më vonë."
        assert "email-resend-form" in browser.shown.forms


async def test_a_new_address_counts_when_its_link_was_followed(tmp_path: Path) -> None:
    async with town(tmp_path, update) as world:
        browser = await logged_in(world)
        page = await browser.submit("kc-update-email-form", email="kjo nuk është adresë")
        assert "kc-update-email-form" in page.forms
        await browser.submit("kc-update-email-form", email=NEW)
        assert [letter.to for letter in world.mail.messages] == [NEW]
        assert (await world.user("arta.hoxha")).email == EMAIL
        await follow(world.browser(), link_of(world))
        arta = await world.user("arta.hoxha")
        assert (arta.email, arta.email_verified, arta.required_actions) == (NEW, True, ())
        await browser.submit("email-continue-form", confirmed="1")
        assert "code" in browser.answer


async def test_an_address_of_somebody_else_stays_theirs_and_nobody_is_told(tmp_path: Path) -> None:
    async with town(tmp_path, update) as world:
        browser = await logged_in(world)
        page = await browser.submit("kc-update-email-form", email="besnik.leka@example.al")
        assert "email-continue-form" in page.forms
        assert (await follow(world.browser(), link_of(world))).status == 410
        assert (await world.user("arta.hoxha")).email == EMAIL


EMAIL_CODE = forms(FORM, step("email-otp"))


def verified(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["emailVerified"] = True


async def test_a_code_by_email_beside_a_password_is_no_second_element(tmp_path: Path) -> None:
    async with town(tmp_path, verified, EMAIL_CODE) as world:
        arta, bank = customer(world), world.client()
        browser = await arta.begin(bank)
        page = await arta.give_password(browser)
        assert page.text("email-otp-hint").endswith("a•••@e•••.al.")
        code = world.mail.messages[-1].text.split("\n")[0]
        assert re.fullmatch(r"\d{6}", code)
        wrong = f"{(int(code) + 1) % 1000000:06}"
        assert "email-otp-form" in (await browser.submit("email-otp-form", code=wrong)).forms
        await browser.submit("email-otp-form", code=code)
        claims = claims_of(await bank.redeem(browser.answer["code"]))
        assert claims["acr"] == "pwd"
        assert "mfa" not in claims["amr"]
        assert code not in str(await world.events())


async def test_an_address_that_nobody_has_proven_is_sent_no_code(tmp_path: Path) -> None:
    async with town(tmp_path, EMAIL_CODE) as world:
        browser = await customer(world).begin(world.client())
        await customer(world).give_password(browser)
        assert world.mail.messages == []
        assert browser.answer["error"] == "access_denied"
