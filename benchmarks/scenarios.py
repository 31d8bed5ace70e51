"""What is measured: each scenario prepares journeys outside the measured window and hands them over ready to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from benchmarks.bank import BANKING, CARDS, ISSUER_PATH, PROTOCOL, Bank, Browser, Tokens
from benchmarks.wire import Journey
from idp.model.struct import Frozen

Asks = TypeVar("Asks")
Settle = Callable[[Sequence[Journey]], None]
"""Drives journeys that are not measured."""

LOGIN_PAGE_BUDGET = 0.001
EXCHANGE_BUDGET = 0.0015


class Scenario(Frozen, Generic[Asks], frozen=True, kw_only=True):
    """One row of the report. `prepare` is given whoever asks: our bank, or a peer's clients."""

    name: str
    prepare: Callable[[Asks, Settle, int], Sequence[Journey]]
    budget: float | None = None
    """CPU seconds of the server that one journey may cost, besides password hashing."""
    hashes: bool = False
    """Whether a journey costs a password hash: then there are fewer of them, and the hash is shown apart."""


def _open_login(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle

    def journey() -> Journey:
        browser = Browser(bank.host)
        browser.seen((yield browser.open(bank.request(BANKING))), 303)

    return [journey() for _ in range(count)]


def _login_page(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    opened: list[tuple[Browser, str]] = []

    def open_login() -> Journey:
        browser = Browser(bank.host)
        answer = browser.seen((yield browser.open(bank.request(BANKING))), 303)
        opened.append((browser, answer.location))

    def journey(browser: Browser, address: str) -> Journey:
        browser.seen((yield browser.open(address)), 200)

    settle([open_login() for _ in range(count)])
    return [journey(browser, address) for browser, address in opened]


def _password(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    browsers = [Browser(bank.host) for _ in range(count)]
    settle([bank.opened(browser) for browser in browsers])
    return [bank.password_given(browser, bank.someone()) for browser in browsers]


def _verification_code(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    people = [(Browser(bank.host), bank.someone()) for _ in range(count)]
    settle([bank.opened(browser) for browser, _ in people])
    settle([bank.password_given(browser, customer) for browser, customer in people])
    return [bank.code_given(browser, customer) for browser, customer in people]


def _whole_login(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.login(Browser(bank.host), bank.someone()) for _ in range(count)]


def _single_sign_on(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.single_sign_on(CARDS, []) for _ in range(count)]


def _exchange(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.redeemed(code, []) for code in _codes(bank, settle, count)]


def _refresh(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.refreshed(tokens) for tokens in _tokens(bank, settle, count)]


def _userinfo_once(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.asked_who(tokens) for tokens in _tokens(bank, settle, count)]


def _introspection_once(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.introspected(tokens) for tokens in _tokens(bank, settle, count)]


def _userinfo(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.asked_who(tokens) for tokens in _tokens(bank, settle, 1) * count]


def _introspection(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.introspected(tokens) for tokens in _tokens(bank, settle, 1) * count]


def _own_token(algorithm: str) -> Callable[[Bank, Settle, int], Sequence[Journey]]:
    def prepare(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
        del settle
        return [bank.own_token(algorithm) for _ in range(count)]

    return prepare


def _document(path: str) -> Callable[[Bank, Settle, int], Sequence[Journey]]:
    def prepare(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
        del settle
        return [bank.fetched(path) for _ in range(count)]

    return prepare


def _codes(bank: Bank, settle: Settle, count: int) -> list[str]:
    codes: list[str] = []
    settle([bank.single_sign_on(BANKING, codes) for _ in range(count)])
    return codes


def _tokens(bank: Bank, settle: Settle, count: int) -> list[Tokens]:
    tokens: list[Tokens] = []
    settle([bank.redeemed(code, tokens) for code in _codes(bank, settle, count)])
    return tokens


DISCOVERY_PATH = f"{ISSUER_PATH}/.well-known/openid-configuration"
DISCOVERY: Scenario[Bank] = Scenario(name="discovery", prepare=_document(DISCOVERY_PATH))
SCENARIOS: tuple[Scenario[Bank], ...] = (
    Scenario(name="authorization request: a login opens", prepare=_open_login),
    Scenario(name="login page", prepare=_login_page, budget=LOGIN_PAGE_BUDGET),
    Scenario(name="password and next page, 2 requests", prepare=_password, hashes=True),
    Scenario(name="verification code, to the application", prepare=_verification_code, hashes=True),
    Scenario(name="whole login, 5 requests", prepare=_whole_login, hashes=True),
    Scenario(name="authorization request: single sign-on", prepare=_single_sign_on),
    Scenario(name="code for tokens", prepare=_exchange, budget=EXCHANGE_BUDGET),
    Scenario(name="refresh, with rotation", prepare=_refresh),
    Scenario(name="client credentials, ES256", prepare=_own_token("ES256")),
    Scenario(name="client credentials, RS256", prepare=_own_token("RS256")),
    # As applications and the peer's clients do it: about one token again and again. And the dearest case.
    Scenario(name="userinfo", prepare=_userinfo),
    Scenario(name="userinfo, each token once", prepare=_userinfo_once),
    Scenario(name="introspection", prepare=_introspection),
    Scenario(name="introspection, each token once", prepare=_introspection_once),
    DISCOVERY,
    Scenario(name="JWKS", prepare=_document(f"{PROTOCOL}/certs")),
)


def customers_needed(rounds: int, *, journeys: int, widths: int) -> int:
    """Return how many customers such a run uses up: a soft token's code is accepted once."""
    once = 1  # the known browser's
    return once + rounds * widths * journeys * sum(scenario.hashes for scenario in SCENARIOS)
