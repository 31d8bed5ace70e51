"""An overloaded provider judges nothing, and so it counts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from idp.flows.step import Success
from idp.flows.steps.password import PasswordCheck
from idp.ports import OverloadedError
from tests.flows.bench import PASSWORD, Bench, QuickPasswords

pytestmark = pytest.mark.anyio


class FullHouse(QuickPasswords):
    """Passwords whose queue is full until `full` is taken back."""

    full = True

    @contextmanager
    def place(self) -> Iterator[None]:
        if self.full:
            raise OverloadedError
        yield


async def test_an_attempt_that_cannot_be_judged_is_not_counted_and_locks_out_nobody() -> None:
    passwords = FullHouse()
    bench = Bench(passwords=passwords)
    user = await bench.add_user()
    check = PasswordCheck(bench.services)
    for _ in range(6):
        with pytest.raises(OverloadedError):
            await check.check(bench.login(user), user, typed_name="ana", password=PASSWORD)
    assert not (await bench.stores.attempts.locks(user.id)).factors
    assert passwords.verified == []
    passwords.full = False
    assert isinstance(await check.check(bench.login(user), user, typed_name="ana", password=PASSWORD), Success)


class Crowded(QuickPasswords):
    """Passwords of which one subscriber has had enough."""

    @contextmanager
    def share(self, subscriber: str) -> Iterator[None]:
        if subscriber == "192.0.2.1":
            raise OverloadedError
        yield


async def test_whoever_fills_the_queue_waits_alone_and_nothing_of_theirs_is_counted() -> None:
    passwords = Crowded()
    bench = Bench(passwords=passwords)
    user = await bench.add_user()
    check, login = PasswordCheck(bench.services), bench.login(user)
    flooding = msgspec.structs.replace(login, address="192.0.2.1")
    with pytest.raises(OverloadedError):
        await check.check(flooding, user, typed_name="ana", password="wrong")
    assert not (await bench.stores.attempts.locks(user.id)).factors
    elsewhere = msgspec.structs.replace(login, address="192.0.2.2")
    assert isinstance(await check.check(elsewhere, user, typed_name="ana", password=PASSWORD), Success)
