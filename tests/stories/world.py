"""A whole provider in a test: the demo's realms (or others), a settable clock, an outbox, and people in it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pyotp
import structlog
from structlog.typing import FilteringBoundLogger

from idp import ports
from idp.app import Outside, Site, open_site
from idp.crypto.sealing import create_master_key
from idp.model.messages.message import Carried
from idp.model.user import User
from idp.ports import MessageUndeliveredError
from idp.settings.gateways import Sms
from idp.settings.tables import Hashing, Log, Realms, Secrets, Server, Settings, Store
from tests.fakes import FakeClock, FakeMailbox
from tests.stories.browser import Browser, Page

ROOT = Path(__file__).parents[2]
ORIGIN = "http://localhost:8080"
BANK = "http://localhost:8090"
NEW_PASSWORD = "një fjalëkalim i ri 2026"
Edit = Callable[[dict[str, Any]], None]


class FakeSms:
    """An `idp.ports.SmsSender` that keeps what it is given; `down` makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.down = False

    async def send(self, *, to: str, text: str) -> Carried:
        if self.down:
            raise MessageUndeliveredError("the gateway answered 503")
        self.messages.append((to, text))
        return Carried(gateway="fake", message_id=str(len(self.messages)))

    def last_to(self, phone: str) -> str:
        return next(text for to, text in reversed(self.messages) if to == phone)

    def code_to(self, phone: str) -> str:
        """The code on the last line, in the form that browsers read (`@host #code`)."""
        return self.last_to(phone).rsplit("#", 1)[1]


class World:
    """The provider, and everybody who meets it."""

    def __init__(
        self, site: Site, clock: FakeClock, sms: FakeSms, settings: Settings, mail: FakeMailbox | None = None
    ) -> None:
        self.site = site
        self.clock = clock
        self.mail = mail or FakeMailbox()
        self.sms = sms
        self.settings = settings
        self.secrets: dict[str, str] = {}

    def browser(self, *, language: str = "sq") -> Browser:
        return Browser(self.site.application, origin=ORIGIN, language=language)

    def client(self, realm: str = "small-business", client_id: str = "internet-banking") -> RelyingParty:
        secret = (Path(self.settings.secrets.vault) / f"{realm}_{client_id}").read_text().strip()
        return RelyingParty(self, realm=realm, client_id=client_id, secret=secret)

    async def user(self, username: str, realm: str = "small-business") -> User:
        user = await self.site.desks[realm].provider.stores.users.by_username(username)
        assert user is not None
        return user

    async def users(self, realm: str = "small-business") -> list[User]:
        return [user async for user in self.site.desks[realm].provider.stores.users.every()]

    async def change_user(self, username: str, change: Callable[[User], User], realm: str = "small-business") -> None:
        users = self.site.desks[realm].provider.stores.users
        assert await users.replace(change(await self.user(username, realm)))

    async def events(self, realm: str = "small-business") -> list[Any]:
        return list(await self.site.desks[realm].provider.stores.events.recent(limit=1000))

    async def event_types(self, realm: str = "small-business") -> list[str]:
        return [event.type for event in await self.events(realm)]


class RelyingParty:
    """A client of a realm: makes requests, redeems codes."""

    def __init__(self, world: World, *, realm: str, client_id: str, secret: str) -> None:
        self.world = world
        self.realm = realm
        self.client_id = client_id
        self.secret = secret
        self.issuer = f"{ORIGIN}/realms/{realm}"
        self.verifier = secrets.token_urlsafe(48)
        path = f"/{realm}/callback" if client_id == "internet-banking" else f"/{realm}/{client_id}/callback"
        self.redirect_uri = BANK + path

    def request(self, **changed: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "a-state",
            "nonce": "a-nonce",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changed,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        return f"{self.issuer}/protocol/openid-connect/auth?{urlencode(given)}"

    async def post(self, path: str, **form: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.world.site.application)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, auth=(self.client_id, self.secret)) as http:
            return await http.post(f"{self.issuer}/protocol/openid-connect/{path}", data=form)

    async def redeem(self, code: str, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changed,
        }
        return await self.post("token", **form)


class Customer:
    """A customer of the bank, with a phone."""

    def __init__(self, world: World, username: str, phone: str, *, realm: str = "small-business") -> None:
        self.world = world
        self.username = username
        self.phone = phone
        self.realm = realm
        first = [text for to, text in world.sms.messages if to == phone]
        self.password = first[0].rsplit(" ", 1)[1] if first else ""
        self.secret = ""

    def code(self) -> str:
        """What the phone's application shows now."""
        return pyotp.TOTP(self.secret).at(int(self.world.clock()))

    def next_code(self) -> str:
        """Wait for the next step, then read the application: a code is accepted once."""
        self.world.clock.advance(30)
        return self.code()

    async def give_password(self, browser: Browser) -> Page:
        """With the user name, unless the page says it: a session that has to prove more has a user."""
        asked = browser.shown.forms["kc-form-login"].names
        name = {"username": self.username} if "username" in asked else {}
        return await browser.submit("kc-form-login", {**name, "password": self.password})

    async def register(self, browser: Browser) -> Page:
        """From the login page: the link, the password, the code of the message, the QR code, its first code."""
        assert browser.page is not None
        await browser.open(browser.page.links["register-soft-token"])
        await self.give_password(browser)
        page = await browser.submit("sms-otp-form", code=self.world.sms.code_to(self.phone))
        self.secret = page.text("secret")
        return await browser.submit("kc-totp-settings-form", totp=self.code())

    async def log_in(self, browser: Browser) -> Page:
        """From the login page: password and code."""
        await self.give_password(browser)
        return await browser.submit("kc-otp-login-form", otp=self.next_code())

    async def first_access(self, browser: Browser) -> Page:
        """After the first login: a new password, the terms, the profile."""
        await browser.submit("kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD})
        self.password = NEW_PASSWORD
        await browser.press("kc-accept")
        return await browser.press("kc-confirm")

    async def begin(self, client: RelyingParty, **request: str | None) -> Browser:
        browser = self.world.browser()
        await browser.open(client.request(**request))
        return browser

    async def settle(self, client: RelyingParty) -> Browser:
        """Become a customer who has been through the first access; the browser is logged in."""
        browser = await self.begin(client)
        await self.register(browser)
        await self.log_in(browser)
        await self.first_access(browser)
        assert browser.arrived is not None
        return browser


@contextlib.asynccontextmanager
async def provider(
    folder: Path,
    *,
    edit: Edit | None = None,
    clock: FakeClock | None = None,
    sms: FakeSms | None = None,
    mail: FakeMailbox | None = None,
    log: FilteringBoundLogger | None = None,
    settle: Callable[[Settings], Settings] | None = None,
    shared: ports.Store | None = None,
    observer: ports.Observer | None = None,
) -> AsyncIterator[World]:
    """Open a provider in `folder` (again, if it was there before).

    `edit` changes the realm files, `settle` the settings; `log` takes what is logged; `shared` is the store of several.
    """
    settings = prepared(folder, edit)
    settings = settings if settle is None else settle(settings)
    fake_clock, fake_sms, fake_mail = clock or FakeClock(), sms or FakeSms(), mail or FakeMailbox()
    site = await open_site(
        settings,
        outside=Outside(clock=fake_clock, random=secrets.token_bytes, environment={"BANK_URL": BANK}),
        log=log if log is not None else structlog.get_logger(),
        sms=fake_sms,
        mail=fake_mail,
        shared=shared,
        observer=observer,
    )
    try:
        yield World(site, fake_clock, fake_sms, settings, fake_mail)
    finally:
        await site.close()


def prepared(folder: Path, edit: Edit | None = None) -> Settings:
    """Write the realm files, the vault and the key of a provider, and return its settings."""
    files = []
    for name in ("small-business", "sme-corporate"):
        document = json.loads((ROOT / "realms" / f"{name}.json").read_text())
        if edit is not None:
            edit(document)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        files.append(str(path))
    vault = folder / "vault"
    if not vault.exists():
        vault.mkdir(mode=0o700)
        for name in ("small-business", "sme-corporate"):
            for client in ("internet-banking", "cards"):
                (vault / f"{name}_{client}").write_text(secrets.token_urlsafe(32))
        create_master_key(folder / "master.key")
    return Settings(
        environment="development",
        server=Server(base_url=ORIGIN),
        store=Store(path=str(folder / "store" / "hyrja.sqlite")),
        secrets=Secrets(master_key_files=(str(folder / "master.key"),), vault=str(vault)),
        realms=Realms(files=tuple(files)),
        hashing=Hashing(memory_kib=7168, iterations=1, workers=2),
        sms=Sms(gateway="outbox", outbox_file=str(folder / "outbox.jsonl")),
        log=Log(),
    )
