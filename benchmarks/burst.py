"""Hundreds of logins at once: they wait for their password hash, and nobody else must wait for them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.bank import PASSWORD, Browser
from benchmarks.deployment import Customer
from benchmarks.driving import Due, attend
from benchmarks.measuring import Bench, percentile
from benchmarks.wire import Journey, UnexpectedAnswerError
from idp.model.struct import Frozen

_RATE = 100.0  # requests for discovery a second, meanwhile
_HEAD_START = 0.3  # seconds, in which all logins have reached the server
_LET_IN, _REFUSED = 302, 503


class Burst(Frozen, frozen=True, kw_only=True):
    """What became of them."""

    logins: int
    refused: int
    """How many were told to come back later."""
    lasted: float
    """Seconds until the last of them was answered."""
    waited: tuple[float, ...]
    """Seconds that each request for discovery waited while logins did, sorted."""

    @property
    def p99(self) -> float:
        """What 99 of 100 requests for discovery did not exceed, in seconds."""
        return percentile(self.waited, 0.99)


def burst(bench: Bench, *, logins: int) -> Burst:
    """Send that many right passwords at once, and ask for discovery until all of them are answered."""
    bank = bench.bank
    browsers = [Browser(bank.host) for _ in range(logins)]
    bench.settle([bank.opened(browser) for browser in browsers])
    answers: list[int] = []
    ended: list[float] = []
    waited: list[float] = []

    def timetable() -> Iterator[Due]:
        started = time.perf_counter()
        for browser in browsers:
            yield Due(_password(browser, bank.someone(), answers), started, ended)
        number = 0
        while len(ended) < logins:
            yield Due(bank.fetched(bank.place.discovery), started + _HEAD_START + number / _RATE, waited)
            number += 1

    attend(timetable(), bench.server.port)
    if not waited:
        raise UnexpectedAnswerError("All logins of the burst were answered before anything else was asked.")
    return Burst(logins=logins, refused=answers.count(_REFUSED), lasted=max(ended), waited=tuple(sorted(waited)))


def _password(browser: Browser, customer: Customer, answers: list[int]) -> Journey:
    answer = yield browser.submit({"username": customer.username, "password": PASSWORD})
    if answer.status not in (_LET_IN, _REFUSED):
        raise UnexpectedAnswerError(f"{answer.status} to a password: {answer.body[:400]!r}")
    answers.append(answer.status)
