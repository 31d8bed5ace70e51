"""A year goes by, with logins, failures and strangers every day: what is kept does not grow with the days."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from idp.stores.upkeep.copying import EVENTS, every_event, every_record
from idp.stores.upkeep.sweeping import SWEPT_AT_ONCE
from tests.fakes import FakeClock
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.world import RelyingParty, World, provider

pytestmark = pytest.mark.anyio

DAY = 86400
EVENTS_KEPT = 30 * DAY
HISTORY = {"realm-version", "realm-publication", "realm-confirmation"}
"""Kept for good, for auditors: it grows with what an administrator publishes, not with what customers do."""


async def a_day(world: World, client: RelyingParty, day: int) -> None:
    """Somebody logs in and uses what came of it; strangers guess, and give up."""
    arta = customer(world)
    browser = await arta.begin(client)
    await arta.log_in(browser)
    tokens = (await client.redeem(browser.answer["code"])).json()
    renewed = await client.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200, renewed.text
    machine = await client.post("token", grant_type="client_credentials")
    assert machine.status_code in {200, 400, 401}
    await client.post("revoke", token=renewed.json()["access_token"])
    stranger = await customer(world).begin(client)
    await stranger.submit("kc-form-login", username=f"stranger-{day}", password=secrets.token_hex(4))
    await customer(world).begin(client)  # and never comes back
    wrong = RelyingParty(world, realm=client.realm, client_id=client.client_id, secret="wrong")
    assert (await wrong.redeem("no-code")).status_code == 401


async def counted(kernel: MemoryKernel) -> Mapping[str, int]:
    found = Counter([record.kind async for record in every_record(kernel, now=0.0)])
    found[EVENTS] = len([event async for event in every_event(kernel)])
    return found


async def test_what_is_kept_does_not_grow_with_the_days(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = MemoryKernel(clock)
    store = KernelStore(kernel, clock, events_kept=EVENTS_KEPT)
    async with provider(tmp_path, edit=settled(forms(FORM, OTP)), clock=clock, shared=store) as world:
        client = world.client()
        most: dict[str, Counter[str]] = {"spring": Counter(), "autumn": Counter()}
        for day in range(365):
            await a_day(world, client, day)
            clock.advance(DAY)
            while await store.sweep() >= SWEPT_AT_ONCE:
                pass
            if 95 <= day < 125:
                most["spring"] |= Counter(await counted(kernel))
            if day >= 335:
                most["autumn"] |= Counter(await counted(kernel))
    for kind in most["autumn"].keys() - HISTORY:
        assert most["autumn"][kind] <= most["spring"][kind], f"{kind} grows: {most}"
    assert most["autumn"]["locks"] > 20, "strangers' guesses are remembered for a while"
    assert most["autumn"][EVENTS] > 100
