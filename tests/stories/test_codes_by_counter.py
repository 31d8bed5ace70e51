"""Soft tokens that count their codes (HOTP, RFC 4226): enrolled, used once, found again when they ran ahead."""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest

from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened, with_realm

pytestmark = pytest.mark.anyio
BY_COUNTER = with_realm(otpPolicyType="hotp", otpPolicyInitialCounter=5, otpPolicyLookAheadWindow=3)


class Token:
    """A token that counts."""

    def __init__(self, secret: str, counter: int) -> None:
        self.made = pyotp.HOTP(secret)
        self.counter = counter

    def press(self) -> str:
        self.counter += 1
        return self.made.at(self.counter - 1)


async def enrolled(town: Town) -> Token:
    """Register Besnik's token by the link; its first code confirms it."""
    browser = await town.at_sms_page(town.besnik)
    page = await browser.submit("sms-otp-form", code=town.sms.code_to(town.besnik.phone))
    token = Token(page.text("secret"), 5)
    page = await browser.submit("kc-totp-settings-form", totp=token.press())
    assert "kc-form-login" in page.forms, page.message
    return token


async def at_code_page(town: Town) -> Browser:
    browser = await town.besnik.begin(town.bank)
    page = await town.besnik.give_password(browser)
    assert "kc-otp-login-form" in page.forms, page.message
    return browser


async def gives(town: Town, code: str) -> Page:
    """Log in with that code; a code that is not accepted leaves its page."""
    return await (await at_code_page(town)).submit("kc-otp-login-form", otp=code)


async def test_a_token_is_enrolled_and_its_first_code_is_used_up(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=BY_COUNTER) as town:
        await enrolled(town)
        (credential,) = (await town.user("besnik.leka")).otps
        assert (credential.kind, credential.counter) == ("hotp", 6)


async def test_the_next_code_logs_in_once(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=BY_COUNTER) as town:
        token = await enrolled(town)
        code = token.press()
        assert "kc-otp-login-form" not in (await gives(town, code)).forms
        assert "kc-otp-login-form" in (await gives(town, code)).forms, "a code is used once"
        (credential,) = (await town.user("besnik.leka")).otps
        assert credential.counter == 7


async def test_the_code_that_enrolled_the_token_does_not_log_in(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=BY_COUNTER) as town:
        token = await enrolled(town)
        assert "kc-otp-login-form" in (await gives(town, token.made.at(5))).forms


async def test_a_token_that_ran_ahead_is_found_within_the_window(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=BY_COUNTER) as town:
        token = await enrolled(town)
        skipped = [token.press() for _ in range(3)]
        assert "kc-otp-login-form" not in (await gives(town, token.press())).forms
        assert "kc-otp-login-form" in (await gives(town, skipped[1])).forms, "what it went by is used up"
        for _ in range(4):
            token.press()
        assert "kc-otp-login-form" in (await gives(town, token.press())).forms, "beyond the window"


async def test_a_token_by_time_goes_on_where_new_ones_count(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=BY_COUNTER) as town:
        await town.logged_in()
