"""Clocks that are wrong: nodes whose clocks are 30 seconds apart, a clock that is set forward and back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from idp.stores.optimistic import OptimisticKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from tests.fakes import FakeClock
from tests.stores.memory_place import MemoryPlace
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.test_two_nodes import Pair, active
from tests.stories.world import FakeSms, provider

pytestmark = pytest.mark.anyio

SETTLED = settled(forms(FORM, OTP))
APART = 30.0  # seconds
DAY = 86400


@contextlib.asynccontextmanager
async def nodes_apart(folder: Path, seconds: float) -> AsyncIterator[Pair]:
    """Open two nodes on one store; the second one's clock is ahead."""
    durable, brief, sms = MemoryPlace(), MemoryPlace(), FakeSms()
    clocks = [FakeClock(), FakeClock()]
    clocks[1].advance(seconds)
    async with contextlib.AsyncExitStack() as opened:
        worlds = []
        for clock in clocks:
            kernel = OptimisticKernel(
                durable=durable, brief=brief, is_brief=is_brief, clock=clock, random=secrets.token_bytes
            )
            shared = KernelStore(kernel, clock)
            worlds.append(
                await opened.enter_async_context(provider(folder, edit=SETTLED, clock=clock, sms=sms, shared=shared))
            )
        yield Pair(*worlds)


async def test_a_login_hops_between_nodes_whose_clocks_are_apart_and_its_tokens_count_at_both(tmp_path: Path) -> None:
    async with nodes_apart(tmp_path, APART) as nodes:
        client = nodes.world.client()
        browser = await customer(nodes.world).begin(client)
        await customer(nodes.world).log_in(browser)
        answer = await client.redeem(browser.answer["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        for world in (nodes.here, nodes.there, nodes.here, nodes.there):
            assert await active(world, tokens["access_token"])
            renewed = await world.client().post(
                "token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]
            )
            assert renewed.status_code == 200, renewed.text
            tokens = renewed.json()


@pytest.mark.parametrize("apart", [APART, -APART])
async def test_nothing_is_used_twice_at_nodes_whose_clocks_are_apart(tmp_path: Path, apart: float) -> None:
    async with nodes_apart(tmp_path, apart) as nodes:
        here, there = nodes.here.client(), nodes.there.client()
        there.verifier = here.verifier
        arta = customer(nodes.here)
        browser = await arta.begin(here)
        await arta.give_password(browser)
        given = arta.code()
        await browser.submit("kc-otp-login-form", otp=given)
        answers = await asyncio.gather(*(party.redeem(browser.answer["code"]) for party in (here, there)))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
        second = await customer(nodes.there).begin(there)
        await customer(nodes.there).give_password(second)
        await second.submit("kc-otp-login-form", otp=given)
        assert not second.has_left, "the code of the token was used at the other node"


async def test_a_clock_that_was_set_forward_and_back_brings_nothing_back_to_life(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=SETTLED) as world:
        client, arta = world.client(), customer(world)
        browser = await arta.begin(client)
        await arta.log_in(browser)
        used = browser.answer["code"]
        tokens = (await client.redeem(used)).json()
        world.clock.advance(DAY)
        assert not await active(world, tokens["access_token"])
        await browser.open(client.request())
        assert "kc-form-login" in browser.shown.forms, "the session is over"
        while await world.site.store.sweep():
            pass
        world.clock.advance(-DAY)
        await browser.open(client.request())
        assert "kc-form-login" in browser.shown.forms, "what expired was removed, and stays so"
        assert (await client.redeem(used)).status_code == 400
        refreshed = await client.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert refreshed.status_code == 400
        await arta.log_in(browser)
        assert browser.has_left, "and everybody can log in again"


async def test_a_clock_that_was_set_back_accepts_no_code_again(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=SETTLED) as world:
        client, arta = world.client(), customer(world)
        browser = await arta.begin(client)
        await arta.give_password(browser)
        given = arta.next_code()
        await browser.submit("kc-otp-login-form", otp=given)
        code = browser.answer["code"]
        assert (await client.redeem(code)).status_code == 200
        world.clock.advance(-25)
        again = await arta.begin(client)
        await arta.give_password(again)
        await again.submit("kc-otp-login-form", otp=given)
        assert not again.has_left
        assert (await client.redeem(code)).status_code == 400
        world.clock.advance(25)
        await again.submit("kc-otp-login-form", otp=arta.next_code())
        assert again.has_left
