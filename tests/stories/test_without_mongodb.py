"""MongoDB killed and frozen in the middle of logins: what the customer saw; nobody let in, nothing lost."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog

from idp.stores.mongo.connection import connect
from idp.stores.mongo.fresh import FreshPlace
from idp.stores.mongo.place import MongoPlace
from idp.stores.optimistic import OptimisticKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from tests.fakes import FakeClock
from tests.stores.memory_place import MemoryPlace
from tests.stores.mongodb import MongoServer
from tests.stories.browser import Browser, Page
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.world import World, provider

pytestmark = pytest.mark.anyio

Act = Callable[[MongoServer], None]


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path / "mongodb")
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
async def world(mongodb: MongoServer, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    url = mongodb.url("hyrja")
    impatient = url.replace("20000", "1000")
    await (await MongoPlace.open(url, serving=True)).close()
    place = await MongoPlace.open(impatient, serving=False)
    kernel = OptimisticKernel(
        durable=FreshPlace(place, connect(impatient, waits=True)),
        brief=MemoryPlace(),
        is_brief=is_brief,
        clock=clock,
        random=secrets.token_bytes,
    )
    async with provider(tmp_path, edit=settled(forms(FORM, OTP)), clock=clock, shared=KernelStore(kernel, clock)) as it:
        yield it
    await kernel.close()


def told_to_come_again(page: Page) -> None:
    assert page.status == 503
    assert page.headers["retry-after"]
    assert "Shërbimi" in page.text("error-message")


@pytest.mark.parametrize(
    ("breaks", "mends"), [(MongoServer.kill, MongoServer.start), (MongoServer.freeze, MongoServer.thaw)]
)
async def test_a_login_without_mongodb_lets_nobody_in_and_goes_on_afterwards(
    world: World, mongodb: MongoServer, breaks: Act, mends: Act
) -> None:
    client, arta = world.client(), customer(world)
    earlier = await arta.begin(client)
    await arta.log_in(earlier)
    tokens = (await client.redeem(earlier.answer["code"])).json()
    at_password, at_code = await arta.begin(client), await arta.begin(client)
    await arta.give_password(at_code)
    with structlog.testing.capture_logs() as lines:
        breaks(mongodb)
        await _is_refused(world, at_password, at_code, tokens["refresh_token"])
    assert [line for line in lines if line.get("exc_info")] == [], "a store that is gone is nobody's traceback"
    mends(mongodb)
    refreshed = await client.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    await _logs_in(world, world.browser())


async def _is_refused(world: World, at_password: Browser, at_code: Browser, refresh_token: str) -> None:
    client, arta = world.client(), customer(world)
    told_to_come_again(await arta.give_password(at_password))
    told_to_come_again(await at_code.submit("kc-otp-login-form", otp=arta.next_code()))
    assert not at_code.has_left
    refused = await client.post("token", grant_type="refresh_token", refresh_token=refresh_token)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert refused.headers["retry-after"] == "5"


async def _logs_in(world: World, browser: Browser) -> None:
    client, arta = world.client(), customer(world)
    await browser.open(client.request(prompt="login"))
    await arta.log_in(browser)
    answer = await client.redeem(browser.answer["code"])
    assert answer.status_code == 200, answer.text
