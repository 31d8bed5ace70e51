"""What only a real browser shows of logouts: the framed page that compares states, and the frames before going on."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from idp.web.locales import Locales
from idp.web.pages import Pages, RealmView
from tests.journeys.demo import Demo

pytestmark = pytest.mark.browser
STATE = "a-state-that-stands-for-a-session"
APPLICATION = """<!DOCTYPE html><title>rp</title><iframe id="op" src="{address}"></iframe><script>
  const ready = new Promise((done) => document.getElementById("op").addEventListener("load", done));
  async function ask(message) {{
    await ready;
    const frame = document.getElementById("op").contentWindow;
    return new Promise((done) => {{
      addEventListener("message", (event) => done([event.data, event.origin]), {{ once: true }});
      frame.postMessage(message, "{origin}");
    }});
  }}
</script>"""


def session_state(client_id: str, origin: str, state: str = STATE) -> str:
    hashed = hashlib.sha256(f"{client_id} {origin} {state} salt".encode()).digest()
    return f"{base64.urlsafe_b64encode(hashed).decode().rstrip('=')}.salt"


def test_the_framed_page_tells_whether_the_state_of_the_browser_is_still_the_same(
    chromium: Browser, running: Demo
) -> None:
    context = chromium.new_context()
    name = f"hyrja{running.idp_port}_state_small-business"
    context.add_cookies([{"name": name, "value": STATE, "url": running.idp}])
    page = context.new_page()
    address = f"{running.idp}/realms/small-business/protocol/openid-connect/login-status-iframe.html"
    application = APPLICATION.format(address=address, origin=running.idp)
    page.route(f"{running.bank}/rp", lambda route: route.fulfill(body=application, content_type="text/html"))
    page.goto(f"{running.bank}/rp")

    def ask(message: str) -> Any:
        return page.evaluate("message => ask(message)", message)

    ours = session_state("internet-banking", running.bank)
    assert ask(f"internet-banking {ours}") == ["unchanged", running.idp]
    assert ask(f"cards {ours}")[0] == "changed", "of another application"
    assert ask(f"internet-banking {session_state('internet-banking', 'https://evil.example')}")[0] == "changed"
    assert ask("internet-banking")[0] == "error"
    assert ask(f"internet-banking {ours} more")[0] == "error"
    assert ask("internet-banking no-such-sid")[0] == "changed", "the session of a token, as keycloak-js asks"
    assert ask("nobody no-such-sid")[0] == "error"
    context.add_cookies([{"name": name, "value": "somebody-else", "url": running.idp}])
    assert ask(f"internet-banking {ours}")[0] == "changed"
    context.clear_cookies()
    assert ask(f"internet-banking {ours}")[0] == "changed", "logged out"
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_logged_out_page_goes_on_once_the_frames_are_loaded(
    chromium: Browser,
    running: Demo,
    scripts: bool,  # noqa: FBT001 - a table's column
) -> None:
    seen: list[str] = []

    def keep(route: Route) -> None:
        seen.append(route.request.url)
        route.fulfill(body="<title>here</title>", content_type="text/html", headers={"x-frame-options": "DENY"})

    html = Pages(locales=Locales.load()).render(
        "logged-out.html",
        locale="en",
        realm=RealmView(title="Bank"),
        heading="logged_out",
        message={"key": "logged_out", "params": {}, "kind": "success"},
        link={"href": f"{running.bank}/bye?state=a%26b", "text_key": "back_to_application"},
        frames=["https://one.example/out?iss=x&sid=y", "https://two.example:8443/out"],
        onward=f"{running.bank}/bye?state=a%26b",
    )
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; base-uri 'none'; "
        "object-src 'none'; form-action 'self'; frame-ancestors 'none'; "
        "frame-src https://one.example https://two.example:8443"
    )
    context = chromium.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.set_default_timeout(10_000)
    for address in ("https://one.example/**", "https://two.example:8443/**", f"{running.bank}/bye**"):
        page.route(address, keep)
    headers = {"content-security-policy": policy}
    page.route(f"{running.idp}/bye", lambda route: route.fulfill(body=html, content_type="text/html", headers=headers))
    page.goto(f"{running.idp}/bye", wait_until="commit")
    page.wait_for_url(f"{running.bank}/bye?state=a%26b", wait_until="commit")
    assert sorted(seen[:2]) == ["https://one.example/out?iss=x&sid=y", "https://two.example:8443/out"]
    assert seen[2:] == [f"{running.bank}/bye?state=a%26b"]
    context.close()
