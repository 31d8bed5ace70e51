"""Logouts that reach the applications: from us to them, through the browser, and by watching the browser."""

from __future__ import annotations

import contextlib
import hashlib
import html
import threading
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from idp.settings.tables import Outbound, Settings
from tests.oidc.harness import payload
from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened
from tests.stories.world import BANK

pytestmark = pytest.mark.anyio
STATE = "hyrja8080_state_small-business"
FRONT = {"internet-banking": "https://bank.example/front?of=bank", "cards": "https://cards.example:8443/front"}


@contextlib.contextmanager
def application() -> Iterator[tuple[str, list[str]]]:
    """Serve an application's back channel on this machine; yield its address and the tokens that came."""
    tokens: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            tokens.extend(parse_qs(body.decode())["logout_token"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/backchannel", tokens
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def heard_at(address: str) -> Any:
    def edit(document: dict[str, Any]) -> None:
        for client in document["clients"]:
            client["attributes"] |= {"backchannel.logout.url": address, "backchannel.logout.session.required": "true"}

    return edit


def framed(document: dict[str, Any]) -> None:
    for client in document["clients"]:
        if client["clientId"] in FRONT:
            client["frontchannelLogout"] = True
            client["attributes"]["frontchannel.logout.url"] = FRONT[client["clientId"]]


def loopback(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, outbound=Outbound(allow_loopback=True))


@pytest.fixture
async def framing(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=framed) as town:
        yield town


async def log_out(town: Town, browser: Browser, **parameters: str) -> Page:
    return await browser.open(f"{town.bank.issuer}/protocol/openid-connect/logout?{urlencode(parameters)}")


async def at_both(town: Town) -> tuple[Browser, str]:
    """Return a browser that is logged in at two applications, and the ID token of the first."""
    browser = await town.logged_in()
    hint = (await town.bank.redeem(browser.answer["code"])).json()["id_token"]
    await browser.open(town.cards.request())
    return browser, hint


async def test_the_applications_know_before_the_browser_is_back(home: Home, tmp_path: Path) -> None:
    with application() as (address, tokens):
        async with opened(home, tmp_path, edit=heard_at(address), settle=loopback) as town:
            browser, hint = await at_both(town)
            sid = browser.sid
            await log_out(town, browser, id_token_hint=hint, post_logout_redirect_uri=f"{BANK}/")
            assert browser.arrived == f"{BANK}/"
            claims = [payload(token) for token in tokens]
            assert {(claim["aud"], claim["sid"]) for claim in claims} == {("internet-banking", sid), ("cards", sid)}
            await browser.open(town.bank.request(prompt="none"))
            assert browser.answer["error"] == "login_required"
            assert (await town.event_types()).count("LOGOUT_DELIVERED") == 2


async def test_the_second_user_of_a_browser_logs_the_first_out_of_the_applications(home: Home, tmp_path: Path) -> None:
    with application() as (address, tokens):
        async with opened(home, tmp_path, edit=heard_at(address), settle=loopback) as town:
            browser = await town.logged_in()
            sid, besnik = browser.sid, town.besnik
            other = town.browser()
            await other.open(town.bank.request())
            await besnik.register(other)
            await browser.open(town.bank.request(prompt="login"))
            await besnik.give_password(browser)
            await browser.submit("kc-otp-login-form", otp=besnik.next_code())
            await besnik.first_access(browser)
            assert [payload(token)["sid"] for token in tokens] == [sid]


async def test_frames_tell_the_applications_and_then_the_page_goes_on(framing: Town) -> None:
    browser, hint = await at_both(framing)
    sid = browser.sid
    page = await log_out(framing, browser, id_token_hint=hint, post_logout_redirect_uri=f"{BANK}/", state="a&b")
    assert page.status == 200
    query = urlencode({"iss": framing.bank.issuer, "sid": sid})
    for address in (f"{FRONT['internet-banking']}&{query}", f"{FRONT['cards']}?{query}"):
        assert f'<iframe src="{html.escape(address)}"' in page.html
    assert "frame-src https://bank.example https://cards.example:8443" in page.headers["content-security-policy"]
    onward = html.escape(f"{BANK}/?state=a%26b")
    assert f'<meta http-equiv="refresh" content="0;url={onward}">' in page.html
    assert page.links["info-link"] == f"{BANK}/?state=a%26b"
    assert STATE not in browser.http.cookies


async def test_without_a_return_address_the_frames_stand_on_the_logged_out_page(framing: Town) -> None:
    browser, hint = await at_both(framing)
    page = await log_out(framing, browser, id_token_hint=hint)
    assert page.html.count("<iframe") == 2
    assert page.html.count('sandbox="allow-same-origin allow-scripts"') == 2, "no frame leads the page elsewhere"
    assert "http-equiv" not in page.html
    assert page.text("info-message")
    page = await log_out(framing, browser, id_token_hint=hint)
    assert "<iframe" not in page.html, "nothing has ended"
    assert "frame-src" not in page.headers["content-security-policy"]


async def test_the_state_of_the_browser_is_what_the_answers_were_made_of(town: Town) -> None:
    browser = await town.logged_in()
    state = browser.http.cookies[STATE]
    await browser.open(town.cards.request())
    for _ in range(2):
        assert browser.http.cookies[STATE] == state, "single sign-on changes nothing"
        hashed, salt = browser.answer["session_state"].split(".")
        text = f"cards {BANK} {state} {salt}"
        assert hashed == urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        await browser.open(town.cards.request(prompt="none"))
    elsewhere = town.browser()
    town.clock.advance(30)
    await elsewhere.open(town.bank.request())
    await town.arta.log_in(elsewhere)
    assert elsewhere.http.cookies[STATE] != state, "another session"


async def test_a_browser_that_lost_the_state_gets_it_back_with_the_next_answer(town: Town) -> None:
    browser = await town.logged_in()
    state = browser.http.cookies[STATE]
    del browser.http.cookies[STATE]
    await browser.open(town.bank.request(prompt="none"))
    assert browser.http.cookies[STATE] == state


HINT, RETURN = "id_token_hint", "post_logout_redirect_uri"
ERRORS: dict[str, tuple[str, dict[str, str]]] = {
    "an altered hint": (HINT, {HINT: "altered", RETURN: f"{BANK}/"}),
    "a hint of somebody else": (HINT, {HINT: "foreign", RETURN: f"{BANK}/"}),
    "a hint that is no token": (HINT, {HINT: "nonsense", RETURN: f"{BANK}/"}),
    "an address that is not registered": (RETURN, {HINT: "good", RETURN: f"{BANK}/other"}),
    "an address with a query": (RETURN, {HINT: "good", RETURN: f"{BANK}/?a=b"}),
    "an address without a hint": (RETURN, {RETURN: f"{BANK}/", "state": "s"}),
}
CONFIRMED: dict[str, dict[str, str]] = {
    "no parameters": {},
    "only state": {"state": "s"},
    "no hint, no address": {"client_id": "internet-banking"},
}


@pytest.mark.parametrize("situation", ERRORS)
async def test_what_proves_nothing_is_an_error_page_that_names_the_parameter(town: Town, situation: str) -> None:
    browser = await town.logged_in()
    hint = (await town.bank.redeem(browser.answer["code"])).json()["id_token"]
    head, body, signature = hint.split(".")
    texts = {"good": hint, "altered": f"{head}.{body[:-2]}AA.{signature}", "foreign": f"{head}.{body}.{'A' * 86}"}
    at_fault, given = ERRORS[situation]
    parameters = {name: texts.get(value, value) for name, value in given.items()}
    page = await log_out(town, browser, **parameters)
    assert page.status == 400
    assert at_fault in page.text("error-message")
    await browser.open(town.bank.request(prompt="none"))
    assert "code" in browser.answer, "nobody is logged out"


@pytest.mark.parametrize("situation", CONFIRMED)
async def test_what_asks_for_nothing_in_particular_is_confirmed_on_a_page(town: Town, situation: str) -> None:
    browser = await town.logged_in()
    page = await log_out(town, browser, **CONFIRMED[situation])
    assert "logout-confirm" in page.forms
    page = await browser.press("confirmLogout")
    assert page.text("info-message")
    assert not urlsplit(page.url).query
    await browser.open(town.bank.request(prompt="none"))
    assert browser.answer["error"] == "login_required"


async def test_no_state_and_no_address_need_no_confirmation_with_a_hint(town: Town) -> None:
    browser = await town.logged_in()
    hint = (await town.bank.redeem(browser.answer["code"])).json()["id_token"]
    page = await log_out(town, browser, id_token_hint=hint)
    assert page.text("info-message")
    browser = await town.arta.begin(town.bank)
    town.clock.advance(30)
    await town.arta.log_in(browser)
    hint = (await town.bank.redeem(browser.answer["code"])).json()["id_token"]
    await log_out(town, browser, id_token_hint=hint, post_logout_redirect_uri=f"{BANK}/")
    assert browser.arrived == f"{BANK}/"
