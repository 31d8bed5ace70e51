"""Every line that a login leaves in the log names its transaction, and an error page its reference."""

from __future__ import annotations

import asyncio
from contextvars import Context
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from idp.model.messages.message import Carried
from idp.ports import MessageUndeliveredError
from idp.web.http import Application, Receive, Scope, Send
from tests.stories.browser import Browser
from tests.stories.test_canary import PHONE, broken
from tests.stories.world import Customer, FakeSms, World, provider

pytestmark = pytest.mark.anyio


class LoggedSms(FakeSms):
    """A gateway that writes lines of its own, as the real ones do."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    async def send(self, *, to: str, text: str) -> Carried:
        try:
            return await super().send(to=to, text=text)
        except MessageUndeliveredError:
            self._log.warning("sms gateway failed", gateway="fake")
            raise


def logging_as_served(lines: list[dict[str, Any]]) -> FilteringBoundLogger:
    """Return a log with what `idp.cli.serving.log` puts into every line."""

    def kept(_logger: object, _method: str, line: Any) -> str:
        lines.append(dict(line))
        raise structlog.DropEvent

    log: FilteringBoundLogger = structlog.wrap_logger(
        None,
        processors=[structlog.contextvars.merge_contextvars, kept],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return log


def as_served(application: Application) -> Application:
    """Serve each request in a task and a context of its own, as the server does."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def request() -> None:
            await application(scope, receive, send)

        await asyncio.get_running_loop().create_task(request(), context=Context())

    return served


class Logged:
    """A provider, its customer, and the lines of one request after the other."""

    def __init__(self, world: World, lines: list[dict[str, Any]]) -> None:
        world.site.application = as_served(world.site.application)
        lines.clear()  # those of the start
        self.world = world
        self.lines = lines
        self.arta = Customer(world, "arta.hoxha", PHONE)

    def transactions(self) -> set[str | None]:
        """Return what the lines since the last look name; each of them names something, or None is among it."""
        named = {line.get("transaction_id") for line in self.lines}
        assert self.lines
        self.lines.clear()
        return named


async def test_every_line_of_a_login_names_its_transaction_whoever_writes_it(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    log = logging_as_served(lines)
    sms = LoggedSms(log)
    async with provider(tmp_path, log=log, sms=sms) as world:
        seen = Logged(world, lines)
        browser = await seen.arta.begin(world.client())
        await browser.submit("kc-form-login", username="arta.hoxha", password="not this one")
        (transaction,) = seen.transactions()
        assert transaction
        sms.down = True
        await browser.open(browser.shown.links["register-soft-token"])
        await seen.arta.give_password(browser)
        assert [line["event"] for line in lines if line["event"] != "event"] == ["sms gateway failed"]
        assert seen.transactions() == {transaction}
        sms.down = False
        await seen.arta.register(await seen.arta.begin(world.client()))
        (another,) = seen.transactions()
        assert another != transaction


async def test_a_failure_in_a_login_is_told_with_its_transaction_and_the_reference_of_the_page(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_as_served(lines)) as world:
        seen = Logged(world, lines)
        browser = await seen.arta.begin(world.client())
        await browser.submit("kc-form-login", username="arta.hoxha", password="not this one")
        (transaction,) = seen.transactions()
        await world.change_user("arta.hoxha", broken)
        page = await browser.submit("kc-form-login", username="arta.hoxha", password="një sekret i madh")
        failed = next(line for line in lines if line["event"] == "failed")
        shown = next(line for line in lines if line["event"] == "error page")
        noted = next(line for line in lines if line["event"] == "event" and line["type"] == "ERROR_PAGE")
    assert page.status == 500
    assert failed["transaction_id"] == shown["transaction_id"] == transaction
    assert failed["reference"] == shown["reference"] == noted["transaction_id"]
    assert failed["reference"] in page.html


async def test_two_logins_do_not_name_each_other(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_as_served(lines)) as world:
        seen = Logged(world, lines)
        browsers: list[Browser] = []
        transactions = []
        for _ in range(2):
            browsers.append(await seen.arta.begin(world.client()))
            await browsers[-1].submit("kc-form-login", username="arta.hoxha", password="not this one")
            transactions.append(seen.transactions())
        await browsers[0].submit("kc-form-login", username="arta.hoxha", password="nor this one")
        assert seen.transactions() == transactions[0]
        assert transactions[0] != transactions[1]
        await world.browser().open(world.client().request(redirect_uri="https://evil.example/"))
        assert not seen.transactions() & (transactions[0] | transactions[1])


async def test_the_line_of_a_replayed_code_names_the_login_that_it_is_of(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_as_served(lines)) as world:
        seen = Logged(world, lines)
        bank = world.client()
        browser = await seen.arta.settle(bank)
        login = next(line for line in reversed(lines) if line.get("type") == "LOGIN")
        assert browser.arrived is not None
        code = parse_qs(urlsplit(browser.arrived).query)["code"][0]
        lines.clear()
        await bank.redeem(code)
        await bank.redeem(code)
        assert seen.transactions() == {login["transaction_id"]}


class Broken:
    """A part of the store with a defect of ours."""

    def __getattr__(self, verb: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError(verb)

        return fail


async def test_a_login_that_fails_at_its_first_request_has_a_transaction_already(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_as_served(lines)) as world:
        seen = Logged(world, lines)
        world.site.desks["small-business"].tabs._sessions = Broken()
        await world.browser().open(world.client().request())
        (failed,) = [line for line in seen.lines if line["event"] == "failed"]
        assert failed["transaction_id"] != failed["reference"]


async def test_a_code_that_was_taken_and_led_to_a_failure_leads_to_its_login(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with provider(tmp_path, log=logging_as_served(lines)) as world:
        seen = Logged(world, lines)
        bank = world.client()
        browser = await seen.arta.settle(bank)
        login = next(line for line in reversed(lines) if line.get("type") == "LOGIN")
        assert browser.arrived is not None
        stores: Any = world.site.desks["small-business"].provider.stores
        stores.user_sessions = Broken()
        answer = await bank.redeem(parse_qs(urlsplit(browser.arrived).query)["code"][0])
        assert answer.status_code == 500
        (failed,) = [line for line in lines if line["event"] == "failed"]
        assert failed["transaction_id"] == login["transaction_id"]
