"""What every answer carries, and what no request can make us say (ASVS 3.3-3.5, RFC 9700 §4.11-4.16)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from idp.settings.tables import Settings
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, with_client
from tests.stories.world import BANK, NEW_PASSWORD, ORIGIN

pytestmark = pytest.mark.anyio

HTTPS = "https://login.bank.example"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}


def on_https(settings: Settings) -> Settings:
    server = msgspec.structs.replace(settings.server, base_url=HTTPS, trusted_proxies=("10.0.0.0/8",))
    return msgspec.structs.replace(settings, server=server)


@pytest.fixture
async def secure(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, settle=on_https) as town:
        yield town


def policy_of(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split(";")
    return {name: value for name, _, value in (directive.strip().partition(" ") for directive in directives)}


async def every_answer(town: Town) -> list[httpx.Response]:
    """Walk the whole journey and keep every answer of it."""
    seen: list[httpx.Response] = []
    besnik = town.besnik
    browser = await besnik.begin(town.bank)

    def keep() -> None:
        seen.extend(browser.hops)

    keep()
    await browser.submit("kc-form-login", username="nobody", password="wrong")
    keep()
    await besnik.give_password(browser)
    keep()
    await browser.press("cancel")
    keep()
    await browser.open(browser.shown.links["register-soft-token"])
    keep()
    await besnik.give_password(browser)
    keep()
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(besnik.phone))
    keep()
    besnik.secret = page.text("secret")
    await browser.submit("kc-totp-settings-form", totp=besnik.code())
    keep()
    await besnik.give_password(browser)
    keep()
    await browser.submit("kc-otp-login-form", otp=besnik.next_code())
    keep()
    await browser.submit("kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD})
    keep()
    old = browser.shown.url
    await browser.press("kc-accept")
    keep()
    await browser.press("kc-confirm")
    keep()
    await browser.open(old)
    keep()
    await browser.open(town.bank.request(redirect_uri="https://evil.example"))
    keep()
    await browser.open(f"{town.bank.issuer}/protocol/openid-connect/logout")
    keep()
    await browser.press("confirmLogout")
    keep()
    await browser.open(f"{ORIGIN}/nowhere")
    keep()
    return seen


async def test_every_answer_of_the_journey_forbids_storing_framing_and_guessing(town: Town) -> None:
    answers = await every_answer(town)
    assert len(answers) > 25
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in answer.headers, "not over plain http"
        assert "server" not in answer.headers


async def test_no_redirect_of_the_journey_can_post_credentials_again(town: Town) -> None:
    statuses = {answer.status_code for answer in await every_answer(town)}
    assert statuses & set(range(300, 400)) <= {302, 303}


async def test_the_pages_policy_allows_our_own_files_and_nothing_inline(town: Town) -> None:
    for answer in await every_answer(town):
        if answer.is_redirect:
            continue
        policy = policy_of(answer)
        for directive in ("default-src", "script-src", "style-src", "frame-ancestors"):
            assert policy[directive] == POLICY[directive], answer.url
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|javascript:", answer.text), answer.url
        for address in re.findall(r'(?:src|href)="([^"]*)"', answer.text):
            assert address.startswith(("/", ORIGIN, BANK)), address


async def test_a_logins_form_may_lead_to_its_own_client_and_nowhere_else(home: Home, tmp_path: Path) -> None:
    edit = with_client(
        redirectUris=["com.bank.app:/callback", "https://app.bank.example:8443/cb?x=1", "/small-business"]
    )
    async with opened(home, tmp_path, edit=edit) as town:
        for redirect_uri, origin in (
            ("com.bank.app:/callback", "com.bank.app:"),
            ("https://app.bank.example:8443/cb?x=1", "https://app.bank.example:8443"),
            (f"{BANK}/small-business", BANK),
        ):
            browser = town.browser()
            await browser.open(town.bank.request(redirect_uri=redirect_uri))
            assert policy_of(browser.hops[-1])["form-action"] == f"'self' {origin}"
            assert policy_of(browser.hops[-1]) == {**POLICY, "form-action": f"'self' {origin}"}
        browser = town.browser()
        page = await browser.open(f"{ORIGIN}/realms/small-business/login-actions/authenticate")
        assert page.status == 410
        assert policy_of(browser.hops[-1])["form-action"] == "'self'"


async def test_cookies_over_http_are_ours_alone_and_no_scripts(town: Town) -> None:
    browser = await town.logged_in()
    cookies = [cookie for hop in await every_answer(town) for cookie in hop.headers.get_list("set-cookie")]
    cookies += browser.hops[-1].headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "hyrja8080_browser_small-business",
        "hyrja8080_session_small-business",
        "hyrja8080_state_small-business",
    }
    for cookie in cookies:
        # Our framed page reads the state, which opens nothing.
        assert ("HttpOnly" in cookie) == ("_state_" not in cookie)
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


async def over_https(town: Town, path: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app=town.site.application, client=("10.0.0.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url=HTTPS) as http:
        return await http.get(path, headers=headers)


def request_of(town: Town, **changed: str) -> str:
    return town.bank.request(**changed).removeprefix(ORIGIN)


async def test_over_https_every_answer_demands_https_and_cookies_have_the_host_prefix(secure: Town) -> None:
    paths = (
        request_of(secure),
        "/realms/small-business/.well-known/openid-configuration",
        "/nowhere",
        "/realms/small-business/login-actions/authenticate",
        "/realms/small-business/protocol/openid-connect/logout",
    )
    for path in paths:
        answer = await over_https(secure, path)
        assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains", path
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-hyrja_"), cookie
            kept_from_scripts = set() if "_state_" in cookie else {"HttpOnly"}
            assert {"Secure", "Path=/", *kept_from_scripts} <= set(cookie.split("; "))
            assert "Domain" not in cookie
    assert len((await over_https(secure, paths[0])).headers.get_list("set-cookie")) == 1


async def test_a_whole_login_over_https_sets_a_secure_session_cookie(secure: Town) -> None:
    browser = Browser(secure.site.application, origin=HTTPS)
    await browser.open(HTTPS + request_of(secure))
    await secure.arta.log_in(browser)
    assert "code" in browser.answer
    assert browser.answer["iss"] == f"{HTTPS}/realms/small-business"
    cookie = next(c for c in browser.hops[-1].headers.get_list("set-cookie") if "session" in c)
    assert cookie.startswith("__Host-hyrja_session_small-business=")
    state = next(c for c in browser.hops[-1].headers.get_list("set-cookie") if "_state_" in c)
    assert {"Secure", "SameSite=none", "Path=/"} <= set(state.split("; "))
    assert "Secure" in cookie
    planted = Browser(secure.site.application, origin=HTTPS)
    planted.http.cookies.set("hyrja_session_small-business", cookie.split("=", 1)[1].split(";")[0])
    await planted.open(HTTPS + request_of(secure, prompt="none"))
    assert planted.answer["error"] == "login_required", "a cookie without the prefix could be a subdomain's"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8080", "", "localhost@evil.example", "127.0.0.1"]
)
async def test_an_unknown_host_is_answered_nothing(town: Town, host: str) -> None:
    browser = town.browser()
    for path in (request_of(town), "/realms/small-business/.well-known/openid-configuration", "/static/x.css"):
        answer = await browser.http.get(ORIGIN + path, headers={"host": host})
        assert answer.status_code == 421, path
        assert "evil" not in answer.text
        assert answer.headers.get_list("set-cookie") == []


async def test_forwarded_headers_change_no_address_of_ours(secure: Town) -> None:
    forged = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": "/evil",
        "x-original-url": "/evil",
        "forwarded": "host=evil.example;proto=http",
        "x-rewrite-url": "/evil",
    }
    for path in (request_of(secure), "/realms/small-business/.well-known/openid-configuration"):
        answer = await over_https(secure, path, headers=forged)
        assert "evil" not in answer.text + str(answer.headers)
        assert answer.status_code in {200, 303}


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "1.2.3.4, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.5", "not an address", "10.0.0.5"),
    ],
)
async def test_an_event_has_the_address_that_trusted_proxies_vouch_for(
    secure: Town, peer: str, header: str, expected: str
) -> None:
    """Authentik CVE-2024-47070: a malformed header must not break the check of the password either."""
    transport = httpx.ASGITransport(app=secure.site.application, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url=HTTPS) as http:
        http.headers["x-forwarded-for"] = header
        login = await http.get(request_of(secure), follow_redirects=True)
        action = login.text.split('action="')[1].split('"')[0].replace("&amp;", "&")
        page = await http.post(action, data={"username": "arta.hoxha", "password": "wrong"})
    assert page.status_code == 200
    assert (await secure.events())[0].address == expected


async def test_static_files_are_cached_for_ever_and_named_by_what_they_hold(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    address = re.findall(r'href="(/static/[^"]+\.css)"', browser.shown.html)[0]
    answer = await browser.http.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("set-cookie") == []
    assert (await browser.http.get("/static/../../master.key")).status_code == 404


async def test_the_login_pages_form_works_for_password_managers_and_pasting(town: Town) -> None:
    browser = await town.arta.begin(town.bank)
    html = browser.shown.html
    assert 'autocomplete="current-password"' in html
    assert 'autocomplete="username"' in html
    assert "onpaste" not in html


@pytest.mark.parametrize("name", [".well-known/openid-configuration", "protocol/openid-connect/certs"])
async def test_public_documents_are_the_same_by_their_short_way_as_by_the_long_one(secure: Town, name: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=secure.site.application), base_url=HTTPS) as http:
        address = f"{HTTPS}/realms/small-business/{name}"
        short = await http.get(address)
        # A body that is announced, if an empty one, is looked at by everybody on the long way.
        long = await http.get(address, headers={"content-length": "0"})
        head = await http.head(address)
    assert short.status_code == 200
    assert short.content == long.content
    assert sorted(short.headers.raw) == sorted(long.headers.raw) == sorted(head.headers.raw)
    assert short.headers["strict-transport-security"]
