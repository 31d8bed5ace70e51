from __future__ import annotations

from functools import partial

import pytest

from idp.model.messages.message import DeliveryState, MessageDelivery
from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
SENT = MessageDelivery(transaction_id="transaction-1", user_id="user-1")
DELIVERED, UNDELIVERED, ACCEPTED = DeliveryState.DELIVERED, DeliveryState.UNDELIVERED, DeliveryState.ACCEPTED


async def test_a_message_is_known_by_its_gateway_and_its_id(realm: RealmStores) -> None:
    messages = realm.message_deliveries
    assert await messages.sent("main", "m-1", SENT, ttl=60) == SENT
    assert await messages.get("main", "m-1") == SENT
    assert await messages.get("spare", "m-1") is None
    assert await messages.get("main", "m-2") is None


async def test_the_first_news_counts_and_is_told_once(realm: RealmStores, rounds: int) -> None:
    messages = realm.message_deliveries
    for number in range(rounds):
        await messages.sent("main", f"m-{number}", SENT, ttl=60)
        assert await messages.tell("main", f"m-{number}", ACCEPTED, ttl=60) is None
        told = await race(partial(messages.tell, "main", f"m-{number}", UNDELIVERED, ttl=60))
        (news,) = [delivery for delivery in told if delivery is not None]
        assert (news.state, news.transaction_id) == (UNDELIVERED, "transaction-1")
        assert await messages.tell("main", f"m-{number}", DELIVERED, ttl=60) is None
        assert await messages.get("main", f"m-{number}") == news


async def test_a_receipt_that_is_faster_than_we_are_is_not_lost(realm: RealmStores) -> None:
    messages = realm.message_deliveries
    early = await messages.tell("main", "m-1", DELIVERED, ttl=60)
    assert early == MessageDelivery(state=DELIVERED)
    kept = await messages.sent("main", "m-1", SENT, ttl=60)
    assert (kept.state, kept.user_id) == (DELIVERED, "user-1")
    assert await messages.get("main", "m-1") == kept


async def test_a_message_is_forgotten_after_its_time(realm: RealmStores, clock: FakeClock) -> None:
    messages = realm.message_deliveries
    await messages.sent("main", "m-1", SENT, ttl=60)
    clock.advance(30)
    await messages.tell("main", "m-1", DELIVERED, ttl=60)
    await messages.tell("main", "m-2", DELIVERED, ttl=20)
    clock.advance(29)
    assert await messages.get("main", "m-1") is not None
    assert await messages.get("main", "m-2") is None
    clock.advance(1)
    assert await messages.get("main", "m-1") is None


async def test_an_id_of_any_form_can_be_kept(realm: RealmStores) -> None:
    for odd in ("", "\x00\ud800", "é" * 4000):
        await realm.message_deliveries.tell("main", odd, DELIVERED, ttl=60)
