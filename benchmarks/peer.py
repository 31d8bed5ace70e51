"""node-oidc-provider in memory, asked for the same things in the same run: a ratio says more than a number.

Its packages come with `npm ci` in `tests/peers`; without them, or without Node, the comparison is left out and said so.
Its pages are those that it brings along for trying it out: they take any password, so its password step hashes nothing
and is followed by a page that asks for consent. It has no one-time codes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bank import Bank, Browser, Place, code_of
from benchmarks.deployment import BANKING, ROBOTS, ROOT, Customer
from benchmarks.server import Running, started
from benchmarks.wire import Journey, UnexpectedAnswerError, expect, get
from tests.ports import free_port

NAME = "node-oidc-provider"
OFFERS = frozenset(
    {
        "discovery",
        "JWKS",
        "authorization request to login page",
        "password step",
        "code exchange",
        "refresh",
        "client credentials, ES256",
        "client credentials, RS256",
        "introspection",
        "userinfo",
    }
)
"""Scenarios that it can be asked."""
_FOLDER = ROOT / "tests" / "peers"
_SECRET = "a secret of thirty-two characters"
_API: Mapping[str, str] = {"resource": "urn:bank:accounts"}
"""Tokens for a resource are JWTs, as ours are; others are not, and only they open its UserInfo."""
_PLACE = Place(
    discovery="/.well-known/openid-configuration",
    jwks="/jwks",
    authorization="/auth",
    token="/token",
    introspection="/token/introspection",
    userinfo="/me",
)


def missing() -> str | None:
    """Return why there is nothing to compare with, or None."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (_FOLDER / "node_modules" / "oidc-provider").is_dir():
        return "its packages are missing (npm ci in tests/peers)"
    return None


class Peer(Bank):
    """Our bank, if node-oidc-provider were its provider."""

    def __init__(self, host: str) -> None:
        super().__init__(host, (), dict.fromkeys((BANKING, *ROBOTS.values()), _SECRET), place=_PLACE)
        self._terms = _API

    def someone(self) -> Customer:
        """Return the one customer: any name and any password do."""
        return Customer(username="arta", seed="")

    def first_login(self, browser: Browser, customer: Customer) -> Journey:
        """Log a known browser in and consent, so that it is not asked again."""
        yield from self.opened(browser)
        yield from self.password_given(browser, customer)
        code_of((yield from browser.led(browser.submit({"prompt": "consent"}))))

    def password_given(self, browser: Browser, customer: Customer) -> Journey:
        """Give user name and password, and see the page that asks for consent."""
        form = {"prompt": "login", "login": customer.username, "password": "any"}
        page = yield from browser.led(browser.submit(form))
        if b'value="consent"' not in expect(page, 200).body:
            raise UnexpectedAnswerError(f"The page does not ask for consent: {page.body[:400]!r}")

    def one_token(self, settle: Callable[[Sequence[Journey]], None]) -> str:
        """Return an access token that opens UserInfo."""
        self._terms = {}
        token = super().one_token(settle)
        self._terms = _API
        return token

    def request(self, client: str) -> str:
        """Ask for the bank's interface too."""
        return f"{super().request(client)}&resource={_API['resource']}"

    def back_channel(self, path: str, form: Mapping[str, str], client: str = BANKING) -> bytes:
        """Ask for tokens that are JWTs."""
        terms = {} if "token" in form else self._terms
        scope = {"scope": "accounts"} if form.get("grant_type") == "client_credentials" else {}
        return super().back_channel(path, {**form, **terms, **scope}, client)


@contextmanager
def peer(folder: Path) -> Iterator[tuple[Running, Peer]]:
    """Serve it."""
    port = free_port()
    host = f"localhost:{port}"
    log = folder / "node-oidc-provider.out"
    command = ["node", str(_FOLDER / "oidc_provider.mjs"), str(port)]
    with started(command, port=port, request=get(host, _PLACE.discovery), log=log) as running:
        yield running, Peer(host)
