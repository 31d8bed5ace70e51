"""An answer that a real browser posts (Form Post Response Mode): with scripts by itself, without them by hand."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.journeys.demo import Demo

pytestmark = pytest.mark.browser


def test_a_real_browser_posts_the_answer_by_itself_or_when_the_button_is_pressed(
    chromium: Browser, running: Demo
) -> None:
    with_scripts = chromium.new_context().new_page()
    posted = _posted(with_scripts, running)
    with_scripts.goto(_request(running))
    with_scripts.wait_for_url(f"{running.bank}/**")
    assert [answer["error"] for answer in posted] == [["login_required"]]
    assert posted[0]["state"] == ['"><b>']
    assert posted[0].pop("(origin)") == [running.idp], "a form of ours can be told from a forger's"
    assert set(posted[0]) == {"error", "error_description", "iss", "state"}

    without = chromium.new_context(java_script_enabled=False).new_page()
    posted = _posted(without, running)
    without.goto(_request(running))
    assert without.locator("#form-post-continue").is_visible()
    assert posted == []
    without.click("#form-post-continue")
    without.wait_for_url(f"{running.bank}/**")
    assert [answer["error"] for answer in posted] == [["login_required"]]


def _request(demo: Demo) -> str:
    asked = {
        "client_id": "internet-banking",
        "redirect_uri": f"{demo.bank}/small-business/callback",
        "response_type": "code",
        "response_mode": "form_post",
        "scope": "openid",
        "state": '"><b>',
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "prompt": "none",
    }
    return f"{demo.idp}/realms/small-business/protocol/openid-connect/auth?{urlencode(asked)}"


def _posted(page: Page, demo: Demo) -> list[dict[str, list[str]]]:
    """Keep what the page posts to the bank; complaints of the page's policy fail the test by what is missing here."""
    answers: list[dict[str, list[str]]] = []

    def keep(request: Request) -> None:
        if request.method == "POST" and request.url.startswith(demo.bank):
            answers.append({**parse_qs(request.post_data or ""), "(origin)": [request.headers.get("origin", "")]})

    page.on("request", keep)
    return answers
