"""Everybody who meets a provider: browsers, customers with their phones, and the bank's applications.

They speak to ours and, through `Place` and a subclass where it is needed, to other providers: what is asked of each is
the same.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import cycle
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pyotp

from benchmarks.deployment import BANKING, CALLBACKS, REALM, ROBOTS, Customer
from benchmarks.wire import Answer, Journey, UnexpectedAnswerError, expect, get, post
from idp.model.struct import Frozen

PASSWORD = "një fjalëkalim i mirë 2026"

KNOWN = 16
"""Browsers that are logged in. They take turns, as people do: requests of one session at once are a race for it."""

_VERIFIER = "v" * 64
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()
_ACTION = re.compile(rb'action="([^"]+)"')
_REDIRECTS = (302, 303)


class Place(Frozen, frozen=True, kw_only=True):
    """Where a provider has its endpoints: paths."""

    discovery: str
    jwks: str
    authorization: str
    token: str
    introspection: str
    userinfo: str


def _keycloaks(realm: str) -> Place:
    issuer = f"/realms/{realm}"
    protocol = f"{issuer}/protocol/openid-connect"
    return Place(
        discovery=f"{issuer}/.well-known/openid-configuration",
        jwks=f"{protocol}/certs",
        authorization=f"{protocol}/auth",
        token=f"{protocol}/token",
        introspection=f"{protocol}/token/introspect",
        userinfo=f"{protocol}/userinfo",
    )


KEYCLOAKS = _keycloaks(REALM)
"""Keycloak's addresses, which are ours too."""


class Tokens(Frozen, frozen=True, kw_only=True):
    """What an application holds after the exchange."""

    access: str
    refresh: str


class Browser:
    """One browser with its own cookies."""

    def __init__(self, host: str, cookies: Mapping[str, str] = {}) -> None:
        self.host = host
        self._cookies = dict(cookies)
        self._action = ""

    def open(self, address: str) -> bytes:
        """Return the request for an address or a path."""
        return get(self.host, _path(address), self._headers())

    def submit(self, form: Mapping[str, str]) -> bytes:
        """Return the request that posts the form of the page that was shown last."""
        return post(self.host, _path(self._action), form, self._headers())

    def seen(self, answer: Answer) -> Answer:
        """Take in an answer: its cookies, and its form."""
        self._cookies.update(answer.cookies)
        if found := _ACTION.search(answer.body):
            self._action = html.unescape(found[1].decode())
        return answer

    def led(self, request: bytes) -> Generator[bytes, Answer, Answer]:
        """Send a request and follow redirects within the provider; return the page, or the redirect that leaves it."""
        answer = self.seen((yield request))
        while answer.status in _REDIRECTS and urlsplit(answer.location).netloc in ("", self.host):
            answer = self.seen((yield self.open(answer.location)))
        return answer

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"accept-language": "sq", "cookie": cookies} if cookies else {"accept-language": "sq"}


class Bank:
    """The measured realm, as its customers and applications see it."""

    def __init__(
        self, host: str, people: Sequence[Customer], secrets: Mapping[str, str], *, place: Place = KEYCLOAKS
    ) -> None:
        self.host = host
        self.place = place
        self._known = [Browser(host) for _ in range(KNOWN)]
        self._turns = cycle(self._known)
        self._people = iter(people)
        self._secrets = secrets

    def someone(self) -> Customer:
        """Return a customer who has not logged in yet: a code of a soft token is accepted once."""
        return next(self._people)

    def first_logins(self) -> list[Journey]:
        """Log the known browsers in: from then on, single sign-on answers them."""
        return [self.first_login(browser, self.someone()) for browser in self._known]

    def first_login(self, browser: Browser, customer: Customer) -> Journey:
        """Log one of them in."""
        yield from self.login(browser, customer, [])

    def login(self, browser: Browser, customer: Customer, codes: list[str]) -> Journey:
        """From the application's request to its code, which is put into `codes`."""
        yield from self.opened(browser)
        yield from self.password_given(browser, customer)
        yield from self.code_given(browser, customer, codes)

    def whole(self, browser: Browser, customer: Customer) -> Journey:
        """From the application's request to its tokens."""
        codes: list[str] = []
        yield from self.login(browser, customer, codes)
        yield from self.redeemed(codes[0], [])

    def opened(self, browser: Browser) -> Journey:
        """Open a login and see its page."""
        _asks_for("password", (yield from browser.led(browser.open(self.request(BANKING)))))

    def password_given(self, browser: Browser, customer: Customer) -> Journey:
        """Give user name and password, and see the page that asks for the soft token's code."""
        form = {"username": customer.username, "password": PASSWORD}
        _asks_for("otp", (yield from browser.led(browser.submit(form))))

    def code_given(self, browser: Browser, customer: Customer, codes: list[str]) -> Journey:
        """Give the code of the soft token, and be sent to the application."""
        codes.append(code_of((yield from browser.led(browser.submit({"otp": pyotp.TOTP(customer.seed).now()})))))

    def one_token(self, settle: Callable[[Sequence[Journey]], None]) -> str:
        """Return an access token of a known browser's customer."""
        codes: list[str] = []
        tokens: list[Tokens] = []
        settle([self.single_sign_on(BANKING, codes)])
        settle([self.redeemed(codes[0], tokens)])
        return tokens[0].access

    def request(self, client: str) -> str:
        """Return the path of an application's authorization request."""
        parameters = {
            "client_id": client,
            "redirect_uri": CALLBACKS[client],
            "response_type": "code",
            "scope": "openid profile email",
            "state": "qkXb8cY2dTg5v7nR",
            "nonce": "n0S6WzA2MjEkd91x",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.place.authorization}?{urlencode(parameters)}"

    def single_sign_on(self, client: str, codes: list[str]) -> Journey:
        """Get a code for a known browser without asking anything; it is put into `codes`."""
        browser = next(self._turns)
        codes.append(code_of((yield from browser.led(browser.open(self.request(client))))))

    def redeemed(self, code: str, tokens: list[Tokens]) -> Journey:
        """Exchange a code; what it is worth is put into `tokens`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACKS[BANKING],
            "code_verifier": _VERIFIER,
        }
        tokens.append(_tokens((yield self.back_channel(self.place.token, form))))

    def refreshed(self, held: Tokens) -> Journey:
        """Exchange a refresh token for its successor."""
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh}
        if _tokens((yield self.back_channel(self.place.token, form))).refresh == held.refresh:
            raise UnexpectedAnswerError("The refresh token was not rotated.")

    def asked_who(self, access: str) -> Journey:
        """Ask for the user's claims."""
        answer = yield get(self.host, self.place.userinfo, {"authorization": f"Bearer {access}"})
        if not json.loads(expect(answer, 200).body)["sub"]:
            raise UnexpectedAnswerError("The claims are nobody's.")

    def introspected(self, access: str) -> Journey:
        """Ask whether an access token counts."""
        answer = yield self.back_channel(self.place.introspection, {"token": access})
        if not json.loads(expect(answer, 200).body)["active"]:
            raise UnexpectedAnswerError("The token is not active.")

    def own_token(self, algorithm: str) -> Journey:
        """Get an application's own token."""
        form = {"grant_type": "client_credentials"}
        answer = yield self.back_channel(self.place.token, form, ROBOTS[algorithm])
        token = json.loads(expect(answer, 200).body)["access_token"]
        if (signed := _signed_with(token)) != algorithm:
            raise UnexpectedAnswerError(f"The token is signed with {signed}.")

    def fetched(self, path: str) -> Journey:
        """Get a public document."""
        expect((yield get(self.host, path)), 200)

    def back_channel(self, path: str, form: Mapping[str, str], client: str = BANKING) -> bytes:
        """Return a request of an application, which proves itself by its secret."""
        credentials = f"{quote_plus(client)}:{quote_plus(self._secrets[client])}"
        basic = base64.b64encode(credentials.encode()).decode()
        return post(self.host, path, form, {"authorization": f"Basic {basic}"})


def code_of(answer: Answer) -> str:
    """Return the authorization code that a redirect carries to the application."""
    codes = parse_qs(urlsplit(answer.location).query).get("code")
    if not codes:
        raise UnexpectedAnswerError(f"No code: {answer.status} {answer.location} {answer.body[:400]!r}")
    return codes[0]


def _asks_for(field: str, page: Answer) -> None:
    if f'name="{field}"'.encode() not in expect(page, 200).body:
        raise UnexpectedAnswerError(f"The page does not ask for “{field}”: {page.body[:400]!r}")


def _tokens(answer: Answer) -> Tokens:
    content = json.loads(expect(answer, 200).body)
    return Tokens(access=content["access_token"], refresh=content["refresh_token"])


def _signed_with(token: str) -> str:
    """Return the algorithm of a JWT (RFC 7515 §4.1.1)."""
    header, dot, _ = token.partition(".")
    if not dot:
        raise UnexpectedAnswerError("The token is no JWT.")
    algorithm: str = json.loads(base64.urlsafe_b64decode(header + "=="))["alg"]
    return algorithm


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
