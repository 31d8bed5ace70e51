"""Step-up (RFC 9470) and demands that are not met (OpenID Connect Core Unmet Authentication Requirements)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flows.bench import Edit, all_edits, flow, step, sub
from tests.stories.rearranged import CONFIGURED, FORM, OTP, customer, forms, passwords, redeemed, settled
from tests.stories.settled import with_client
from tests.stories.world import Customer, RelyingParty, provider

pytestmark = pytest.mark.anyio

MAYBE = forms(FORM, sub("maybe", "CONDITIONAL"), inner=(flow("maybe", CONFIGURED, OTP),))
STRICT = with_client(attributes={"minimum.acr.value": "mfa-otp"})
LEVEL = "conditional-level-of-authentication"
UNMET = "unmet_authentication_requirements"


async def logged_in(client: RelyingParty, who: Customer, **request: Any) -> dict[str, str]:
    """Log in with everything that the pages ask for; return the answer."""
    browser = await who.begin(client, **request)
    await who.give_password(browser)
    if "kc-otp-login-form" in browser.shown.forms:
        await browser.submit("kc-otp-login-form", otp=who.next_code())
    return browser.answer


async def test_a_client_with_a_minimum_gets_a_login_that_reaches_it(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(MAYBE, STRICT)) as world:
        client = world.client()
        who = customer(world)
        browser = await who.begin(client)
        await who.give_password(browser)
        await browser.submit("kc-otp-login-form", otp=who.next_code())
        assert (await redeemed(client, browser.answer))["acr"] == "mfa-otp"


async def test_a_login_that_stays_below_the_minimum_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """The flow could reach it; this customer has no second factor."""
    async with provider(tmp_path, edit=settled(MAYBE, passwords, STRICT)) as world:
        answer = await logged_in(world.client(), customer(world))
        assert answer["error"] == UNMET
        assert "LOGIN" not in await world.event_types()
        assert "LOGIN_ERROR" in await world.event_types()


@pytest.mark.parametrize("minimum", ["mfa-otp", "2"])
async def test_nobody_is_asked_for_a_password_that_cannot_be_enough(tmp_path: Path, minimum: str) -> None:
    edit: Edit = all_edits(settled(forms(FORM)), with_client(attributes={"minimum.acr.value": minimum}))
    async with provider(tmp_path, edit=edit) as world:
        browser = world.browser()
        await browser.open(world.client().request())
        assert browser.answer["error"] == UNMET
        assert (browser.answer["state"], browser.answer["iss"]) == ("a-state", world.client().issuer)


async def test_a_weak_session_does_not_answer_for_more_but_for_as_much(tmp_path: Path) -> None:
    """RFC 9470 §4: the client sends what the resource server asked for, and the person proves the rest."""
    async with provider(tmp_path, edit=settled(MAYBE)) as world:
        client, who = world.client(), customer(world)
        browser = await who.begin(client)
        await who.give_password(browser)
        await browser.submit("kc-otp-login-form", otp=who.next_code())
        await browser.open(client.request(acr_values="mfa-otp", prompt="none"))
        assert (await redeemed(client, browser.answer))["acr"] == "mfa-otp"
        world.clock.advance(120)
        await browser.open(client.request(acr_values="mfa-otp", max_age="60", prompt="none"))
        assert browser.answer["error"] == "login_required"
        await browser.open(client.request(acr_values="mfa-otp", max_age="60"))
        assert "kc-form-login" in browser.shown.forms
        await who.give_password(browser)
        await browser.submit("kc-otp-login-form", otp=who.next_code())
        claims = await redeemed(client, browser.answer)
        assert world.clock() - claims["auth_time"] <= 60


async def test_a_preference_that_is_not_met_is_told_and_not_refused(tmp_path: Path) -> None:
    """OpenID Connect Core §3.1.2.1: `acr_values` are a preference; `acr` says what the login was."""
    async with provider(tmp_path, edit=settled(MAYBE, passwords)) as world:
        client = world.client()
        answer = await logged_in(client, customer(world), acr_values="mfa-otp")
        assert (await redeemed(client, answer))["acr"] == "pwd"


def insisting(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


async def test_an_essential_acr_is_answered_by_one_of_its_values(tmp_path: Path) -> None:
    """OpenID Connect Core §5.5.1.1, also where the login was stronger."""
    async with provider(tmp_path, edit=settled(MAYBE)) as world:
        client, who = world.client(), customer(world)
        for values, told in ((("mfa-otp",), "mfa-otp"), (("pwd",), "pwd"), (("pwd", "mfa-otp"), "mfa-otp")):
            answer = await logged_in(client, who, claims=insisting(*values))
            assert (await redeemed(client, answer))["acr"] == told


async def test_t14_an_essential_acr_that_is_not_met_fails_the_login_also_in_a_flow_without_levels(
    tmp_path: Path,
) -> None:
    async with provider(tmp_path, edit=settled(MAYBE, passwords)) as world:
        client, who = world.client(), customer(world)
        answer = await logged_in(client, who, claims=insisting("mfa-otp"))
        assert answer["error"] == UNMET
        browser = world.browser()
        await browser.open(client.request(claims=insisting("urn:no-such-acr")))
        assert browser.answer["error"] == UNMET, "before anybody is asked for a password"
        voluntary = json.dumps({"id_token": {"acr": {"values": ["mfa-otp"]}}})
        answer = await logged_in(client, who, claims=voluntary)
        assert (await redeemed(client, answer))["acr"] == "pwd"


async def test_a_session_that_is_too_weak_for_an_essential_acr_does_not_answer(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(MAYBE, passwords)) as world:
        client, who = world.client(), customer(world)
        browser = await who.begin(client)
        await who.give_password(browser)
        await browser.open(client.request(prompt="none"))
        assert "code" in browser.answer
        await browser.open(client.request(prompt="none", claims=insisting("mfa-otp")))
        assert browser.answer["error"] == "login_required"


async def test_a_step_up_asks_for_the_token_alone_and_renews_the_cookie_of_the_same_session(tmp_path: Path) -> None:
    """Keycloak's recipe of levels, over the whole provider: T-13, ASVS 7.2.4."""

    def by_level(found: dict[str, Any]) -> None:
        found["authenticatorConfig"] += [
            {"alias": "one", "config": {"loa-condition-level": "1"}},
            {"alias": "two", "config": {"loa-condition-level": "2", "loa-max-age": "300"}},
        ]

    inner = (
        flow("level 1", step(LEVEL, config="one"), FORM),
        flow("level 2", step(LEVEL, config="two"), OTP),
    )
    blocks = forms(sub("level 1", "CONDITIONAL"), sub("level 2", "CONDITIONAL"), inner=inner)
    async with provider(tmp_path, edit=settled(blocks, by_level)) as world:
        client, who = world.client(), customer(world)
        browser = await who.begin(client)
        await who.give_password(browser)
        weak = await redeemed(client, browser.answer)
        cookies = dict(browser.http.cookies)
        assert (weak["acr"], weak["amr"]) == ("pwd", ["pwd"])

        world.clock.advance(60)
        page = await browser.open(client.request(acr_values="mfa-otp"))
        assert "kc-form-login" not in page.forms
        await browser.submit("kc-otp-login-form", otp=who.next_code())
        strong = await redeemed(client, browser.answer)
        assert (strong["acr"], strong["amr"], strong["sid"]) == ("mfa-otp", ["pwd", "otp", "mfa"], weak["sid"])
        assert strong["auth_time"] == weak["auth_time"], "when the oldest of its parts was proven"
        assert dict(browser.http.cookies) != cookies

        await browser.open(client.request(acr_values="mfa-otp", prompt="none"))
        assert (await redeemed(client, browser.answer))["acr"] == "mfa-otp"
        await browser.open(client.request(prompt="none"))
        assert (await redeemed(client, browser.answer))["acr"] == "pwd", "nobody asked for more"
        world.clock.advance(300)
        await browser.open(client.request(acr_values="mfa-otp", prompt="none"))
        assert browser.answer["error"] == "login_required"
        await browser.open(client.request(prompt="none"))
        assert "code" in browser.answer
