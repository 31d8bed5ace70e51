"""Actions that an application asks for (`kc_action`): done last, declined, refused, told (keycloak.md 2.11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest

from idp.model.user import User
from tests.flows.bench import Edit, flow, step, sub, with_flows
from tests.stories.browser import Browser
from tests.stories.rearranged import FORM, OTP, customer, forms, passwords, redeemed, settled
from tests.stories.world import Customer, RelyingParty, provider

pytestmark = pytest.mark.anyio

NEW = "një fjalëkalim krejt i ri"
PASSWORD_PAGE = "kc-passwd-update-form"


async def logged_in(who: Customer, client: RelyingParty, **request: str | None) -> Browser:
    browser = await who.begin(client, **request)
    await who.log_in(browser)
    return browser


def must_change(user: User) -> User:
    return msgspec.structs.replace(user, required_actions=("UPDATE_PASSWORD",))


def told(browser: Browser) -> dict[str, str]:
    return {name: value for name, value in browser.answer.items() if name.startswith("kc_") or name == "error"}


async def test_the_action_comes_last_and_its_end_is_told_with_the_code(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM, OTP))) as world:
        client, who = world.client(), customer(world)
        browser = await logged_in(who, client, kc_action="UPDATE_PASSWORD")
        assert not browser.has_left
        await browser.submit(PASSWORD_PAGE, {"password-new": NEW, "password-confirm": NEW})
        assert told(browser) == {"kc_action": "UPDATE_PASSWORD", "kc_action_status": "success"}
        assert browser.answer["code"]
        who.password = NEW
        again = await logged_in(who, client, prompt="login")
        assert told(again) == {}


async def test_the_person_may_decline_what_only_the_application_wishes(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM, OTP))) as world:
        browser = await logged_in(customer(world), world.client(), kc_action="UPDATE_PASSWORD")
        await browser.submit("cancel-aia-form", {"cancel-aia": "true"})
        assert told(browser) == {"kc_action": "UPDATE_PASSWORD", "kc_action_status": "cancelled"}
        assert browser.answer["code"]


async def test_what_is_due_anyway_cannot_be_declined(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM, OTP))) as world:
        who = customer(world)
        await world.change_user(who.username, must_change)
        browser = await logged_in(who, world.client(), kc_action="UPDATE_PASSWORD")
        assert "cancel-aia-form" not in browser.shown.forms
        form = browser.shown.forms[PASSWORD_PAGE]
        await browser.post(form.action, {"cancel-aia": "true"})
        assert not browser.has_left
        await browser.submit(PASSWORD_PAGE, {"password-new": NEW, "password-confirm": NEW})
        assert told(browser)["kc_action_status"] == "success"


@pytest.mark.parametrize("action", ["NO_SUCH_ACTION", "TERMS_AND_CONDITIONS", "CONFIGURE_TOTP", "consent"])
async def test_an_action_that_is_unknown_disabled_or_not_for_applications_is_told_as_an_error(
    tmp_path: Path, action: str
) -> None:
    def disabled(found: dict[str, Any]) -> None:
        for one in found["requiredActions"]:
            one["enabled"] = one["alias"] != "CONFIGURE_TOTP"

    async with provider(tmp_path, edit=settled(forms(FORM, OTP), disabled)) as world:
        browser = await logged_in(customer(world), world.client(), kc_action=action)
        assert told(browser) == {"kc_action": action, "kc_action_status": "error"}
        assert browser.answer["code"]


async def test_a_session_is_asked_again_when_its_proofs_are_older_than_the_action_allows(tmp_path: Path) -> None:
    def minute(found: dict[str, Any]) -> None:
        for one in found["requiredActions"]:
            if one["alias"] == "UPDATE_PASSWORD":
                one["config"] = {"max_auth_age": "60"}

    async with provider(tmp_path, edit=settled(forms(FORM, OTP), minute)) as world:
        client, who = world.client(), customer(world)
        browser = await logged_in(who, client)
        await browser.open(client.request(kc_action="UPDATE_PASSWORD"))
        assert PASSWORD_PAGE in browser.shown.forms, "fresh enough"
        world.clock.advance(120)
        await browser.open(client.request(kc_action="UPDATE_PASSWORD"))
        assert "kc-form-login" in browser.shown.forms
        await who.log_in(browser)
        await browser.submit("cancel-aia-form", {"cancel-aia": "true"})
        await browser.open(client.request(kc_action="UPDATE_PASSWORD", prompt="none"))
        assert browser.answer["error"] == "interaction_required"
        world.clock.advance(120)
        await browser.open(client.request(kc_action="UPDATE_PASSWORD", prompt="none"))
        assert browser.answer["error"] == "login_required"


async def test_the_action_may_be_asked_for_by_a_pushed_request(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM, OTP))) as world:
        client, who = world.client(), customer(world)
        parameters = dict(parse_qsl(urlsplit(client.request(kc_action="UPDATE_PASSWORD")).query))
        pushed = (await client.post("ext/par/request", **parameters)).json()["request_uri"]
        browser = world.browser()
        query = {"client_id": client.client_id, "request_uri": pushed}
        await browser.open(f"{client.issuer}/protocol/openid-connect/auth?{urlencode(query)}&kc_action=delete_account")
        await who.log_in(browser)
        assert PASSWORD_PAGE in browser.shown.forms, "what stands beside a pushed request does not count"
        await browser.submit("cancel-aia-form", {"cancel-aia": "true"})
        assert told(browser) == {"kc_action": "UPDATE_PASSWORD", "kc_action_status": "cancelled"}


BY_LEVEL = (
    flow("by level", step("auth-cookie", "ALTERNATIVE"), sub("levels", "ALTERNATIVE")),
    flow("levels", sub("one", "CONDITIONAL"), sub("two", "CONDITIONAL")),
    flow("one", step("conditional-level-of-authentication", config="one"), FORM),
    flow("two", step("conditional-level-of-authentication", config="two"), OTP),
)


def by_level(*more: Edit) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        with_flows(*BY_LEVEL)(found)
        for name, level in (("one", "1"), ("two", "2")):
            found["authenticatorConfig"].append({"alias": name, "config": {"loa-condition-level": level}})

    return settled(edit, *more)


@pytest.mark.parametrize("has_token", [True, False])
async def test_an_action_takes_the_level_of_the_credential_that_it_changes(tmp_path: Path, *, has_token: bool) -> None:
    """A new token takes the old one; but who has none can set the first one up."""
    edit = by_level() if has_token else by_level(passwords)
    async with provider(tmp_path, edit=edit) as world:
        client, who = world.client(), customer(world)
        browser = await who.begin(client, kc_action="CONFIGURE_TOTP")
        await who.give_password(browser)
        if has_token:
            await browser.submit("kc-otp-login-form", otp=who.next_code())
        assert not browser.has_left
        await browser.submit("cancel-aia-form", {"cancel-aia": "true"})
        assert told(browser)["kc_action_status"] == "cancelled"
        claims = await redeemed(client, browser.answer)
        assert claims["amr"] == (["pwd", "otp", "mfa"] if has_token else ["pwd"])
