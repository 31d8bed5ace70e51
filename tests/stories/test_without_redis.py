"""Redis killed, frozen, emptied in the middle of logins: what the customer saw; nobody let in, nothing used twice."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from idp.stores.optimistic import OptimisticKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from tests.fakes import FakeClock
from tests.stores.memory_place import MemoryPlace
from tests.stores.redis_server import RedisServer, needs_redis, settled_place
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.world import World, provider

pytestmark = [pytest.mark.anyio, needs_redis]

AGAIN = 0.3  # seconds after which a provider that was refused by Redis tries again
Breaks = Callable[[RedisServer], None]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, "--appendonly", "yes")
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
async def world(redis: RedisServer, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    place = await settled_place(redis.url, clock)
    kernel = OptimisticKernel(
        durable=MemoryPlace(),
        brief=place,
        is_brief=is_brief,
        clock=clock,
        random=secrets.token_bytes,
        forgot_at=lambda: place.forgot_at,
    )
    async with provider(tmp_path, edit=settled(forms(FORM, OTP)), clock=clock, shared=KernelStore(kernel, clock)) as it:
        yield it
    await place.close()


def told_to_come_again(page: Page) -> None:
    assert page.status == 503
    assert page.headers["retry-after"] == "30"
    assert "Shërbimi" in page.text("error-message")


def unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json()["error"] == "temporarily_unavailable"
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("breaks", [RedisServer.kill, RedisServer.freeze])
async def test_a_login_without_redis_is_a_page_that_says_when_to_come_again(
    world: World, redis: RedisServer, breaks: Breaks
) -> None:
    client, arta = world.client(), customer(world)
    fresh, at_password, at_code = world.browser(), await arta.begin(client), await arta.begin(client)
    await arta.give_password(at_code)
    earlier = await arta.begin(client)
    await arta.log_in(earlier)
    waiting = earlier.answer["code"]
    events = len(await world.events())
    breaks(redis)
    told_to_come_again(await fresh.open(client.request()))
    told_to_come_again(await arta.give_password(at_password))
    told_to_come_again(await at_code.submit("kc-otp-login-form", otp=arta.next_code()))
    unavailable(await client.redeem(waiting))
    unavailable(await client.post("ext/par/request", **dict(parse_qsl(urlsplit(client.request()).query))))
    assert "LOGIN" not in [event.type for event in (await world.events())[: len(await world.events()) - events]]


async def test_who_is_logged_in_stays_so_while_redis_is_gone(world: World, redis: RedisServer) -> None:
    client, arta = world.client(), customer(world)
    browser = await arta.begin(client)
    await arta.log_in(browser)
    tokens = (await client.redeem(browser.answer["code"])).json()
    redis.kill()
    introspected = await client.post("token/introspect", token=tokens["access_token"])
    assert introspected.json()["active"]
    refreshed = await client.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200


async def test_after_a_restart_a_login_begins_again_and_succeeds(world: World, redis: RedisServer) -> None:
    client, arta = world.client(), customer(world)
    browser = await arta.begin(client)
    await arta.give_password(browser)
    page = browser.page
    redis.kill()
    told_to_come_again(await browser.submit("kc-otp-login-form", otp=arta.next_code()))
    redis.start()
    await asyncio.sleep(AGAIN)
    browser.page = page  # the way back, and the same code again
    stale = await browser.submit("kc-otp-login-form", otp=arta.code())
    assert not browser.has_left
    assert stale.status == 410
    await _logs_in(world, browser)


async def test_after_thawing_a_login_goes_on(world: World, redis: RedisServer) -> None:
    client, arta = world.client(), customer(world)
    browser = await arta.begin(client)
    redis.freeze()
    told_to_come_again(await arta.give_password(browser))
    redis.thaw()
    await asyncio.sleep(AGAIN)
    await _logs_in(world, browser)


async def test_a_code_is_not_redeemed_twice_although_redis_was_emptied_or_started_anew(
    world: World, redis: RedisServer
) -> None:
    client, arta = world.client(), customer(world)

    def starts_anew() -> None:
        redis.kill()
        redis.start()

    for forgets in (redis.empty, starts_anew):
        browser = await arta.begin(client)
        await arta.log_in(browser)
        used = browser.answer["code"]
        assert (await client.redeem(used)).status_code == 200
        another = await arta.begin(client)
        await arta.log_in(another)
        forgets()
        for code in (used, another.answer["code"]):
            answer = await client.redeem(code)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        await _logs_in(world, await arta.begin(client))


async def _logs_in(world: World, browser: Browser) -> None:
    """Let the customer begin at the bank again, in whatever state the browser is."""
    client, arta = world.client(), customer(world)
    await browser.open(client.request(prompt="login"))
    await arta.log_in(browser)
    answer = await client.redeem(browser.answer["code"])
    assert answer.status_code == 200, answer.text
