"""A hundred thousand people who are logged in: they lie in the store, and a serving process must not grow by them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence

import msgspec

from benchmarks.accounting import memory
from benchmarks.bank import Bank, Browser, code_of
from benchmarks.deployment import CARDS, REALM, Customer, Deployment
from benchmarks.measuring import Bench, Plan
from benchmarks.scenarios import SCENARIOS
from benchmarks.server import Running
from benchmarks.wire import Journey
from idp.crypto.digest import digest
from idp.model.session import UserSession
from idp.model.struct import Frozen
from idp.opening.beside import store_beside
from idp.ports import UserSessions
from idp.settings.loading import load
from idp.web.cookies import cookie_name

_TOGETHER = 1000
_LIFETIME = 36_000  # seconds
_USED = 0.02  # of the sessions are used


class Growth(Frozen, frozen=True, kw_only=True):
    """Resident bytes of the serving processes after the same requests, without and with the sessions."""

    sessions: int
    used: int
    """How many of them answered an authorization request."""
    before: int
    after: int

    @property
    def megabytes(self) -> float:
        """What the sessions added."""
        return (self.after - self.before) / 1e6


def growth(plan: Plan, server: Running, deployment: Deployment, people: Sequence[Customer]) -> Growth:
    """Put sessions into the store of a running server, use some, and ask the same of it before and after."""
    bank = Bank(deployment.host, people, deployment.client_secrets)
    bench = Bench(server, bank, warm_up=0)
    bench.log_in()
    for _ in range(2):
        _ask(bench, plan.settling)
    before = _resident(server)
    used = asyncio.run(_inserted(deployment, people, plan.sessions))
    bench.settle([_single_sign_on(bank, cookie) for cookie in used])
    _ask(bench, plan.settling)
    return Growth(sessions=plan.sessions, used=len(used), before=before, after=_resident(server))


def _ask(bench: Bench, count: int) -> None:
    """Ask for everything that needs no new customer: with codes, sessions and tokens."""
    for scenario in SCENARIOS:
        if not scenario.people:
            bench.settle(scenario.prepare(bench.bank, bench.settle, count))


def _single_sign_on(bank: Bank, cookie: tuple[str, str]) -> Journey:
    browser = Browser(bank.host, dict([cookie]))
    code_of((yield from browser.led(browser.open(bank.request(CARDS)))))


def _resident(server: Running) -> int:
    return sum(memory(pid).resident for pid in server.processes)


async def _inserted(deployment: Deployment, people: Sequence[Customer], count: int) -> list[tuple[str, str]]:
    """Copy the customers' real sessions, so that each copy has what sessions have; return the cookies of some."""
    clock = time.time  # noqa: TID251 - the sessions are to be alive for the server, which has the real clock
    settings = load(deployment.config, environment={})
    name = cookie_name(settings.server.base_url, "session", REALM)
    expires_at = int(clock()) + _LIFETIME
    secret = secrets.token_urlsafe(32)
    async with store_beside(settings, clock=clock) as store:
        stores = store.realm(REALM)
        users = [await stores.users.by_username(customer.username) for customer in people]
        patterns = [(await stores.user_sessions.of_user(user.id))[0] for user in users if user is not None]
        sessions = [_copy(patterns[number % len(patterns)], secret, number, count) for number in range(count)]
        for start in range(0, count, _TOGETHER):
            together = sessions[start : start + _TOGETHER]
            await asyncio.gather(*(_create(stores.user_sessions, session, expires_at) for session in together))
    return [(name, f"{session.sid}.{secret}") for session in sessions[: _how_many_used(count)]]


def _copy(pattern: UserSession, secret: str, number: int, count: int) -> UserSession:
    """Those that are used are sessions of the customers; the others are of as many users as there are sessions."""
    user = pattern.user_id if number < _how_many_used(count) else f"somebody-{number}"
    sid = secrets.token_urlsafe(16)
    return msgspec.structs.replace(pattern, sid=sid, secret_digest=digest(secret), user_id=user, revision=0)


def _how_many_used(count: int) -> int:
    return max(1, round(count * _USED))


async def _create(sessions: UserSessions, session: UserSession, expires_at: int) -> None:
    await sessions.create(session, expires_at=expires_at)
