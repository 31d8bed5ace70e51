"""No secret of a whole journey, its failures included, is in the log, in an event or in the store's bytes (P14)."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pyotp
import pytest

from tests.stories.browser import Browser
from tests.stories.settled import logging_to
from tests.stories.world import NEW_PASSWORD, Customer, RelyingParty, World, provider

pytestmark = pytest.mark.anyio

PHONE = "+355692000101"


class Canaries:
    """What must never be found, by a name that says what it is."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def add(self, name: str, word: str) -> str:
        assert len(word) >= 6, name
        self.words[f"{name} {len(self.words)}"] = word
        return word

    def found_in(self, text: str) -> list[str]:
        return [name for name, word in self.words.items() if word in text]


class LongCodes(Customer):
    """Six digits may stand in a store by chance: the codes of this story have eight."""

    def code(self) -> str:
        return pyotp.TOTP(self.secret, digits=8).at(int(self.world.clock()))


def watch(browser: Browser, canaries: Canaries) -> None:
    """Note every cookie and every nonce that the browser holds."""
    for name, value in browser.http.cookies.items():
        canaries.add(f"cookie {name}", value.partition(".")[2] or value)
    for form in browser.shown.forms.values():
        nonce = parse_qs(urlsplit(form.action).query).get("session_code")
        if nonce:
            canaries.add("nonce", nonce[0])


async def walk(world: World, canaries: Canaries) -> None:
    """The guide with every mistake a person can make on the way, and everything an application does afterwards."""
    bank, arta = world.client(), LongCodes(world, "arta.hoxha", PHONE)
    canaries.add("first password", arta.password)
    canaries.add("client secret", bank.secret)
    canaries.add("verifier", bank.verifier)
    browser = await arta.begin(bank)
    watch(browser, canaries)
    wrong = canaries.add("wrong password", "gabim-gabim-gabim")
    await browser.submit("kc-form-login", username="arta.hoxha", password=wrong)
    await browser.submit(
        "kc-form-login", username=canaries.add("a password as a name", "Fjalekalim-si-emer"), password=""
    )
    await browser.open(browser.shown.links["register-soft-token"])
    await arta.give_password(browser)
    watch(browser, canaries)
    code = canaries.add("SMS code", world.sms.code_to(PHONE))
    canaries.add("wrong SMS code", "90817263")
    await browser.submit("sms-otp-form", code="90817263")
    page = await browser.submit("sms-otp-form", code=code)
    watch(browser, canaries)
    arta.secret = canaries.add("seed", page.text("secret"))
    canaries.add("seed in hexadecimal", base64.b32decode(arta.secret).hex())
    canaries.add("seed in base64", base64.b64encode(base64.b32decode(arta.secret)).decode().rstrip("="))
    await browser.submit("kc-totp-settings-form", totp=canaries.add("wrong first code", "71625344"))
    await browser.submit("kc-totp-settings-form", totp=canaries.add("first code", arta.code()), userLabel="Telefoni")
    await arta.give_password(browser)
    await browser.submit("kc-otp-login-form", otp=canaries.add("old code", arta.code()))
    await browser.submit("kc-otp-login-form", otp=canaries.add("code", arta.next_code()))
    watch(browser, canaries)
    canaries.add("new password", NEW_PASSWORD)
    canaries.add("rejected password", "arta.hoxha-arta.hoxha")
    await browser.submit(
        "kc-passwd-update-form", {"password-new": "arta.hoxha-arta.hoxha", "password-confirm": "arta.hoxha-arta.hoxha"}
    )
    await arta.first_access(browser)
    watch(browser, canaries)
    await redeem(bank, browser, canaries)
    await odd_requests(world, bank, browser)


async def redeem(bank: RelyingParty, browser: Browser, canaries: Canaries) -> None:
    code = canaries.add("authorization code", browser.answer["code"])
    await bank.redeem(code, code_verifier=canaries.add("wrong verifier", "w" * 50))
    await browser.open(bank.request())
    code = canaries.add("authorization code", browser.answer["code"])
    tokens = (await bank.redeem(code)).json()
    for name in ("access_token", "refresh_token", "id_token"):
        canaries.add(name, tokens[name])
        canaries.add(f"signature of {name}", tokens[name].rsplit(".", 1)[1])
    renewed = await bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    canaries.add("renewed refresh token", renewed.json()["refresh_token"].rsplit(".", 1)[1])
    await bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    await bank.post("token/introspect", token=tokens["access_token"])
    await bank.post("revoke", token=tokens["access_token"])
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    await browser.http.get(f"{bank.issuer}/protocol/openid-connect/userinfo", headers=headers)
    await bank.redeem(code)
    await browser.open(f"{bank.issuer}/protocol/openid-connect/logout?id_token_hint={tokens['id_token']}")
    stranger = RelyingParty(
        bank.world, realm=bank.realm, client_id=bank.client_id, secret=canaries.add("guess", "g" * 20)
    )
    await stranger.redeem(code)


async def odd_requests(world: World, bank: RelyingParty, browser: Browser) -> None:
    """Requests that are refused: what they carried must not be quoted."""
    besnik = Customer(world, "besnik.leka", "+355692000102")
    await browser.open(bank.request(redirect_uri="https://evil.example/?x=1"))
    await browser.open(bank.request(prompt="login"))
    action = browser.shown.forms["kc-form-login"].action
    body = f"username=a&username=b&password={besnik.password}"
    await browser.http.post(action, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    await browser.post(action.replace("session_code=", "session_code=0"), {"password": besnik.password})
    world.sms.down = True
    await browser.open(browser.shown.links["register-soft-token"])
    await besnik.give_password(browser)
    world.sms.down = False


def eight_digits(document: dict[str, Any]) -> None:
    document["authenticatorConfig"][0]["config"]["digits"] = "8"
    document["otpPolicyDigits"] = 8


def bytes_of(folder: Path) -> bytes:
    files = sorted((folder / "store").iterdir())
    assert [file.name for file in files if file.name.startswith("hyrja.sqlite")], files
    return b"".join(file.read_bytes() for file in files)


async def test_no_secret_of_the_journey_is_in_the_log_in_an_event_or_in_the_store(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    canaries = Canaries()
    async with provider(tmp_path, edit=eight_digits, log=logging_to(lines.append)) as world:
        canaries.add("Besnik's first password", Customer(world, "besnik.leka", "+355692000102").password)
        await walk(world, canaries)
        events = [msgspec.json.encode(event).decode() for event in await world.events()]
        running = await asyncio.to_thread(bytes_of, tmp_path)
    at_rest = await asyncio.to_thread(bytes_of, tmp_path)
    assert len(canaries.words) > 40
    assert len(events) > 20
    assert len(lines) > 25, "the log that is searched is the log that was written"
    log = "\n".join(msgspec.json.encode(line, enc_hook=str).decode() for line in lines)
    assert not canaries.found_in(log)
    assert not canaries.found_in("\n".join(events))
    for name, store in (("running", running), ("at rest", at_rest)):
        assert len(store) > 50_000
        assert not canaries.found_in(store.decode("latin-1")), name
        seed = next(word for what, word in canaries.words.items() if what.startswith("seed "))
        assert base64.b32decode(seed) not in store, "the raw seed"
        assert NEW_PASSWORD.encode() not in store
    for text in (log, *events):
        assert PHONE not in text
        assert PHONE[1:] not in text
        assert PHONE[-7:] not in text


async def test_a_failure_of_ours_tells_no_secret_either(tmp_path: Path) -> None:
    """A traceback's frames hold passwords: only their places may be written."""
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_to(lines.append)) as world:
        browser = await Customer(world, "arta.hoxha", PHONE).begin(world.client())
        await world.change_user("arta.hoxha", broken)
        page = await browser.submit("kc-form-login", username="arta.hoxha", password="një sekret i madh")
    assert page.status == 500
    assert not browser.has_left
    assert "një sekret" not in "\n".join(str(line) for line in lines)
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["reference"] in page.html
    assert "sekret" not in page.html


def broken(user: Any) -> Any:
    """Seal a password so that it does not open."""
    credential = msgspec.structs.replace(user.password, sealed=b"not sealed at all")
    return msgspec.structs.replace(user, credentials=(credential,))
