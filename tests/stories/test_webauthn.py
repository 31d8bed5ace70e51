"""Security keys and passkeys from the first page to the token, over HTTP; the browser's part is a key of software."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.model.user import User
from tests.authenticator import SoftwareKey
from tests.flows.bench import Edit, all_edits, flow, no_actions, step, sub
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import FORM, customer, forms, passwords, redeemed, tokens
from tests.stories.settled import logging_to
from tests.stories.world import World, provider

pytestmark = pytest.mark.anyio

KEY = step("webauthn-authenticator")
PASSKEY = step("webauthn-authenticator-passwordless")


def actions(found: dict[str, Any]) -> None:
    """Let the realm ask for keys."""
    for alias in ("webauthn-register", "webauthn-register-passwordless"):
        found["requiredActions"].append({"alias": alias, "enabled": True, "priority": 80})


def offers_passkeys(found: dict[str, Any]) -> None:
    found["webAuthnPolicyPasswordlessPasskeysEnabled"] = True


def wants_passkeys(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["requiredActions"] = ["webauthn-register-passwordless"]


WITH_KEYS = all_edits(no_actions, passwords, actions)


@pytest.fixture
async def rearranged(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    del anyio_backend
    async with provider(tmp_path, edit=request.param) as world:
        yield world


def by(edit: Edit) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rearranged", [edit], indirect=True, ids=["edited"])


def options(page: Page) -> str:
    """What the page's script gives to the browser."""
    found = re.search(r'data-options="([^"]+)"', page.html)
    assert found is not None
    return html.unescape(found[1])


async def registered(browser: Browser, key: SoftwareKey, **more: str) -> Page:
    return await browser.submit("register", {**key.create(options(browser.shown)), **more})


async def used(browser: Browser, key: SoftwareKey) -> Page:
    return await browser.submit("webauth", key.get(options(browser.shown)))


async def user_of(world: World) -> User:
    return await world.user("arta.hoxha")


@by(all_edits(WITH_KEYS, forms(FORM, KEY)))
async def test_a_key_is_registered_at_the_first_login_and_asked_for_at_the_next(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "register" in page.forms
    await registered(browser, key, authenticatorLabel="Çelësi blu")
    assert (await redeemed(bank, browser.answer))["acr"] == "pwd", "a key that was just made is no evidence"
    assert [one.label for one in (await user_of(rearranged)).security_keys] == ["Çelësi blu"]

    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "Çelësi blu" in page.text("webauthn-keys")
    await used(browser, key)
    claims = await redeemed(bank, browser.answer)
    assert claims["acr"] == "mfa-otp"
    assert claims["amr"] == ["pwd", "pop", "user", "mfa"]
    assert {"UPDATE_CREDENTIAL", "LOGIN"} <= set(await rearranged.event_types())


@by(all_edits(WITH_KEYS, forms(FORM, KEY)))
async def test_a_password_alone_gets_nowhere_where_there_is_a_key(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    thief = SoftwareKey()
    thief.key_id, thief.user_handle = key.key_id, key.user_handle
    for form in ({}, {"authenticatorData": "AAAA"}, thief.get(options(page)), {"error": "NotAllowedError"}):
        page = await browser.post(browser.shown.forms["webauth"].action, form)
        assert "webauth" in page.forms
        assert page.message
    await used(browser, key)
    assert "code" in browser.answer


@by(all_edits(WITH_KEYS, forms(FORM, KEY)))
async def test_an_answer_sent_again_is_judged_by_nobody(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    other = await arta.begin(bank)
    page = await arta.give_password(other)
    answer = key.get(options(page))
    third = await arta.begin(bank)
    await arta.give_password(third)
    page = await third.submit("webauth", answer)
    assert "webauth" in page.forms, "made for another tab"
    await other.submit("webauth", answer)
    assert "code" in other.answer
    page = await third.submit("webauth", answer)
    assert "webauth" in page.forms


@by(all_edits(WITH_KEYS, wants_passkeys, offers_passkeys, forms(FORM)))
async def test_a_passkey_logs_in_from_the_login_page_and_reaches_the_second_level(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    assert "code" in browser.answer

    browser = await arta.begin(bank)
    assert 'autocomplete="username webauthn"' in browser.shown.html
    await used(browser, key)
    claims = await redeemed(bank, browser.answer)
    assert (claims["preferred_username"], claims["acr"]) == ("arta.hoxha", "mfa-otp")
    assert claims["amr"] == ["pop", "user", "mfa"]


@by(all_edits(WITH_KEYS, wants_passkeys, offers_passkeys, forms(FORM)))
async def test_a_synced_passkey_alone_stays_at_the_first_level(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey(synced=True, counts=False)
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    browser = await arta.begin(bank)
    await used(browser, key)
    claims = await redeemed(bank, browser.answer)
    assert (claims["acr"], claims["amr"]) == ("pwd", ["swk", "user"])


@by(
    all_edits(WITH_KEYS, wants_passkeys, offers_passkeys, forms(step("auth-username-form"), step("auth-password-form")))
)
async def test_on_two_pages_a_passkey_that_tells_the_name_is_not_followed_by_a_password(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await browser.submit("kc-form-login", username="arta.hoxha")
    await browser.submit("kc-form-login", password=arta.password)
    await registered(browser, key)
    browser = await arta.begin(bank)
    await used(browser, key)
    assert (await redeemed(bank, browser.answer))["acr"] == "mfa-otp"

    browser = await arta.begin(bank)
    await browser.submit("kc-form-login", username="arta.hoxha")
    await used(browser, key)
    assert "code" in browser.answer, "and on the second page it is taken in place of the password"

    browser = await arta.begin(bank)
    await browser.submit("kc-form-login", username="besnik.leka")
    page = await used(browser, key)
    assert "webauth" in page.forms, "but not for somebody else's name"


@by(all_edits(WITH_KEYS, wants_passkeys, forms(FORM)))
async def test_a_realm_that_offers_no_passkeys_takes_none_on_its_login_page(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    browser = await arta.begin(bank)
    assert "webauth" not in browser.shown.forms
    forged = SoftwareKey()
    page = await browser.post(
        browser.shown.forms["kc-form-login"].action,
        forged.get('{"challenge":"AAAA","rpId":"localhost"}'),
    )
    assert "kc-form-login" in page.forms


@by(all_edits(WITH_KEYS, wants_passkeys, forms(FORM, PASSKEY)))
async def test_a_login_without_a_way_beside_the_passkey_asks_for_it_after_the_password(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "webauthn-keys" not in page.ids
    await used(browser, key)
    assert (await redeemed(bank, browser.answer))["amr"] == ["pwd", "pop", "user", "mfa"]


@by(all_edits(WITH_KEYS, wants_passkeys, offers_passkeys, forms(FORM)))
async def test_nobodys_passkey_and_a_disabled_customers_read_the_same(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    nobodys = SoftwareKey()
    nobodys.user_handle = b"nobody"
    fresh = await customer(rearranged, "besnik.leka").begin(bank)
    unknown = (await used(fresh, nobodys)).message
    await rearranged.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    page = await used(fresh, key)
    assert "webauth" in page.forms
    assert page.message == unknown != ""


@by(all_edits(WITH_KEYS, wants_passkeys, offers_passkeys, forms(FORM)))
async def test_a_login_by_passkey_answers_for_the_next_application_without_a_page(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    await registered(browser, key)
    browser = await arta.begin(bank)
    await used(browser, key)
    cards = rearranged.client(client_id="cards")
    await browser.open(cards.request())
    claims = await redeemed(cards, browser.answer)
    assert (claims["acr"], claims["amr"]) == ("mfa-otp", ["pop", "user", "mfa"])


def unless_by_passkey(found: dict[str, Any]) -> None:
    """Keycloak's own browser flow of version 26.4: a second factor, unless the first was a passkey."""
    found["authenticatorConfig"].append(
        {"alias": "by passkey", "config": {"credentials": "webauthn-passwordless", "included": "false"}}
    )


STOCK = flow(
    "second factor",
    step("conditional-user-configured"),
    step("conditional-credential", config="by passkey"),
    step("auth-otp-form", "ALTERNATIVE"),
    step("webauthn-authenticator", "ALTERNATIVE"),
)


@by(
    all_edits(
        no_actions,
        tokens,
        actions,
        offers_passkeys,
        unless_by_passkey,
        forms(FORM, sub("second factor", "CONDITIONAL"), inner=(STOCK,)),
    )
)
async def test_keycloaks_own_flow_asks_for_no_second_factor_after_a_passkey(rearranged: World) -> None:
    bank, arta, key = rearranged.client(), customer(rearranged), SoftwareKey()
    actions_of = ("webauthn-register-passwordless",)
    await rearranged.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, required_actions=actions_of))
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "kc-otp-login-form" in page.forms
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    await registered(browser, key)
    assert "code" in browser.answer

    browser = await arta.begin(bank)
    await used(browser, key)
    assert (await redeemed(bank, browser.answer))["amr"] == ["pop", "user", "mfa"]
    browser = await arta.begin(bank)
    page = await arta.give_password(browser)
    assert "kc-otp-login-form" in page.forms, "a password alone is still asked for more"


async def test_a_domain_that_is_another_is_told_at_the_start_and_the_realm_runs(tmp_path: Path) -> None:
    def elsewhere(found: dict[str, Any]) -> None:
        found["webAuthnPolicyRpId"] = "bank.example"

    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, edit=all_edits(WITH_KEYS, elsewhere, forms(FORM)), log=logging_to(lines.append)):
        told = [line for line in lines if line["event"] == "no key works at this address"]
    assert {(line["level"], line["domain"], line["host"]) for line in told} == {
        ("warning", "bank.example", "localhost")
    }
