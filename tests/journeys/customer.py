"""A customer with a real browser and an authenticator application that scans what the screen shows."""

from __future__ import annotations

import io
import time
from urllib.parse import parse_qs, urlsplit

import pyotp
import zxingcpp
from PIL import Image
from playwright.sync_api import BrowserContext, Page

from tests.journeys.demo import Demo
from tests.patience import PATIENCE

NEW_PASSWORD = "një fjalëkalim krejt i ri"


class Person:
    """One customer following the guide in a browser of their own."""

    def __init__(self, demo: Demo, context: BrowserContext, *, realm: str, username: str, phone: str) -> None:
        self.demo = demo
        context.set_default_timeout(PATIENCE * 1000)
        self.page: Page = context.new_page()
        self.realm = realm
        self.username = username
        self.phone = phone
        self.password = demo.first_password(phone)
        self.totp: pyotp.TOTP | None = None
        self._used_step = 0

    def press_hyr(self) -> None:
        """On the bank's first page, the entrance of the customer's segment."""
        self.page.goto(self.demo.bank)
        self.page.click(f"#hyr-{self.realm}")
        self.page.wait_for_selector("#kc-form-login")

    def give_password(self) -> None:
        self.page.fill("#username", self.username)
        self.page.fill("#password", self.password)
        self.page.click("#kc-login")

    def register(self) -> None:
        """Regjistro Software Token: password, SMS code, QR code, first code."""
        self.page.click("#register-soft-token")
        self.give_password()
        self.page.fill("#code", self.demo.code(self.phone))
        self.page.click("#sms-otp-form #kc-login")
        self.page.wait_for_selector("#soft-token-enrol svg")
        self.scan()
        self.page.fill("#totp", self.next_code())
        self.page.click("#soft-token-enrol #kc-login")
        self.page.wait_for_selector("#kc-form-login")

    def scan(self) -> None:
        """Photograph the screen and read the QR code in it, as any application does."""
        picture = Image.open(io.BytesIO(self.page.locator("#soft-token-enrol svg").screenshot()))
        found = zxingcpp.read_barcodes(picture)
        assert found, "no QR code on the screen"
        address = urlsplit(found[0].text)
        assert (address.scheme, address.netloc) == ("otpauth", "totp")
        secret = parse_qs(address.query)["secret"][0]
        shown = self.page.locator("#secret").text_content() or ""
        assert shown.replace(" ", "") == secret
        self.totp = pyotp.TOTP(secret)

    def next_code(self) -> str:
        """The application's code; a used one is waited out, since each is accepted once."""
        assert self.totp is not None
        while int(time.time()) // 30 <= self._used_step:  # noqa: TID251 - a person's watch
            time.sleep(0.2)
        self._used_step = int(time.time()) // 30  # noqa: TID251 - as above
        return self.totp.now()

    def log_in(self) -> None:
        self.give_password()
        self.page.fill("#otp", self.next_code())
        self.page.click("#kc-otp-login-form #kc-login")

    def first_access(self) -> None:
        self.page.fill("#password-new", NEW_PASSWORD)
        self.page.fill("#password-confirm", NEW_PASSWORD)
        self.page.click("#kc-passwd-update-form button[type=submit]")
        self.password = NEW_PASSWORD
        self.page.click("#kc-accept")
        self.page.wait_for_selector("#profile-form")
        assert self.username in (self.page.locator("#profile-form").text_content() or "")
        self.page.click("#profile-form button[type=submit]")
        self.page.wait_for_url(f"{self.demo.bank}/**")
