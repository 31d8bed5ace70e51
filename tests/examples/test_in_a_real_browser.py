"""The bank in Chromium: what only a browser enforces (cookies, CSP, form-action on redirects) and lays out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.examples.conftest import Bank
    from tests.examples.little_provider import LittleProvider

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser wrote on its console: violations of the policy, resources that are missing."""
    return []


@pytest.fixture(params=[(390, 844), (320, 640), (1280, 800)], ids=["phone", "tiny", "wide"])
def page(chromium: Browser, complaints: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    context.close()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def all_targets_are_large_enough(page: Page) -> bool:
    """WCAG 2.2 SC 2.5.8: 24 by 24 CSS pixels (what is for screen readers only is one pixel)."""
    return bool(
        page.evaluate(
            """[...document.querySelectorAll("a, button")].map(one => one.getBoundingClientRect())
               .every(box => box.width <= 1 || (box.width >= 24 && box.height >= 24))"""
        )
    )


@pytest.mark.parametrize("language", ["sq", "en", "it"])
def test_the_whole_visit_from_hyr_to_logout(
    page: Page, bank: Bank, provider: LittleProvider, complaints: list[str], language: str
) -> None:
    page.goto(f"{bank.url}/?lang={language}")
    visited = [fits(page) and all_targets_are_large_enough(page)]
    for step, arrived in (
        ("hyr-small-business", "/small-business/home"),
        ("cards", "/small-business/cards"),
        ("received", "/small-business/received"),
        ("refresh", "/small-business/received?notice=refreshed"),
        ("logout", "/?state=*"),
    ):
        page.click(f"#{step}")
        page.wait_for_url(bank.url + arrived)
        visited.append(fits(page) and all_targets_are_large_enough(page))

    assert page.is_visible("#notice")
    assert visited == [True] * 6
    assert (provider.logins_asked, provider.refreshes, len(provider.logouts)) == (1, 1, 1)
    assert complaints == []


def test_going_back_after_the_logout_shows_no_account(page: Page, bank: Bank) -> None:
    page.goto(f"{bank.url}/small-business/login")
    page.click("#logout")
    page.wait_for_url("**/?state=*")

    page.go_back()

    assert page.query_selector(".balance") is None
