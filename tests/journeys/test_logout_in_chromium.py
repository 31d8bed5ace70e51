"""What only a real browser shows of logouts: the framed page that compares states, and the frames before going on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from idp.web.locales import Locales
from idp.web.pages import Pages, RealmView
from tests.journeys.demo import Demo
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser
STATE = "a-state-that-stands-for-a-session"
APPLICATION = """<!DOCTYPE html><title>rp</title><script>
  let loaded;
  const ready = new Promise((done) => {{ loaded = done; }});
  async function ask(message) {{
    await ready;
    const frame = document.getElementById("op").contentWindow;
    return new Promise((done) => {{
      addEventListener("message", (event) => done([event.data, event.origin]), {{ once: true }});
      setTimeout(() => done(["silence", ""]), 180000);
      frame.postMessage(message, "{origin}");
    }});
  }}
</script><iframe id="op" src="{address}" onload="loaded()"></iframe>"""

BESIDE = """message => new Promise((done) => {
  addEventListener("message", (event) => done([event.data, event.origin]), { once: true });
  setTimeout(() => done(["silence", ""]), 180000);
  parent.document.getElementById("op").contentWindow.postMessage(message, "*");
})"""


@contextlib.contextmanager
def application(html: str) -> Iterator[str]:
    """Serve a page of an application on this machine; a page that is made up in the browser may not frame ours."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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

    def ask(message: str) -> Any:
        return page.evaluate("message => ask(message)", message)

    with application(APPLICATION.format(address=address, origin=running.idp)) as origin:
        page.goto(origin)
        ours = session_state("internet-banking", origin)
        assert ask(f"internet-banking {ours}") == ["unchanged", running.idp]
        assert ask(f"cards {ours}")[0] == "changed", "of another application"
        assert ask(f"internet-banking {session_state('internet-banking', 'https://evil.example')}")[0] == "changed"
        assert ask("internet-banking")[0] == "error"
        assert ask(f"internet-banking {ours} more")[0] == "error"
        assert ask("internet-banking some-sid")[0] == "error", "CVE-2024-1249: an origin that is not the client's"
        # Session Management §3.1: an application may ask from a frame of its own beside ours.
        page.evaluate("() => document.body.append(Object.assign(document.createElement('iframe'), { src: '/rp' }))")
        page.wait_for_function("() => frames.length === 2 && frames[1].location.pathname === '/rp' && frames[1].ask")
        (beside,) = [frame for frame in page.frames if frame.url == f"{origin}/rp"]
        assert beside.evaluate(BESIDE, f"internet-banking {ours}") == ["unchanged", running.idp]
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
    page.set_default_timeout(PATIENCE * 1000)
    for address in ("https://one.example/**", "https://two.example:8443/**", f"{running.bank}/bye**"):
        page.route(address, keep)
    headers = {"content-security-policy": policy}
    page.route(f"{running.idp}/bye", lambda route: route.fulfill(body=html, content_type="text/html", headers=headers))
    page.goto(f"{running.idp}/bye", wait_until="commit")
    page.wait_for_url(f"{running.bank}/bye?state=a%26b", wait_until="commit")
    assert sorted(seen[:2]) == ["https://one.example/out?iss=x&sid=y", "https://two.example:8443/out"]
    assert seen[2:] == [f"{running.bank}/bye?state=a%26b"]
    context.close()
