"""A browser that its owner wants to be remembered by: no second factor is asked for, and nothing is proven by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio
DAY = 86400


def remembering(document: dict[str, Any]) -> None:
    """Password; then a trusted device, or the token and the question whether to remember the device."""
    forms = next(flow for flow in document["authenticationFlows"] if flow["alias"] == "bank forms")
    password, *_ = forms["authenticationExecutions"]
    forms["authenticationExecutions"] = [password, sub("second", 20, "REQUIRED")]
    document["authenticationFlows"] += [
        flow("second", step("trusted-device", "ALTERNATIVE", 10), sub("by token", 20, "ALTERNATIVE")),
        flow("by token", step("auth-otp-form", "REQUIRED", 10), step("trust-device", "REQUIRED", 20)),
    ]


def flow(alias: str, *lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "alias": alias,
        "providerId": "basic-flow",
        "topLevel": False,
        "builtIn": False,
        "authenticationExecutions": list(lines),
    }


def step(name: str, requirement: str, priority: int) -> dict[str, Any]:
    return {"authenticator": name, "requirement": requirement, "priority": priority, "authenticatorFlow": False}


def sub(alias: str, priority: int, requirement: str) -> dict[str, Any]:
    return {"flowAlias": alias, "requirement": requirement, "priority": priority, "authenticatorFlow": True}


async def first_login(town: Town, answer: str = "trust-yes") -> Browser:
    """Log Arta in with password and token; answer the question; log out of the session, not of the browser."""
    browser = await town.arta.begin(town.bank)
    page = await town.arta.log_in(browser)
    assert "trust-device-form" in page.forms
    await browser.press(answer)
    assert "code" in browser.answer
    user = await town.user("arta.hoxha")
    sessions = town.site.desks["small-business"].provider.stores.user_sessions
    for session in await sessions.of_user(user.id):
        await sessions.end(session.sid)
    return browser


async def again(town: Town, browser: Browser, **request: str) -> Page:
    """Begin another login there, and give the password."""
    await browser.open(town.bank.request(**request))
    return await town.arta.give_password(browser)


async def acr(town: Town, browser: Browser) -> tuple[str, list[str]]:
    import base64  # noqa: PLC0415 - one claim of a token that is not verified here
    import json  # noqa: PLC0415 - as above

    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    part = tokens["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims["acr"], claims["amr"]


async def test_a_remembered_device_is_asked_for_the_password_only_and_proves_nothing_more(
    home: Home, tmp_path: Path
) -> None:
    async with opened(home, tmp_path, edit=remembering) as town:
        browser = await first_login(town)
        await again(town, browser)
        by_trust = await acr(town, browser)
        assert by_trust[1] == ["pwd"]
        told = [event for event in await town.event_types() if event.startswith("TRUST")]
        assert told == ["TRUSTED_DEVICE", "TRUST_DEVICE"]
        other = await town.arta.begin(town.bank)
        await town.arta.log_in(other)
        await other.press("trust-no")
        by_token = await acr(town, other)
        assert by_token[1] == ["pwd", "otp", "mfa"]
        assert by_token[0] != by_trust[0]


async def test_where_two_factors_are_demanded_trust_is_not_enough(home: Home, tmp_path: Path) -> None:
    def demanding(document: dict[str, Any]) -> None:
        remembering(document)
        client = next(c for c in document["clients"] if c["clientId"] == "internet-banking")
        client["attributes"]["minimum.acr.value"] = "2"

    async with opened(home, tmp_path, edit=demanding) as town:
        browser = await first_login(town)
        await again(town, browser)
        assert "code" not in browser.answer


async def test_who_says_no_is_asked_every_time(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=remembering) as town:
        browser = await first_login(town, "trust-no")
        assert "kc-otp-login-form" in (await again(town, browser)).forms


async def test_another_browser_and_another_user_are_not_remembered(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=remembering) as town:
        browser = await first_login(town)
        assert "kc-otp-login-form" in (await again(town, town.browser())).forms
        await browser.open(town.bank.request())
        page = await town.besnik.give_password(browser)
        assert not browser.arrived or "code" not in browser.answer, page.message


async def test_a_device_is_forgotten_after_its_days(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=remembering) as town:
        browser = await first_login(town)
        town.clock.advance(30 * DAY)
        assert "kc-otp-login-form" in (await again(town, browser)).forms


async def test_a_new_password_or_token_ends_the_trust_of_every_device(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=remembering) as town:
        browser = await first_login(town)
        now = int(town.clock())
        await town.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, not_before=now))
        assert "kc-otp-login-form" in (await again(town, browser)).forms


async def test_the_cookie_outlives_the_window_only_where_devices_are_remembered(home: Home, tmp_path: Path) -> None:
    for edit, kept in ((remembering, True), (None, False)):
        async with opened(home, tmp_path / str(kept), edit=edit) as town:
            response = await town.browser().http.get(town.bank.request())
            (cookie,) = [c for c in response.headers.get_list("set-cookie") if "browser" in c.lower()]
            assert ("Max-Age" in cookie) is kept
