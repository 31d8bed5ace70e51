"""A forgotten password: the link of the letter, in the same browser and in another one; what it never opens."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.model.policies.lockout import FactorLock
from tests.flows.bench import Edit, flow, step
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import PASSWORD, customer, settled
from tests.stories.world import BANK, NEW_PASSWORD, ORIGIN, World, provider

pytestmark = pytest.mark.anyio
EMAIL = "arta.hoxha@example.al"
LINK = re.compile(r"http://localhost:8080/\S+")
RESET = f"{ORIGIN}/realms/small-business/login-actions/reset-credentials"


def with_reset(found: dict[str, Any]) -> None:
    found["resetPasswordAllowed"] = True
    for user in found["users"]:
        user["email"] = f"{user['username']}@example.al"


@asynccontextmanager
async def town(folder: Path, *edits: Edit) -> AsyncIterator[World]:
    async with provider(folder, edit=settled(with_reset, *edits)) as world:
        yield world


async def errands(world: World) -> None:
    await world.site.desks["small-business"].provider.errands.finished()


async def asked(world: World, name: str = "arta.hoxha") -> Browser:
    """A browser that has asked for a link for a name, from the login page."""
    browser = world.browser()
    page = await browser.open(world.client().request())
    await browser.open(page.links["forgot-password"])
    await browser.submit("kc-form-login", username=name)
    await errands(world)
    return browser


def link_of(world: World) -> str:
    found = LINK.search(world.mail.messages[-1].text)
    assert found is not None
    return found[0]


async def follow(browser: Browser, link: str) -> Page:
    await browser.open(link)
    return await browser.submit("action-link-form")


async def set_password(browser: Browser, password: str = NEW_PASSWORD) -> Page:
    return await browser.submit("kc-passwd-update-form", {"password-new": password, "password-confirm": password})


async def test_t23_a_password_is_reset_by_a_link_and_the_token_is_still_asked_for(tmp_path: Path) -> None:
    """T-23: Keycloak #12759."""
    async with town(tmp_path) as world:
        browser = await asked(world)
        (letter,) = world.mail.messages
        assert letter.to == EMAIL
        page = await follow(browser, link_of(world))
        assert "kc-passwd-update-form" in page.forms
        page = await set_password(browser)
        assert page.message == "Fjalëkalimi u ndryshua. Hyr tani me të."
        arta = customer(world)
        arta.password = NEW_PASSWORD
        page = await arta.give_password(browser)
        assert "kc-otp-login-form" in page.forms
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        assert "code" in browser.answer
        assert {"SEND_RESET_PASSWORD", "RESET_PASSWORD", "UPDATE_PASSWORD", "LOGIN"} <= set(await world.event_types())


async def test_in_another_browser_the_reset_ends_on_a_page_and_gives_no_session(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        await asked(world)
        other = world.browser()
        page = await follow(other, link_of(world))
        assert "kc-passwd-update-form" in page.forms
        page = await set_password(other)
        assert page.message == "Fjalëkalimi u ndryshua. Hyr tani me të."
        assert not any("session" in name for name in other.http.cookies), "nobody is logged in by a reset"
        assert BANK not in page.url


async def test_looking_at_a_link_does_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        browser = await asked(world)
        link = link_of(world)
        for _ in range(3):
            page = await world.browser().open(link)  # a mail scanner
            assert page.status == 200
            assert "action-link-form" in page.forms
        assert "kc-passwd-update-form" in (await follow(browser, link)).forms


async def test_t19_a_link_works_once(tmp_path: Path) -> None:
    """T-19: CVE-2026-37982."""
    async with town(tmp_path) as world:
        browser = await asked(world)
        link = link_of(world)
        await follow(browser, link)
        for again in (browser, world.browser()):
            page = await follow(again, link)
            assert "kc-passwd-update-form" not in page.forms
            assert page.message == "Kjo lidhje nuk vlen më. Kërko një të re."


async def test_a_newer_link_ends_the_older_one(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        first = await asked(world)
        link = link_of(world)
        await asked(world)
        page = await follow(first, link)
        assert "kc-passwd-update-form" not in page.forms


async def test_a_link_dies_with_its_time_with_the_password_and_with_the_address(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        await asked(world)
        link = link_of(world)
        await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, email="tjeter@example.al"))
        assert (await world.browser().open(link)).status == 410
        await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, email=EMAIL))
        assert (await world.browser().open(link)).status == 200
        await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, not_before=1))
        assert (await world.browser().open(link)).status == 410
        await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, not_before=0))
        world.clock.advance(300)
        assert (await world.browser().open(link)).status == 410


async def test_a_link_of_another_realm_or_an_altered_one_is_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        await asked(world)
        link = link_of(world)
        flipped = link[:-3] + ("A" if link[-3] != "A" else "B") + link[-2:]
        other_realm = link.replace("small-business", "sme-corporate")
        for wrong in (flipped, other_realm, link.split("?")[0], f"{link}&key=x", f"{link.split('=')[0]}=%C3%A7"):
            assert (await world.browser().open(wrong)).status == 410


async def test_nothing_but_the_link_goes_past_its_page(tmp_path: Path) -> None:
    """T-16: CVE-2026-18963."""
    async with town(tmp_path) as world:
        browser = await asked(world)
        for form in ({"tryAnotherWay": "on"}, {}, {"key": ""}, {"key": "x"}, {"code": "123456"}):
            page = await browser.post(browser.shown.forms["email-resend-form"].action, form)
            assert "email-resend-form" in page.forms, form
            assert "kc-passwd-update-form" not in page.forms


async def test_the_link_of_one_person_is_not_the_link_of_another(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        arta = await asked(world)
        link = link_of(world)
        besnik = await asked(world, "besnik.leka")
        form = besnik.shown.forms["email-resend-form"]
        page = await besnik.post(form.action, {"key": link.split("key=")[1]})
        assert "kc-passwd-update-form" not in page.forms
        assert "kc-passwd-update-form" in (await follow(arta, link)).forms


def disabled(found: dict[str, Any]) -> None:
    found["users"][1]["enabled"] = False


def without_address(found: dict[str, Any]) -> None:
    del found["users"][1]["email"]


@pytest.mark.parametrize(
    ("name", "edit"),
    [("nobody.there", None), ("besnik.leka", disabled), ("besnik.leka", without_address)],
    ids=["unknown", "disabled", "without an address"],
)
async def test_nobody_learns_whether_a_letter_was_sent(tmp_path: Path, name: str, edit: Edit | None) -> None:
    """T-24, ASVS 6.3.8: the page, its address and its headers are the same."""
    async with town(tmp_path, *([edit] if edit is not None else [])) as world:
        known, other = await asked(world), await asked(world, name)
        assert len(world.mail.messages) == 1
        assert [_shape(browser) for browser in (known, other)] == [_shape(known)] * 2
        for browser in (known, other):
            page = await browser.submit("email-resend-form", resend="1")
            assert "sekond" in page.message
        world.clock.advance(60)
        told = {(await browser.submit("email-resend-form", resend="1")).message for browser in (known, other)}
        await errands(world)
        assert len(told) == 1
        assert len(world.mail.messages) == 2


def _shape(browser: Browser) -> str:
    """The page without what belongs to its tab alone."""
    return re.sub(r"(tab_id|session_code|execution)=[^\"&]+", r"\1", browser.shown.html)


async def test_who_is_locked_for_good_is_not_let_in_by_a_letter(tmp_path: Path) -> None:
    async with town(tmp_path, permanently) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        for _ in range(5):
            await browser.submit("kc-form-login", username=arta.username, password="gabim")
        locks = await world.site.desks["small-business"].provider.stores.attempts.locks(
            (await world.user("arta.hoxha")).id
        )
        assert locks.factors["password"] == msgspec.structs.replace(locks.factors["password"], permanent=True)
        assert isinstance(locks.factors["password"], FactorLock)
        await asked(world)
        assert world.mail.messages == []


def permanently(found: dict[str, Any]) -> None:
    found.update(bruteForceProtected=True, permanentLockout=True, maxTemporaryLockouts=0, failureFactor=3)


async def test_letters_have_a_budget_that_looks_like_a_letter(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        for _ in range(7):
            browser = await asked(world)
            assert "email-resend-form" in browser.shown.forms
        assert len(world.mail.messages) == 5


async def test_somebody_begins_resets_only_so_often(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        statuses = [(await world.browser().open(f"{RESET}?client_id=internet-banking")).status for _ in range(31)]
        assert (statuses[0], statuses[-2], statuses[-1]) == (200, 200, 429)


async def test_a_mail_server_that_is_down_shows_in_the_log_and_nowhere_else(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        world.mail.down = True
        browser = await asked(world)
        assert "email-resend-form" in browser.shown.forms
        assert browser.shown.message == ""


async def test_every_session_and_token_of_the_old_password_ends(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        arta, bank = customer(world), world.client()
        thief = await arta.begin(bank)
        await arta.log_in(thief)
        tokens = (await bank.redeem(thief.answer["code"])).json()
        browser = await asked(world)
        world.clock.advance(1)
        await follow(browser, link_of(world))
        await set_password(browser)
        refreshed = await bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert refreshed.json()["error"] == "invalid_grant"


async def test_the_old_address_of_keycloak_begins_with_the_reset(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        browser = world.browser()
        address = world.client().request().replace("openid-connect/auth?", "openid-connect/forgot-credentials?")
        page = await browser.open(address)
        assert "kc-form-login" in page.forms
        assert "password" not in page.forms["kc-form-login"].names


async def test_a_realm_without_the_switch_has_neither_link_nor_address(tmp_path: Path) -> None:
    def off(found: dict[str, Any]) -> None:
        found["resetPasswordAllowed"] = False

    async with town(tmp_path, off) as world:
        page = await world.browser().open(world.client().request())
        assert "forgot-password" not in page.links
        assert (await world.browser().open(RESET)).status == 404


async def test_a_password_that_breaks_the_policy_is_refused_as_everywhere(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        browser = await asked(world)
        await follow(browser, link_of(world))
        for password in ("shkurt", PASSWORD):
            assert "kc-passwd-update-form" in (await set_password(browser, password)).forms


def by_sms(found: dict[str, Any]) -> None:
    lines = (step("reset-credentials-choose-user"), step("reset-credential-sms"), step("reset-password"))
    found["authenticationFlows"].append(flow("reset by sms", *lines, topLevel=True))
    found["resetCredentialsFlow"] = "reset by sms"


async def test_a_code_by_sms_resets_a_password_where_the_bank_says_so(tmp_path: Path) -> None:
    async with town(tmp_path, by_sms) as world:
        browser = await asked(world)
        page = await browser.submit("sms-otp-form", code=world.sms.code_to("+355692000101"))
        assert "kc-passwd-update-form" in page.forms
        page = await set_password(browser)
        assert page.message == "Fjalëkalimi u ndryshua. Hyr tani me të."


def without_phone(found: dict[str, Any]) -> None:
    del found["users"][1]["attributes"]["phoneNumber"]


@pytest.mark.parametrize(
    ("name", "edit"),
    [("nobody.there", None), ("besnik.leka", disabled), ("besnik.leka", without_phone)],
    ids=["unknown", "disabled", "without a number"],
)
async def test_nobody_learns_whether_a_code_was_sent(tmp_path: Path, name: str, edit: Edit | None) -> None:
    async with town(tmp_path, by_sms, *([edit] if edit is not None else [])) as world:
        before = len(world.sms.messages)
        known, other = await asked(world), await asked(world, name)
        assert len(world.sms.messages) == before + 1
        assert _shape(known) == _shape(other)
        assert "+355" not in known.shown.html
        told = {(await browser.submit("sms-otp-form", code="000000")).message for browser in (known, other)}
        assert len(told) == 1


def sms_limits(**limits: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["attributes"].update({f"hyrja.sms.{name}": value for name, value in limits.items()})

    return edit


@pytest.mark.parametrize("limits", [{"allowedPrefixes": "+383"}, {"prices": "*=1", "spendingPerDay": "0.5"}])
async def test_a_number_that_nothing_may_be_sent_to_looks_like_any_other(
    tmp_path: Path, limits: dict[str, str]
) -> None:
    async with town(tmp_path, by_sms, sms_limits(**limits)) as world:
        known, other = await asked(world), await asked(world, "nobody.there")
        await errands(world)
        assert world.sms.messages == []
        assert _shape(known) == _shape(other)
        assert "sms-otp-form" in known.shown.forms


async def test_names_that_nobody_has_do_not_use_up_the_banks_messages(tmp_path: Path) -> None:
    async with town(tmp_path, by_sms, sms_limits(perRealmDay="3")) as world:
        for _ in range(4):
            await asked(world, "nobody.there")
        before = len(world.sms.messages)
        await asked(world)
        await errands(world)
        assert len(world.sms.messages) == before + 1


def by_both(found: dict[str, Any]) -> None:
    names = ("reset-credentials-choose-user", "reset-credential-sms", "reset-credential-email", "reset-password")
    found["authenticationFlows"].append(flow("reset by both", *map(step, names), topLevel=True))
    found["resetCredentialsFlow"] = "reset by both"


async def test_what_was_proven_before_the_link_stays_in_the_browser_that_proved_it(tmp_path: Path) -> None:
    async with town(tmp_path, by_both) as world:
        browser = await asked(world)
        await browser.submit("sms-otp-form", code=world.sms.code_to("+355692000101"))
        await errands(world)
        link = link_of(world)
        assert (await follow(world.browser(), link)).status == 410
        assert "kc-passwd-update-form" in (await follow(browser, link)).forms


async def test_a_link_is_not_followed_by_a_form_of_another_site(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        browser = await asked(world)
        link = link_of(world)
        address, key = link.split("?key=")
        page = await world.browser().post(address, {"key": key})  # without a cookie, as SameSite=Lax leaves it
        assert "kc-passwd-update-form" not in page.forms
        assert "kc-passwd-update-form" in (await follow(browser, link)).forms


async def test_a_login_is_continued_by_the_link_that_it_asked_for_and_no_other(tmp_path: Path) -> None:
    async with town(tmp_path) as world:
        older, newer = await asked(world), await asked(world)
        link = link_of(world)
        page = await older.post(older.shown.forms["email-resend-form"].action, {"key": link.split("key=")[1]})
        assert "kc-passwd-update-form" not in page.forms
        assert "kc-passwd-update-form" in (await follow(newer, link)).forms
