"""oidc-client-ts and keycloak-js, as they come from npm, in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.demo import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.patience import PATIENCE
from tests.peers.pages_server import served
from tests.peers.provider import PASSWORD, Examined, missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def origin(exam: Examined) -> Iterator[str]:
    with served(exam) as origin:
        yield origin


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


def log_in(page: Page) -> None:
    page.click("#login")
    page.fill("#username", "alice")
    page.fill("#password", PASSWORD)
    page.click("#kc-login")


def state(page: Page, member: str) -> Any:
    """What the application shows of itself, once it shows that member."""
    expect(page.locator("#state")).to_contain_text(f'"{member}"')
    return json.loads(page.locator("#state").inner_text())[member]


def test_a_single_page_app_on_oidc_client_ts_logs_in_renews_and_logs_out(page: Page, origin: str) -> None:
    page.goto(f"{origin}/single-page-app")
    assert state(page, "loggedOut") is False
    log_in(page)
    assert state(page, "name") == "Alice Krasniqi"
    assert "code=" not in page.url
    page.click("#renew")
    assert state(page, "renewed") is True
    page.click("#logout")
    assert state(page, "loggedOut") is True


def test_an_app_on_keycloak_js_logs_in_renews_and_logs_out(page: Page, origin: str) -> None:
    page.goto(f"{origin}/keycloak-js")
    assert state(page, "loggedIn") is False
    log_in(page)
    assert state(page, "name") == "Alice Krasniqi"
    page.click("#renew")
    assert state(page, "email") == "alice@bank.example"
    page.click("#logout")
    assert state(page, "loggedIn") is False


def test_keycloak_js_notices_in_its_frame_that_the_session_ended_in_another_tab(
    page: Page, origin: str, exam: Examined
) -> None:
    page.goto(f"{origin}/keycloak-js")
    log_in(page)
    assert state(page, "loggedIn") is True
    other = page.context.new_page()
    other.goto(f"{exam.issuer}/protocol/openid-connect/logout")
    other.click("#logout-confirm button")
    expect(page.locator("#noticed")).to_have_text("logged out elsewhere")
