"""What a person reads on an error page leads an operator to the flow, the version, the place and the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from idp.cli.reports.explanation import explanation
from idp.model.event import Event
from idp.model.user import User
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio


def in_need_of(action: str) -> object:
    def change(user: User) -> User:
        return msgspec.structs.replace(user, required_actions=(*user.required_actions, action))

    return change


async def events_of(town: Town, reference: str) -> Sequence[Event]:
    provider = town.site.desks["small-business"].provider
    await provider.recorder.keep_noted()
    return tuple(reversed(await provider.stores.events.recent(limit=100, transaction_id=reference)))


def reference_of(browser: Browser) -> str:
    found = re.search(r'id="error-reference">([^<]+)<', browser.shown.html)
    assert found is not None, browser.shown.html
    return found.group(1)


async def test_a_refused_login_leads_from_the_clients_page_to_the_reason(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        await town.change_user("arta.hoxha", in_need_of("no-such-action"))  # type: ignore[arg-type] # a plain function
        browser = await town.arta.begin(town.bank)
        await town.arta.log_in(browser)
        assert browser.answer["error"] == "access_denied"
        said = browser.answer["error_description"]
        assert "no-such-action" not in said
        reference = said.rsplit("Reference: ", 1)[1]
        events = await events_of(town, reference)
        text = explanation(reference, events)
    refused = events[-1]
    assert refused.detail["flow"] == "bank login"
    assert refused.detail["realm_version"] in text
    assert "steps taken: auth-username-password-form → soft-token-gate → auth-otp-form" in text
    assert "Why: the user has the unknown required action no-such-action" in text
    assert "“bank forms”: auth-otp-form (REQUIRED): success" in text
    for secret in (town.arta.password, town.arta.phone, town.arta.secret):
        assert secret not in text


@pytest.mark.parametrize(
    ("request_", "key", "reason"),
    [
        ({"client_id": "nobody"}, "client_not_found", ""),
        ({"redirect_uri": "https://elsewhere.example/"}, "invalid_redirect_uri", ""),
    ],
)
async def test_an_error_page_of_our_own_leads_to_its_reason(
    town: Town, request_: dict[str, str], key: str, reason: str
) -> None:
    browser = town.browser()
    await browser.open(town.bank.request(**request_))
    reference = reference_of(browser)
    (event,) = await events_of(town, reference)
    assert (event.type, event.error) == ("ERROR_PAGE", key)
    assert reason in event.detail["reason"]
    assert event.detail["path"].endswith("/auth")
    assert f"ERROR_PAGE {key}" in explanation(reference, [event])


async def test_a_request_that_is_refused_at_once_has_a_reference_too(town: Town) -> None:
    browser = town.browser()
    await browser.open(town.bank.request(prompt="none"))
    reference = browser.answer["error_description"].rsplit("Reference: ", 1)[1]
    (event,) = await events_of(town, reference)
    assert event.error == "login_required"


async def test_what_a_login_did_is_kept_with_it(town: Town) -> None:
    browser = await town.arta.begin(town.bank, acr_values="mfa-otp")
    await town.arta.log_in(browser)
    assert "code" in browser.answer
    login = next(event for event in await town.events() if event.type == "LOGIN")
    assert login.detail["flow"] == "bank login"
    assert login.detail["path"].startswith("auth-username-password-form soft-token-gate auth-otp-form")
    assert login.detail["acr_values"] == "mfa-otp"
    assert len(login.detail["realm_version"]) == 64
