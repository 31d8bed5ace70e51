"""What is measured: each scenario prepares journeys outside the measured window and hands them over ready to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.bank import Bank, Browser, Tokens
from benchmarks.deployment import BANKING, CARDS
from benchmarks.wire import Journey, expect
from idp.model.struct import Frozen

Settle = Callable[[Sequence[Journey]], None]
"""Drives journeys that are not measured."""
Prepare = Callable[[Bank, Settle, int], Sequence[Journey]]


class Scenario(Frozen, frozen=True, kw_only=True):
    """One row of the report."""

    name: str
    prepare: Prepare
    rate: float = 0.0
    """Journeys a second at which latencies are measured; 0 where they are not."""
    people: int = 0
    """How many customers who have not logged in yet a journey uses up."""
    hashes: bool = False
    """Whether a journey costs a password hash, before it or within: then there are fewer of them."""
    detail: bool = False
    """Whether this is asked of our provider only, to see inside one of the others."""


def _login_opens(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.opened(Browser(bank.host)) for _ in range(count)]


def _login_page(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    opened: list[tuple[Browser, str]] = []

    def open_login() -> Journey:
        browser = Browser(bank.host)
        answer = browser.seen(expect((yield browser.open(bank.request(BANKING))), 303))
        opened.append((browser, answer.location))

    def journey(browser: Browser, address: str) -> Journey:
        expect((yield browser.open(address)), 200)

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
    return [bank.code_given(browser, customer, []) for browser, customer in people]


def _whole_login(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.whole(Browser(bank.host), bank.someone()) for _ in range(count)]


def _single_sign_on(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.single_sign_on(CARDS, []) for _ in range(count)]


def _exchange(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.redeemed(code, []) for code in _codes(bank, settle, count)]


def _refresh(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.refreshed(tokens) for tokens in _tokens(bank, settle, count)]


def _userinfo_once(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.asked_who(tokens.access) for tokens in _tokens(bank, settle, count)]


def _introspection_once(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.introspected(tokens.access) for tokens in _tokens(bank, settle, count)]


def _userinfo(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.asked_who(token) for token in [bank.one_token(settle)] * count]


def _introspection(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    return [bank.introspected(token) for token in [bank.one_token(settle)] * count]


def _own_token(algorithm: str) -> Prepare:
    def prepare(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
        del settle
        return [bank.own_token(algorithm) for _ in range(count)]

    return prepare


def _discovery(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.fetched(bank.place.discovery) for _ in range(count)]


def _jwks(bank: Bank, settle: Settle, count: int) -> Sequence[Journey]:
    del settle
    return [bank.fetched(bank.place.jwks) for _ in range(count)]


def _codes(bank: Bank, settle: Settle, count: int) -> list[str]:
    codes: list[str] = []
    settle([bank.single_sign_on(BANKING, codes) for _ in range(count)])
    return codes


def _tokens(bank: Bank, settle: Settle, count: int) -> list[Tokens]:
    tokens: list[Tokens] = []
    settle([bank.redeemed(code, tokens) for code in _codes(bank, settle, count)])
    return tokens


DISCOVERY = Scenario(name="discovery", prepare=_discovery, rate=500)
SCENARIOS: tuple[Scenario, ...] = (
    DISCOVERY,
    Scenario(name="JWKS", prepare=_jwks, rate=500),
    Scenario(name="authorization request to login page", prepare=_login_opens, rate=100),
    Scenario(name="login page", prepare=_login_page, detail=True),
    Scenario(name="password step", prepare=_password, rate=12, people=1, hashes=True),
    Scenario(name="TOTP step", prepare=_verification_code, rate=24, people=1, hashes=True),
    Scenario(name="code exchange", prepare=_exchange, rate=100),
    Scenario(name="refresh", prepare=_refresh, rate=100),
    Scenario(name="client credentials, ES256", prepare=_own_token("ES256"), rate=200),
    Scenario(name="client credentials, RS256", prepare=_own_token("RS256"), rate=200),
    # As applications and the peer's clients do it: about one token again and again. And the dearest case.
    Scenario(name="introspection", prepare=_introspection, rate=300),
    Scenario(name="introspection, each token once", prepare=_introspection_once, detail=True),
    Scenario(name="userinfo", prepare=_userinfo, rate=300),
    Scenario(name="userinfo, each token once", prepare=_userinfo_once, detail=True),
    Scenario(name="single sign-on", prepare=_single_sign_on, detail=True),
    Scenario(name="whole login and code exchange", prepare=_whole_login, people=1, hashes=True, detail=True),
)
FLOOR = Scenario(name="floor: discovery's bytes, nothing else", prepare=_discovery, detail=True)
