"""What a person does with the phone application, and what can be seen from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pyotp

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ISSUER: Final = "Banka Hyrja Biznes"
ACCOUNT: Final = "arta.kelmendi"
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PIN: Final = "493817"

# Everything that the application stores, byte by byte. The device key cannot be read: this is what can be seen of it.
STORED: Final = """async () => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const plain = (value) => {
    if (value instanceof CryptoKey) return {extractable: value.extractable, usages: value.usages, type: value.type};
    if (value instanceof Uint8Array) return Array.from(value);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
    }
    return value;
  };
  const tokens = [];
  for (const {name} of await indexedDB.databases()) {
    const database = await settled(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      tokens.push(...await settled(database.transaction(store).objectStore(store).getAll()));
    }
    database.close();
  }
  return {tokens: tokens.map(plain), local: {...localStorage}, session: {...sessionStorage}};
}"""


def link(secret: str = SECRET, *, account: str = ACCOUNT, issuer: str = ISSUER) -> str:
    """An activation code as the bank writes it."""
    return (
        f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={secret}&issuer={quote(issuer)}"
        "&algorithm=SHA1&digits=6&period=30"
    )


def codes_around_now(secret: str = SECRET) -> set[str]:
    """The codes that the bank might see for something that has just happened or is about to happen."""
    moment = time.time()  # noqa: TID251 - the browser under test lives in real time
    return {pyotp.TOTP(secret).at(int(moment) + shift) for shift in (-30, 0, 30)}


class Phone:
    """One browser profile with the application open."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        context.set_default_timeout(PATIENCE * 1000)
        self.address = address
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector("main > section:not([hidden])")

    def paste(self, text: str) -> None:
        if self.page.locator("#link").is_hidden():
            self.page.click("#paste-link")
        self.page.fill("#link", text)
        self.page.click("#activate")

    def choose_pin(self, pin: str = PIN, again: str | None = None) -> None:
        self.page.fill("#pin", pin)
        self.page.fill("#pin-confirm", pin if again is None else again)
        self.page.click("#pin-save")

    def activate(self, text: str | None = None, *, pin: str = PIN) -> None:
        self.paste(text or link())
        self.choose_pin(pin)
        self.page.wait_for_selector("#screen-main:not([hidden])")

    def code(self, pin: str = PIN) -> str:
        """Press OTP, enter the PIN, wait for the six digits, close."""
        self.page.click("#otp")
        self.page.fill("#pin-enter", pin)
        self.page.click("#pin-submit")
        self.page.wait_for_selector("#code:not(:empty)")
        digits = self.page.text_content("#code")
        assert digits is not None
        self.page.click("#code-close")
        self.page.wait_for_selector("#screen-main:not([hidden])")
        return digits

    def stored(self) -> Any:
        return self.page.evaluate(STORED)

    def computed(self, module: str, expression: str, argument: object = None) -> Any:
        """What a function of a module of the application gives; `m` is the module, `input` the argument."""
        script = f"async (input) => {{ const m = await import('./{module}'); return {expression}; }}"
        return self.page.evaluate(script, argument)
