"""What only eyes and hands notice: contrast, room, targets, and the comfort script, in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

from idp.web.pages import STATIC
from tests.web.samples import PAGES, SAMPLES, rendered


def custom_properties(css: str) -> Iterator[dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)[:2]
    for block in (light, light + dark):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


TEXT_PAIRS = [
    ("ink", "card"), ("ink", "page"), ("ink", "tint"), ("soft", "card"), ("soft", "page"), ("soft", "tint"),
    ("accent", "card"), ("accent", "page"), ("accent", "tint"), ("accent-strong", "card"), ("on-accent", "accent"),
    ("on-accent", "accent-strong"), ("on-brand", "brand"), ("bad", "bad-tint"), ("bad", "card"), ("good", "good-tint"),
]  # fmt: skip
EDGE_PAIRS = [("edge", "card"), ("focus", "card"), ("focus", "page"), ("bad", "card")]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"), [(*pair, 4.5) for pair in TEXT_PAIRS] + [(*pair, 3.0) for pair in EDGE_PAIRS]
)
def test_colours_differ_enough_to_be_read(scheme: int, front: str, back: str, least: float) -> None:
    colours = list(custom_properties((STATIC / "hyrja.css").read_text()))[scheme]
    lighter, darker = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least


CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
ORIGIN = "https://idp.example"
TARGETS = """() => [...document.querySelectorAll('a, button, input:not([type=hidden])')]
  .filter(e => e.offsetParent && !e.closest('.client') && !e.closest('li:not(.languages li):not(.methods li)'))
  .map(e => [e.id, e.closest('label') ? 44 : e.getBoundingClientRect().height]).filter(([, height]) => height < 24)"""


def serve(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    if path in PAGES.static_files():
        body, content_type = PAGES.static_files()[path]
        if path.endswith("/form-post.js"):
            body = b""  # this page posts itself; here it has to stay and be looked at
        route.fulfill(body=body, headers={"content-type": content_type})
        return
    _, locale, number = path.split("/")
    sample = list(SAMPLES)[int(number)]
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": CSP}
    route.fulfill(body=rendered(sample, locale=locale), headers=headers)


# Chromium says so of every such frame. An application's frame is of another origin, so it escapes nothing; without its
# own origin it could not end its own session, and without a sandbox it could lead our page elsewhere.
FRAMES = "allow-scripts and allow-same-origin for its sandbox attribute"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium is installed")  # Pages are tested as HTML above; this adds what only a browser knows.
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*arguments, "--disable-component-update", "--disable-sync"]
        )
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(320, "light", "sq"), (320, "dark", "it"), (320, "light", "en"), (1280, "dark", "sq")],
)
def test_in_a_browser_every_page_fits_obeys_the_policy_and_can_be_hit(
    chromium: Browser, width: int, scheme: str, locale: str
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if FRAMES not in message.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", serve)
    for number, sample in enumerate(SAMPLES):
        page.goto(f"{ORIGIN}/{locale}/{number}")
        # WCAG 2.2, 1.4.10: at 320 px nothing is lost to the side; 2.5.8: targets are at least 24 px high.
        assert page.evaluate("document.documentElement.scrollWidth") <= width, sample
        assert page.evaluate(TARGETS) == [], sample
    assert complaints == []
    context.close()


@pytest.mark.browser
def test_in_a_browser_a_password_can_be_shown_and_is_hidden_again_when_sent(chromium: Browser) -> None:
    page = chromium.new_page()
    page.route("**/*", serve)
    page.goto(f"{ORIGIN}/sq/{list(SAMPLES).index('login')}")
    page.fill("#password", "fshehtë")
    page.click(".reveal")
    assert page.get_attribute("#password", "type") == "text"
    assert page.inner_text(".reveal") in (page.get_attribute(".reveal", "aria-label") or "")  # WCAG 2.2, 2.5.3
    page.evaluate("document.getElementById('kc-form-login').addEventListener('submit', e => e.preventDefault())")
    page.click("#kc-login")
    assert page.get_attribute("#password", "type") == "password"
    page.close()
