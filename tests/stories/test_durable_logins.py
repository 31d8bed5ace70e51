"""What an answer stands on is on the disk before anybody has it, and so is what a message stands on."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.stores.held_disk import passing
from tests.stories.browser import Browser
from tests.stories.world import Customer, World, provider

pytestmark = pytest.mark.anyio


class Patient:
    """A disk that takes some writes and then keeps the next one waiting; or fails."""

    def __init__(self) -> None:
        self.flushes = 0
        self.error: OSError | None = None
        self._takes: int | None = None
        self._reached = threading.Event()
        self._goes_on = threading.Event()

    def __call__(self, descriptor: int) -> None:
        if self._takes is not None:
            self._takes -= 1
            if self._takes < 0:
                self._reached.set()
                self._goes_on.wait()
        if self.error is not None:
            raise self.error
        os.fsync(descriptor)
        self.flushes += 1

    async def under_way(self, flushes: int, doing: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something; it has had so many flushes and waits for the next one."""
        self._takes = flushes
        task = asyncio.ensure_future(doing)
        await asyncio.to_thread(self._reached.wait)
        await passing()
        return task

    def go_on(self) -> None:
        """Take everything from now on."""
        self._takes = None
        self._goes_on.set()


@asynccontextmanager
async def bank_on(disk: Patient, folder: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    kernel = SqliteKernel.open(folder / "idp.sqlite", clock=clock, flush=disk)
    try:
        async with provider(folder, clock=clock, shared=KernelStore(kernel, clock)) as world:
            yield world
    finally:
        await kernel.close()


async def registered(world: World) -> Customer:
    arta = Customer(world, "arta.hoxha", "+355692000101")
    await arta.settle(world.client())
    world.clock.advance(60)
    return arta


async def gave_password(world: World, arta: Customer) -> Browser:
    browser = await arta.begin(world.client())
    await arta.give_password(browser)
    return browser


def code_of(browser: Browser, arta: Customer) -> Coroutine[Any, Any, Any]:
    return browser.http.post(browser.shown.forms["kc-otp-login-form"].action, data={"otp": arta.next_code()})


async def test_a_code_that_was_right_is_answered_when_everything_is_on_the_disk_which_takes_one_flush(
    tmp_path: Path,
) -> None:
    disk = Patient()
    async with bank_on(disk, tmp_path) as world:
        arta = await registered(world)
        browser = await gave_password(world, arta)
        task = await disk.under_way(0, code_of(browser, arta))
        assert not task.done()
        disk.flushes = 0
        disk.go_on()
        answer = await task
        assert (answer.status_code, "code=" in answer.headers["location"]) == (302, True)
        assert disk.flushes == 1


async def test_a_code_whose_login_cannot_be_kept_is_answered_by_a_page_that_says_so_and_without_any_cookie(
    tmp_path: Path,
) -> None:
    disk = Patient()
    async with bank_on(disk, tmp_path) as world:
        arta = await registered(world)
        browser = await gave_password(world, arta)
        disk.error = OSError(5, "Input/output error")
        answer = await code_of(browser, arta)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        assert "set-cookie" not in answer.headers


async def test_a_password_is_not_looked_at_before_its_attempt_is_on_the_disk(tmp_path: Path) -> None:
    disk = Patient()
    async with bank_on(disk, tmp_path) as world:
        arta = await registered(world)
        browser = await arta.begin(world.client())
        form = {"username": arta.username, "password": arta.password}
        task = await disk.under_way(0, browser.http.post(browser.shown.forms["kc-form-login"].action, data=form))
        assert world.site.hashing_queue() == 1, "it has its place: nobody is counted who cannot be judged"
        assert not task.done()
        disk.flushes = 0
        disk.go_on()
        assert (await task).status_code == 302
        assert disk.flushes == 2, "one for what was counted, one for what came of it"


async def test_a_message_is_not_sent_before_it_is_counted_on_the_disk(tmp_path: Path) -> None:
    disk = Patient()
    async with bank_on(disk, tmp_path) as world:
        arta = Customer(world, "arta.hoxha", "+355692000101")
        browser = await arta.begin(world.client())
        await browser.open(browser.shown.links["register-soft-token"])
        before = len(world.sms.messages)
        form = {"username": arta.username, "password": arta.password}
        action = browser.shown.forms["kc-form-login"].action
        task = await disk.under_way(1, browser.http.post(action, data=form))  # the first holds the attempt
        assert len(world.sms.messages) == before
        disk.go_on()
        assert (await task).status_code == 302
        assert len(world.sms.messages) == before + 1


async def test_a_login_page_waits_for_the_disk_with_its_login(tmp_path: Path) -> None:
    disk = Patient()
    async with bank_on(disk, tmp_path) as world:
        browser = world.browser()
        task = await disk.under_way(0, browser.http.get(world.client().request()))
        assert not task.done()
        disk.go_on()
        assert (await task).status_code == 303
