"""Recovery codes from the list on the screen to the last one used: shown once, good once, no way around a factor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest

from idp.flows.credentials.recovery_codes import CODES, few_are_left
from idp.model.credentials.recovery_codes import RecoveryCode, RecoveryCodes
from idp.model.policies.credentials import PasswordRule
from tests.flows.bench import Edit, all_edits, flow, no_actions, step, sub
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import FORM, OTP, customer, forms, passwords, redeemed, settled, ways
from tests.stories.world import Customer, RelyingParty, World, provider

pytestmark = pytest.mark.anyio

CODE_FORM = "kc-recovery-code-login-form"
LIST_FORM = "kc-recovery-codes-settings-form"
RECOVERY = step("auth-recovery-authn-code-form")
EITHER = flow(
    "second factor", step("auth-otp-form", "ALTERNATIVE"), step("auth-recovery-authn-code-form", "ALTERNATIVE")
)


def action(found: dict[str, Any]) -> None:
    found["requiredActions"].append({"alias": "CONFIGURE_RECOVERY_AUTHN_CODES", "enabled": True, "priority": 130})


def wanted(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["requiredActions"] = ["CONFIGURE_RECOVERY_AUTHN_CODES"]


def warns(found: dict[str, Any]) -> None:
    found["passwordPolicy"] += " and recoveryCodesWarningThreshold(11)"


def after_totp(found: dict[str, Any]) -> None:
    """Let the enrolment of a soft token be followed by a list, as Keycloak's console sets it."""
    for one in found["requiredActions"]:
        if one["alias"] == "CONFIGURE_TOTP":
            one["config"] = {"add-recovery-codes": "true"}


@pytest.fixture
async def rearranged(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    del anyio_backend
    async with provider(tmp_path, edit=request.param) as world:
        yield world


def by(edit: Edit) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rearranged", [edit], indirect=True, ids=["edited"])


ONLY_CODES = by(all_edits(no_actions, passwords, action, warns, forms(FORM, RECOVERY)))
BESIDE_A_TOKEN = by(settled(action, wanted, forms(FORM, sub("second factor"), inner=(EITHER,))))


def listed(page: Page) -> list[str]:
    return re.findall(r"<code>([A-Z2-9-]+)</code>", page.html)


async def with_codes(world: World) -> tuple[Customer, list[str]]:
    """A customer who was given a list at the end of a login."""
    arta = customer(world)
    browser = await arta.begin(world.client())
    page = await arta.give_password(browser)
    codes = listed(page)
    await browser.submit(LIST_FORM, kept="1")
    assert "code" in browser.answer
    return arta, codes


async def at_the_code(arta: Customer, bank: RelyingParty | None = None) -> Browser:
    browser = await arta.begin(bank or arta.world.client())
    page = await arta.give_password(browser)
    assert CODE_FORM in page.forms
    return browser


@ONLY_CODES
async def test_a_list_is_shown_once_and_can_be_saved_without_scripts(rearranged: World) -> None:
    arta = customer(rearranged)
    browser = await arta.begin(rearranged.client())
    page = await arta.give_password(browser)
    codes = listed(page)
    assert len(set(codes)) == CODES
    assert all(re.fullmatch(r"([A-HJ-NP-Z2-9]{4}-){3}[A-HJ-NP-Z2-9]{4}", code) for code in codes), "80 bits"
    assert [hop.request.method for hop in browser.hops] == ["POST"]
    assert page.headers["cache-control"] == "no-store"
    saved = unquote(page.links["downloadRecoveryCodes"])
    assert saved.startswith("data:text/plain")
    assert all(code in saved for code in codes)
    page = await browser.reload()
    assert listed(page) == []
    assert (await rearranged.user("arta.hoxha")).recovery_codes is None, "until they are kept, nothing"
    page = await browser.submit("new-codes-form", {"new-codes": "1"})
    assert set(listed(page)).isdisjoint(codes)


@ONLY_CODES
async def test_each_code_is_asked_for_by_its_number_and_good_once(rearranged: World) -> None:
    bank, (arta, codes) = rearranged.client(), await with_codes(rearranged)
    for number, code in enumerate(codes[:2], start=1):
        browser = await at_the_code(arta, bank)
        assert str(number) in browser.shown.html.split('for="recoveryCodeInput"')[1].split("<")[0]
        typed = code.lower().replace("-", " ") if number == 1 else code
        await browser.submit(CODE_FORM, recoveryCodeInput=typed)
        assert (await redeemed(bank, browser.answer))["acr"] == "mfa-otp"
    browser = await at_the_code(arta)
    for wrong in (codes[0], codes[1], codes[3], "", "0" * 16):
        page = await browser.submit(CODE_FORM, recoveryCodeInput=wrong)
        assert CODE_FORM in page.forms
        assert page.message
    assert "USE_RECOVERY_CODE" in await rearranged.event_types()


@ONLY_CODES
async def test_a_code_sent_by_two_browsers_lets_one_in(rearranged: World) -> None:
    arta, codes = await with_codes(rearranged)
    browsers = [await at_the_code(arta) for _ in range(4)]

    async def enter(browser: Browser) -> None:
        await browser.submit(CODE_FORM, recoveryCodeInput=codes[0])

    async with anyio.create_task_group() as group:
        for browser in browsers:
            group.start_soon(enter, browser)
    assert sum(browser.has_left for browser in browsers) == 1


@ONLY_CODES
async def test_wrong_codes_lock_the_factor(rearranged: World) -> None:
    arta, codes = await with_codes(rearranged)
    browser = await at_the_code(arta)
    for _ in range(5):
        await browser.submit(CODE_FORM, recoveryCodeInput="A" * 16)
    assert "kc-form-login" in browser.shown.forms
    page = await arta.give_password(browser)
    assert "kc-form-login" in page.forms
    assert codes


@ONLY_CODES
async def test_nothing_of_a_code_is_kept_in_clear(rearranged: World) -> None:
    _, codes = await with_codes(rearranged)
    kept = (await rearranged.user("arta.hoxha")).recovery_codes
    assert kept is not None
    assert [code.number for code in kept.codes] == list(range(1, CODES + 1))
    for code in codes:
        assert code.replace("-", "").encode() not in b"".join(one.sealed for one in kept.codes)


@BESIDE_A_TOKEN
async def test_a_code_is_another_way_beside_the_token_and_a_password_alone_makes_no_list(rearranged: World) -> None:
    bank, arta = rearranged.client(), customer(rearranged)
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=arta.next_code())
    codes = listed(page)
    await browser.submit(LIST_FORM, kept="1")

    browser = await arta.begin(bank)
    await arta.give_password(browser)
    page = await browser.press("tryAnotherWay")
    other = next(way for title, way in ways(page).items() if title == "Kod rikthimi")
    await browser.submit("kc-select-credential-form", authenticationExecution=other)
    await browser.submit(CODE_FORM, recoveryCodeInput=codes[0])
    assert (await redeemed(bank, browser.answer))["acr"] == "mfa-otp"


@by(settled(action, wanted, forms(FORM)))
async def test_who_holds_a_token_gets_no_list_for_the_password_alone(rearranged: World) -> None:
    """CVE-2023-3597: the list would be a second factor beside the first."""
    arta = customer(rearranged)
    browser = await arta.begin(rearranged.client())
    page = await arta.give_password(browser)
    assert listed(page) == []
    assert browser.answer["error"] == "access_denied"


@by(all_edits(no_actions, passwords, action, after_totp, forms(FORM, OTP)))
async def test_a_list_follows_the_enrolment_of_a_token_where_the_realm_wants_it(rearranged: World) -> None:
    arta = customer(rearranged)
    browser = await arta.begin(rearranged.client())
    page = await arta.give_password(browser)
    arta.secret = page.text("secret")
    page = await browser.submit("kc-totp-settings-form", totp=arta.code())
    assert len(listed(page)) == CODES
    await browser.submit(LIST_FORM, kept="1")
    assert "code" in browser.answer
    assert (await rearranged.user("arta.hoxha")).recovery_codes is not None


def told_by_sms(found: dict[str, Any]) -> None:
    found["attributes"]["hyrja.securityNotices"] = "sms"


@by(all_edits(no_actions, passwords, action, told_by_sms, forms(FORM, RECOVERY)))
async def test_the_customer_is_told_of_a_new_list_and_of_every_code_that_was_used(rearranged: World) -> None:
    """NIST SP 800-63B-4 §4.2: over a channel that the login did not come by."""
    arta, codes = await with_codes(rearranged)
    browser = await at_the_code(arta)
    await browser.submit(CODE_FORM, recoveryCodeInput=codes[0])
    await rearranged.site.desks["small-business"].provider.errands.finished()
    added, used = (text for to, text in rearranged.sms.messages if to == arta.phone)
    assert "shtua" in added
    assert "kod rikthimi" in used
    assert codes[0] not in used


@pytest.mark.parametrize(("left", "warned"), [(4, True), (5, False)])
def test_few_codes_are_as_few_as_the_password_policy_says(left: int, *, warned: bool) -> None:
    code = tuple(RecoveryCode(number=number, sealed=b"") for number in range(left))
    codes = RecoveryCodes(id="list", created_at=0, total=CODES, codes=code)
    assert few_are_left(codes, (PasswordRule(name="recoveryCodesWarningThreshold", argument="4"),)) is warned
    assert not few_are_left(codes, ())
    assert not few_are_left(None, (PasswordRule(name="recoveryCodesWarningThreshold", argument="4"),))


@ONLY_CODES
async def test_an_empty_list_is_made_anew_at_the_login_that_emptied_it(rearranged: World) -> None:
    arta, codes = await with_codes(rearranged)
    for code in codes[:-1]:
        browser = await at_the_code(arta)
        await browser.submit(CODE_FORM, recoveryCodeInput=code)
        assert browser.has_left
    browser = await at_the_code(arta)
    page = await browser.submit(CODE_FORM, recoveryCodeInput=codes[-1])
    assert len(listed(page)) == CODES
    assert not browser.has_left
