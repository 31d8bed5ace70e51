"""A provider whose customer Arta has been through the first access: made once, copied for each test.

Making keys, hashing passwords and walking the first access cost most of a story's time; a copy of the folder costs
nothing. Besnik is still a newcomer in it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from idp.model.user import User
from idp.settings.tables import Settings
from tests.fakes import FakeClock
from tests.stories.browser import Browser, Page
from tests.stories.world import Customer, Edit, FakeSms, RelyingParty, World, provider

PHONE = "+355692000101"
OTHER_PHONE = "+355692000102"
Setting = Callable[[Settings], Settings]


class Home:
    """The folder of a provider at rest, and what its customer knows and holds."""

    def __init__(self, folder: Path, *, now: float, sms: FakeSms, password: str, secret: str) -> None:
        self.folder = folder
        self.now = now
        self.messages = list(sms.messages)
        self.password = password
        self.secret = secret


async def made(folder: Path) -> Home:
    """Walk Arta through the guide."""
    async with provider(folder, log=quiet()) as world:
        arta = Customer(world, "arta.hoxha", PHONE)
        await arta.settle(world.client())
        return Home(folder, now=world.clock(), sms=world.sms, password=arta.password, secret=arta.secret)


class Town(World):
    """The provider of a copied home; `arta` is settled, `besnik` is new."""

    home: Home

    @cached_property
    def bank(self) -> RelyingParty:
        return self.client()

    @cached_property
    def cards(self) -> RelyingParty:
        return self.client(client_id="cards")

    @property
    def arta(self) -> Customer:
        arta = Customer(self, "arta.hoxha", PHONE)
        arta.password, arta.secret = self.home.password, self.home.secret
        return arta

    @property
    def besnik(self) -> Customer:
        return Customer(self, "besnik.leka", OTHER_PHONE)

    async def logged_in(self, client: RelyingParty | None = None, **request: str | None) -> Browser:
        """Return a browser in which Arta has just logged in, with the code at `browser.answer`."""
        browser = await self.arta.begin(client or self.bank, **request)
        await self.arta.log_in(browser)
        assert "code" in browser.answer, browser.arrived
        return browser

    async def tokens(self, client: RelyingParty | None = None, **request: str | None) -> dict[str, Any]:
        """Log Arta in and redeem the code."""
        client = client or self.bank
        browser = await self.logged_in(client, **request)
        response = await client.redeem(browser.answer["code"])
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    async def userinfo(self, access_token: str) -> int:
        """Return the status of UserInfo's answer."""
        browser = self.browser()
        address = f"{self.bank.issuer}/protocol/openid-connect/userinfo"
        return (await browser.http.get(address, headers={"authorization": f"Bearer {access_token}"})).status_code

    async def are_dead(self, tokens: dict[str, Any], client: RelyingParty | None = None) -> bool:
        """Tell whether UserInfo, introspection and the refresh grant all refuse; or none of them (else it fails)."""
        client = client or self.bank
        access, refresh = tokens["access_token"], tokens["refresh_token"]
        answers = {
            "userinfo": await self.userinfo(access) == 401,
            "introspection of the access token": not await self.is_active(access, client),
            "introspection of the refresh token": not await self.is_active(refresh, client),
        }
        renewed = await client.post("token", grant_type="refresh_token", refresh_token=refresh)
        answers["refresh"] = renewed.status_code == 400 and renewed.json()["error"] == "invalid_grant"
        assert len(set(answers.values())) == 1, answers
        return answers["refresh"]

    async def is_active(self, token: str, client: RelyingParty | None = None) -> bool:
        """Ask introspection."""
        active: bool = (await (client or self.bank).post("token/introspect", token=token)).json()["active"]
        return active

    async def at_code_page(self, client: RelyingParty | None = None) -> Browser:
        """Return a browser at the page that asks for the soft token's code."""
        browser = await self.arta.begin(client or self.bank)
        page = await self.arta.give_password(browser)
        assert "kc-otp-login-form" in page.forms, page.message
        return browser

    async def at_sms_page(self, customer: Customer) -> Browser:
        """Return a browser of a newcomer to whom a code was just sent."""
        browser = await customer.begin(self.bank)
        await browser.open(browser.shown.links["register-soft-token"])
        page = await customer.give_password(browser)
        assert "sms-otp-form" in page.forms, page.message
        return browser


@contextlib.asynccontextmanager
async def opened(
    home: Home,
    folder: Path,
    *,
    edit: Edit | None = None,
    log: FilteringBoundLogger | None = None,
    settle: Setting | None = None,
    clock: FakeClock | None = None,
    sms: FakeSms | None = None,
) -> AsyncIterator[Town]:
    """Open a copy of the home in `folder`; again, if it is there already."""
    if not (folder / "store").exists():
        shutil.copytree(home.folder, folder, dirs_exist_ok=True)
    sms = sms or FakeSms()
    sms.messages = sms.messages or list(home.messages)
    clock = clock or FakeClock(home.now + 300)  # nothing of the making is in any window now
    async with provider(folder, edit=edit, clock=clock, sms=sms, log=log or quiet(), settle=settle) as world:
        town = Town(world.site, world.clock, world.sms, world.settings)
        town.home = home
        yield town


def quiet() -> FilteringBoundLogger:
    """Return a log that nobody reads."""
    return logging_to(lambda _line: None)


def logging_to(keep: Callable[[dict[str, Any]], None]) -> FilteringBoundLogger:
    """Return a log whose lines go to `keep`."""

    def kept(_logger: object, method: str, line: Any) -> str:
        keep({**line, "level": method})
        raise structlog.DropEvent

    log: FilteringBoundLogger = structlog.wrap_logger(
        None, processors=[kept], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return log


def with_customers(*usernames: str, password: str) -> Edit:
    """Add users with a known password to the realms."""

    def edit(document: dict[str, Any]) -> None:
        for position, username in enumerate(usernames):
            phone = f"+3556920009{position:02}"
            document["users"].append(
                {
                    "username": username,
                    "enabled": True,
                    "attributes": {"phoneNumber": [phone]},
                    "credentials": [{"type": "password", "value": password, "temporary": False}],
                }
            )

    return edit


def with_client(**changes: Any) -> Edit:
    """Change the client `internet-banking`; a dictionary is merged."""

    def edit(document: dict[str, Any]) -> None:
        client = next(c for c in document["clients"] if c["clientId"] == "internet-banking")
        for name, value in changes.items():
            client[name] = {**client[name], **value} if isinstance(value, dict) else value

    return edit


def with_realm(**changes: Any) -> Edit:
    """Set members of the realms."""

    def edit(document: dict[str, Any]) -> None:
        document.update(json.loads(json.dumps(changes)))

    return edit


def who_must(*actions: str) -> Callable[[User], User]:
    """Give a user these required actions (see `World.change_user`)."""
    return lambda user: msgspec.structs.replace(user, required_actions=actions)


def normalised(page: Page | httpx.Response) -> str:
    """Return a page's text without what must differ between two requests: nonces, tabs, references, what was typed."""
    text = page.html if isinstance(page, Page) else page.text
    text = re.sub(r"(session_code|tab_id|execution)=[0-9a-f-]+", r"\1=…", text)
    text = re.sub(r'(<code id="error-reference">)[^<]*', r"\1…", text)
    # The cursor stands in the first field that was left empty, which the person knows.
    text = text.replace(" autofocus", "")
    return re.sub(r'(name="username" value=")[^"]*', r"\1…", text)


def headers_of(response: httpx.Response) -> list[tuple[str, str]]:
    """Return a response's headers without what must differ between two requests (the length is that of the name)."""
    differing = {"date", "set-cookie", "content-length"}
    return sorted((name, value) for name, value in response.headers.items() if name not in differing)
