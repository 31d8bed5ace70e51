"""A customer who lives through faults, and remembers what was acknowledged to them and what was left in doubt.

What was acknowledged must be there afterwards, what was in doubt may be or not be, and neither may happen twice.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pyotp

from tests.cli.deployment import REALM, Deployment
from tests.faults.answers import GONE_WRONG, BrokenPromiseError, ForgottenError, ToldToComeAgainError, judged
from tests.patience import PATIENCE
from tests.stories.browser import Browser, Page

PERIOD = 6
"""Seconds of a code's step: short, for the tests wait for the next one in real time."""
PASSWORD = "një fjalëkalim i ri 2026"

_CALLBACK = f"http://localhost:8090/{REALM}/callback"
_VERIFIER = "v" * 64
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Application:
    """The bank's application: redeems codes, refreshes tokens."""

    def __init__(self, origin: str, secret: str, *, remembered: bool = True) -> None:
        """`remembered`: no fault makes the provider forget which codes were redeemed."""
        self.remembered = remembered
        self.issuer = f"{origin}/realms/{REALM}"
        self._http = httpx.AsyncClient(
            auth=("internet-banking", secret), timeout=PATIENCE, headers={"connection": "close"}, trust_env=False
        )
        self._http.event_hooks = {"response": [judged]}

    def request(self, **more: str) -> str:
        """Return an authorization request."""
        parameters = {
            "client_id": "internet-banking",
            "redirect_uri": _CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        return f"{self.issuer}/protocol/openid-connect/auth?{urlencode(parameters)}"

    async def redeem(self, code: str) -> httpx.Response:
        """Exchange a code."""
        return await self._token(
            grant_type="authorization_code", code=code, redirect_uri=_CALLBACK, code_verifier=_VERIFIER
        )

    async def refresh(self, token: str) -> httpx.Response:
        """Exchange a refresh token."""
        return await self._token(grant_type="refresh_token", refresh_token=token)

    async def _token(self, **form: str) -> httpx.Response:
        return await self._http.post(f"{self.issuer}/protocol/openid-connect/token", data=form)


class Customer:
    """Logs in, redeems, refreshes; and afterwards holds the provider to what it said."""

    def __init__(self, username: str, seed: str, *, application: Application, browser: Callable[[], Browser]) -> None:
        self.username = username
        self.seed = seed
        self.application = application
        self._unwatched = browser
        self._sent = 0  # the last step whose code was given, whatever became of it
        self._accepted: str | None = None
        self._unanswered: str | None = None
        self._code: str | None = None
        self._redeeming: str | None = None
        self._redeemed: str | None = None
        self._refresh: str | None = None
        self._refreshing: str | None = None
        self._rotated: str | None = None
        self._session: Browser | None = None
        self.logins = 0
        self.doubts = 0

    async def live(self, over: asyncio.Event | None = None, *more: type[Exception]) -> None:
        """Live until something goes wrong, as it may; whatever was cut off or refused stays in doubt."""
        with contextlib.suppress(*GONE_WRONG, *more):
            await self.live_unharmed(over or asyncio.Event())

    async def live_unharmed(self, over: asyncio.Event) -> None:
        """Refresh, and log in with each new code of the token, until it is over; nothing may go wrong."""
        while not over.is_set():
            if _step() > self._sent or self._refresh is None:
                await self.log_in()
                await self.redeem()
            await self.refresh()

    def _new_browser(self) -> Browser:
        browser = self._unwatched()
        browser.http.event_hooks = {"response": [judged]}
        return browser

    async def log_in(self) -> None:
        """From the application's request to its code, by password and token."""
        browser = self._new_browser()
        page = await browser.open(self.application.request(prompt="login"))
        page = await self.answered(browser, page, "kc-form-login", username=self.username, password=PASSWORD)
        await self.give_code(browser, page)
        if not browser.has_left:
            raise BrokenPromiseError(f"{self.username} cannot log in: {browser.shown.message}")
        self.logins += 1
        self._code, self._session = browser.answer["code"], browser

    async def is_kept_out(self) -> None:
        """Try to log in, which cannot be."""
        try:
            await self.log_in()
        except ToldToComeAgainError:
            return
        raise BrokenPromiseError(f"{self.username} was let in although nothing could be checked")

    async def answered(self, browser: Browser, page: Page, form: str, **fields: str) -> Page:
        """Answer a form that must be there."""
        if form not in page.forms:
            raise BrokenPromiseError(
                f"{self.username}: no {form}, but {page.status} {list(page.forms)}: {page.message}"
            )
        return await browser.submit(form, fields)

    async def give_code(self, browser: Browser, page: Page) -> None:
        """Wait for a code that was not given yet, and give it."""
        await asyncio.sleep(max(0.0, (self._sent + 1) * PERIOD - _now()))
        self._sent = step = _step()
        self._unanswered = code = pyotp.TOTP(self.seed, interval=PERIOD).at(step * PERIOD)
        await self.answered(browser, page, "kc-otp-login-form", otp=code)
        self._unanswered, self._accepted = None, code if browser.has_left else None

    async def redeem(self) -> None:
        """Exchange the code that was handed out."""
        assert self._code is not None
        code, self._code = self._code, None
        self._redeeming = code
        response = await self.application.redeem(code)
        self._redeeming = None
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise ForgottenError(f"{self.username}: a code that was handed out: {response.text}")
        self._held("a code that was handed out", response, {httpx.codes.OK})
        self._redeemed, self._refresh, self._rotated = code, response.json()["refresh_token"], None

    async def refresh(self) -> None:
        """Exchange the refresh token for its successor."""
        assert self._refresh is not None
        token, self._refresh = self._refresh, None
        self._refreshing = token
        response = await self.application.refresh(token)
        self._refreshing = None
        self._held("a refresh token that was handed out", response, {httpx.codes.OK})
        self._refresh, self._rotated = response.json()["refresh_token"], token

    async def check(self) -> None:
        """Hold the provider to everything it said before the fault; then log in."""
        self.doubts += sum(one is not None for one in (self._unanswered, self._redeeming, self._refreshing))
        await self._session_is_there()
        await self._codes_of_the_token_are_used_once()
        await self._code_is_redeemed_once()
        await self._refresh_token_is_rotated_once()
        await self.log_in()
        await self.redeem()

    async def _session_is_there(self) -> None:
        if self._session is None:
            return
        browser = self._session.tab()
        await browser.open(self.application.request(prompt="none"))
        if not browser.has_left or "code" not in browser.answer:
            raise BrokenPromiseError(f"{self.username}: a session that was acknowledged is gone")

    async def _codes_of_the_token_are_used_once(self) -> None:
        given = self._accepted or self._unanswered
        if given is None:
            return
        accepted = [await self._is_accepted(given), await self._is_accepted(given)]
        if accepted != [False, False] and (self._accepted is not None or accepted != [True, False]):
            raise BrokenPromiseError(f"{self.username}: a code of a soft token was accepted twice")
        self._accepted = self._unanswered = None

    async def _is_accepted(self, code: str) -> bool:
        browser = self._new_browser()
        page = await browser.open(self.application.request(prompt="login"))
        page = await self.answered(browser, page, "kc-form-login", username=self.username, password=PASSWORD)
        await self.answered(browser, page, "kc-otp-login-form", otp=code)
        return browser.has_left

    async def _code_is_redeemed_once(self) -> None:
        if self._code is not None:
            await self.redeem()
        if self._redeeming is not None:
            self._held("a code in doubt", await self.application.redeem(self._redeeming), {200, 400})
            self._held("a code that was redeemed", await self.application.redeem(self._redeeming), {400})
            self._redeeming = self._refresh = None

    async def _refresh_token_is_rotated_once(self) -> None:
        if self._refreshing is not None:
            answer = await self.application.refresh(self._refreshing)
            self._held("a refresh token in doubt", answer, {200, 400})
            self._refresh, self._rotated = answer.json().get("refresh_token"), self._refreshing
            await self._something_is_used_again()
        elif self._refresh is not None:
            await self.refresh()
            await self._something_is_used_again()
        if self._refresh is not None:
            self._held("what follows something reused", await self.application.refresh(self._refresh), {400})
        if self._redeemed is not None:
            self._held("a code that was redeemed", await self.application.redeem(self._redeemed), {400})
        self._refreshing = self._refresh = self._redeemed = None

    async def _something_is_used_again(self) -> None:
        """Use the code from which everything came (RFC 6749 §4.1.2), or a refresh token (RFC 9700 §4.14.2), again."""
        if self._redeemed is not None and self.application.remembered and secrets.randbelow(2):
            self._held("a code that was redeemed", await self.application.redeem(self._redeemed), {400})
        else:
            assert self._rotated is not None
            self._held("a refresh token that was used", await self.application.refresh(self._rotated), {400})

    def _held(self, what: str, response: httpx.Response, expected: set[int]) -> None:
        if response.status_code not in expected:
            raise BrokenPromiseError(f"{self.username}: {what} is answered by {response.status_code}: {response.text}")


class Newcomer(Customer):
    """Somebody who enrols a soft token first, by a code on their phone."""

    def __init__(self, username: str, phone: str, *, application: Application, deployment: Deployment) -> None:
        super().__init__(username, "", application=application, browser=deployment.browser)
        self._phone = phone
        self._deployment = deployment
        self._confirming = ""

    async def live_unharmed(self, over: asyncio.Event) -> None:
        """Enrol, and from then on live like everybody."""
        if not self.seed:
            await self.enrol()
        await super().live_unharmed(over)

    async def enrol(self) -> None:
        """By the link of the login page: password, the code of the message, the QR code, its first code."""
        browser = self._new_browser()
        page = await browser.open(self.application.request(prompt="login"))
        page = await browser.open(page.links["register-soft-token"])
        page = await self.answered(browser, page, "kc-form-login", username=self.username, password=PASSWORD)
        code = self._deployment.messages(self._phone)[-1].rsplit("#", 1)[1]
        page = await self.answered(browser, page, "sms-otp-form", code=code)
        self._confirming = page.text("secret")
        await asyncio.sleep(max(0.0, (self._sent + 1) * PERIOD - _now()))
        self._sent = _step()
        first = pyotp.TOTP(self._confirming, interval=PERIOD).at(self._sent * PERIOD)
        page = await self.answered(browser, page, "kc-totp-settings-form", totp=first)
        if "kc-form-login" not in page.forms:
            raise BrokenPromiseError(f"{self.username} cannot enrol: {page.message}")
        self.seed, self._confirming = self._confirming, ""

    async def check(self) -> None:
        """A token that was confirmed is there; one in doubt is there or not; and nobody is kept from enrolling."""
        if not self.seed and self._confirming and await self._has_a_token():
            self.seed = self._confirming
        if not self.seed:
            self.doubts += 1
            if await self._has_a_token():
                raise BrokenPromiseError(f"{self.username} has a token that nobody confirmed")
            await self.enrol()
        await super().check()

    async def _has_a_token(self) -> bool:
        browser = self._new_browser()
        page = await browser.open(self.application.request(prompt="login"))
        page = await self.answered(browser, page, "kc-form-login", username=self.username, password=PASSWORD)
        if "kc-otp-login-form" not in page.forms and "soft-token-info" not in page.ids:
            raise BrokenPromiseError(f"{self.username} is stuck: {page.message}")
        return "kc-otp-login-form" in page.forms


def settled(usernames: dict[str, str]) -> Callable[[dict[str, Any]], None]:
    """Return the edit that fills a realm with customers who have password and token, and nothing left to do."""

    def edit(document: dict[str, Any]) -> None:
        document["otpPolicyPeriod"] = PERIOD
        for action in document["requiredActions"]:
            action["enabled"] = action["alias"] == "CONFIGURE_TOTP"
        (template, *_) = document["users"]
        document["users"] = [
            _user(template, number, name, seed) for number, (name, seed) in enumerate(usernames.items())
        ]

    return edit


def _user(template: dict[str, Any], number: int, username: str, seed: str) -> dict[str, Any]:
    token = {
        "type": "otp",
        "secretData": f'{{"value": "{seed}"}}',
        "credentialData": f'{{"secretEncoding": "BASE32", "period": {PERIOD}}}',
    }
    credentials = [{"type": "password", "value": PASSWORD}, *([token] if seed else [])]
    return {
        **{name: value for name, value in template.items() if name != "id"},
        "username": username,
        "email": f"{username}@example.com",
        "attributes": {**template["attributes"], "phoneNumber": [phone_of(number)]},
        "credentials": credentials,
    }


def phone_of(number: int) -> str:
    """Return the phone of the customer at a place of the realm file."""
    return f"+3556920{number:05}"


def _step() -> int:
    return int(_now()) // PERIOD


def _now() -> float:
    return time.time()  # noqa: TID251 - the processes under test live in real time
