"""The phone application in a real Chromium, as a phone would have it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright
from starlette.applications import Starlette

from idp.softtoken.application import routes
from tests.examples.serving import serving
from tests.ports import free_port
from tests.softtoken.phone import ISSUER, Phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Playwright

REALMS = {"small-business": ISSUER, "sme-corporate": "Banka <b>Hyrja</b> & Bij", "plain": ""}
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}


def soft_token() -> Starlette:
    return Starlette(routes=routes(display_name=REALMS.get))


# Playwright keeps an event loop in this thread while it runs. It ends with the module, so that the asynchronous tests
# of other modules find none.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium` brings it")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the application is served: http on localhost is a secure context."""
    port = free_port()
    with serving(soft_token(), port):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def workshop(chromium: Browser, origin: str) -> Iterator[Phone]:
    """A phone for what leaves no trace: computing with the application's modules."""
    held = Phone(chromium.new_context(), f"{origin}/realms/small-business/token/")
    held.open()
    yield held
    assert held.complaints == []
    held.context.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    fresh = chromium.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    yield fresh
    fresh.close()


@pytest.fixture
def phone(context: BrowserContext, origin: str) -> Iterator[Phone]:
    """A phone with the application open; afterwards it must have had no complaint and met no other origin."""
    held = Phone(context, f"{origin}/realms/small-business/token/")
    held.open()
    yield held
    assert held.complaints == []
    assert all(address.startswith((origin, "blob:", "data:")) for address in held.requests)


@pytest.fixture
def camera_seeing(playwright: Playwright, origin: str, tmp_path: Path) -> Iterator[Callable[[Path], Phone]]:
    """A function that gives a phone whose camera sees a film."""
    opened: list[Browser] = []

    def phone_seeing(film: Path) -> Phone:
        camera = [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*SWITCHES, *camera], downloads_path=tmp_path
        )
        opened.append(browser)
        held = Phone(browser.new_context(), f"{origin}/realms/small-business/token/")
        held.open()
        return held

    yield phone_seeing
    for browser in opened:
        browser.close()
