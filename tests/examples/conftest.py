from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.examples.little_provider import LittleProvider
from tests.examples.serving import Stage, serving
from tests.patience import PATIENCE
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

FOLDER = Path(__file__).parents[2] / "examples" / "internet-banking"
APPLICATIONS = ("internet-banking", "cards")
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Nothing here speaks TLS; loading them takes long.
REALMS = ("small-business", "sme-corporate")


def of_the_bank(module: str) -> Any:
    """A module of the bank. Its folder is an application, not a package, so mypy cannot follow an import."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.import_module(module)


class BankClock:
    """The bank's clock: the real one, plus what a test lets pass."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.time() + self.passed  # noqa: TID251 - Authlib judges the provider's tokens by the real clock.


class Bank:
    """A running bank, and how to start it again."""

    def __init__(self, folder: Path, provider: LittleProvider, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self.clock = BankClock()
        self.store = folder / "bank.db"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        for realm in REALMS:
            for application in APPLICATIONS:
                provider.secrets[f"{realm}_{application}"] = f"secret of {realm} {application}"
                (self.secrets / f"{realm}_{application}").write_text(f"secret of {realm} {application}\n")
        self._idp_url = provider.url

    def application(self) -> Starlette:
        """The bank's application, new, on the same store."""
        settings = of_the_bank("settings").Settings(
            bank_url=self.url, idp_url=self._idp_url, secrets=self.secrets, store=str(self.store)
        )
        application: Starlette = of_the_bank("application").bank(settings, clock=self.clock)
        return application

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """From start to stop; may be done again."""
        with serving(self.application(), self.port):
            yield

    def browser(self) -> httpx.Client:
        """A browser of its own: it follows redirects, keeps cookies, and names its origin when it posts."""
        return httpx.Client(
            base_url=self.url,
            follow_redirects=True,
            headers={"Origin": self.url},
            timeout=PATIENCE,
            trust_env=False,
            verify=_NO_AUTHORITIES,
        )

    def cookie(self, browser: httpx.Client) -> str | None:
        """The session cookie that this browser holds."""
        return browser.cookies.get(f"bank-{self.port}")


@pytest.fixture
def provider_port() -> int:
    """Where a provider would be, for tests that start it themselves."""
    return free_port()


def _stage() -> Iterator[Stage]:
    one = Stage(free_port())
    with serving(one, one.port):
        yield one


provider_stage = pytest.fixture(_stage, scope="session", name="provider_stage")
bank_stage = pytest.fixture(_stage, scope="session", name="bank_stage")


@pytest.fixture
def provider(provider_stage: Stage) -> LittleProvider:
    little = LittleProvider(provider_stage.port)
    provider_stage.application = little.application
    return little


@pytest.fixture
def bank(tmp_path: Path, provider: LittleProvider, bank_stage: Stage) -> Iterator[Bank]:
    one = Bank(tmp_path, provider, bank_stage.port)
    application = one.application()
    bank_stage.application = application
    yield one
    # In a thread of its own: Playwright keeps an event loop running in this one.
    ending = threading.Thread(target=lambda: asyncio.run(_end(application)))
    ending.start()
    ending.join()


async def _end(application: Starlette) -> None:
    async with application.router.lifespan_context(application):
        pass  # Its end closes the store.


@pytest.fixture
def browser(bank: Bank) -> Iterator[httpx.Client]:
    with bank.browser() as one:
        yield one


def log_in(browser: httpx.Client, realm: str = "small-business") -> httpx.Response:
    """Click Hyr; the little provider lets everybody in."""
    return browser.get(f"/{realm}/login")


def problem(page: httpx.Response) -> str | None:
    """Which friendly page this is, if it is one."""
    found = re.search(r'data-problem="([\w-]+)"', page.text)
    return found[1] if found else None
