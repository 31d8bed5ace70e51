"""Everybody who meets the provider: browsers, customers with their phones, and the bank's two applications."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pyotp

from benchmarks.deployment import REALM, ROBOTS, Customer, Deployment
from benchmarks.wire import Answer, Journey, UnexpectedAnswerError, expect, get, post
from idp.model.struct import Frozen

PASSWORD = "një fjalëkalim i mirë 2026"
BANKING, CARDS = "internet-banking", "cards"
ISSUER_PATH = f"/realms/{REALM}"
PROTOCOL = f"{ISSUER_PATH}/protocol/openid-connect"

_CALLBACKS = {
    BANKING: f"http://localhost:8090/{REALM}/callback",
    CARDS: f"http://localhost:8090/{REALM}/cards/callback",
}
_VERIFIER = "v" * 64
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()
_ACTION = re.compile(rb'action="([^"]+)"')


class Tokens(Frozen, frozen=True, kw_only=True):
    """What an application holds after the exchange."""

    access: str
    refresh: str


class Browser:
    """One browser with its own cookies."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._cookies: dict[str, str] = {}
        self._action = ""

    def open(self, address: str) -> bytes:
        """Return the request for an address or a path."""
        return get(self._host, _path(address), self._headers())

    def submit(self, form: dict[str, str]) -> bytes:
        """Return the request that posts the form of the page that was shown last."""
        return post(self._host, _path(self._action), form, self._headers())

    def seen(self, answer: Answer, status: int) -> Answer:
        """Take in an answer: its cookies, and its form."""
        expect(answer, status)
        self._cookies.update(answer.cookies)
        if found := _ACTION.search(answer.body):
            self._action = html.unescape(found[1].decode())
        return answer

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"accept-language": "sq", "cookie": cookies} if cookies else {"accept-language": "sq"}


class Bank:
    """The measured realm, as its customers and applications see it."""

    def __init__(self, deployment: Deployment, people: Sequence[Customer]) -> None:
        self.host = deployment.host
        self.known = Browser(self.host)
        """A browser that has logged in (once `first_login` was driven): single sign-on answers it."""
        self._people = iter(people)
        self._secrets = {client: deployment.client_secret(client) for client in (*_CALLBACKS, *ROBOTS.values())}

    def someone(self) -> Customer:
        """Return a customer who has not logged in yet: a code of a soft token is accepted once."""
        return next(self._people)

    def first_login(self) -> Journey:
        """Log the known browser in."""
        return self.login(self.known, self.someone())

    def login(self, browser: Browser, customer: Customer) -> Journey:
        """From the application's request to its code: five requests."""
        yield from self.opened(browser)
        yield from self.password_given(browser, customer)
        yield from self.code_given(browser, customer)

    def opened(self, browser: Browser) -> Journey:
        """Open a login and see its page."""
        answer = browser.seen((yield browser.open(self.request(BANKING))), 303)
        browser.seen((yield browser.open(answer.location)), 200)

    def password_given(self, browser: Browser, customer: Customer) -> Journey:
        """Give user name and password, and see the verification page."""
        answer = browser.seen((yield browser.submit({"username": customer.username, "password": PASSWORD})), 302)
        browser.seen((yield browser.open(answer.location)), 200)

    def code_given(self, browser: Browser, customer: Customer) -> Journey:
        """Give the code of the soft token, and be sent to the application."""
        answer = browser.seen((yield browser.submit({"otp": pyotp.TOTP(customer.seed).now()})), 302)
        code_of(answer)

    def request(self, client: str) -> str:
        """Return the path of an application's authorization request."""
        parameters = {
            "client_id": client,
            "redirect_uri": _CALLBACKS[client],
            "response_type": "code",
            "scope": "openid profile email",
            "state": "qkXb8cY2dTg5v7nR",
            "nonce": "n0S6WzA2MjEkd91x",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{PROTOCOL}/auth?{urlencode(parameters)}"

    def single_sign_on(self, client: str, codes: list[str]) -> Journey:
        """Get a code for the known browser without asking anything; it is put into `codes`."""
        codes.append(code_of(self.known.seen((yield self.known.open(self.request(client))), 303)))

    def redeemed(self, code: str, tokens: list[Tokens]) -> Journey:
        """Exchange a code; what it is worth is put into `tokens`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _CALLBACKS[BANKING],
            "code_verifier": _VERIFIER,
        }
        answer = yield self._back_channel("token", form)
        tokens.append(_tokens(answer))

    def refreshed(self, held: Tokens) -> Journey:
        """Exchange a refresh token for its successor."""
        answer = yield self._back_channel("token", {"grant_type": "refresh_token", "refresh_token": held.refresh})
        if _tokens(answer).refresh == held.refresh:
            raise UnexpectedAnswerError("The refresh token was not rotated.")

    def asked_who(self, held: Tokens) -> Journey:
        """Ask for the user's claims."""
        expect((yield get(self.host, f"{PROTOCOL}/userinfo", {"authorization": f"Bearer {held.access}"})), 200)

    def introspected(self, held: Tokens) -> Journey:
        """Ask whether an access token counts."""
        answer = yield self._back_channel("token/introspect", {"token": held.access})
        if not json.loads(expect(answer, 200).body)["active"]:
            raise UnexpectedAnswerError("The token is not active.")

    def own_token(self, algorithm: str) -> Journey:
        """Get an application's own token."""
        client = ROBOTS[algorithm]
        answer = yield self._back_channel("token", {"grant_type": "client_credentials"}, client)
        expect(answer, 200)

    def fetched(self, path: str) -> Journey:
        """Get a public document."""
        expect((yield get(self.host, path)), 200)

    def _back_channel(self, suffix: str, form: dict[str, str], client: str = BANKING) -> bytes:
        credentials = f"{quote_plus(client)}:{quote_plus(self._secrets[client])}"
        basic = base64.b64encode(credentials.encode()).decode()
        return post(self.host, f"{PROTOCOL}/{suffix}", form, {"authorization": f"Basic {basic}"})


def code_of(answer: Answer) -> str:
    """Return the authorization code that a redirect carries to the application."""
    codes = parse_qs(urlsplit(answer.location).query).get("code")
    if not codes:
        raise UnexpectedAnswerError(f"No code: {answer.location}")
    return codes[0]


def _tokens(answer: Answer) -> Tokens:
    content = json.loads(expect(answer, 200).body)
    return Tokens(access=content["access_token"], refresh=content["refresh_token"])


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
