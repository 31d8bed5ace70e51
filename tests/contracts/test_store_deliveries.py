from __future__ import annotations

from functools import partial

import pytest

from idp.ports import RealmStores
from idp.stores.kernel import Kernel
from idp.stores.records import KernelStore
from tests.contracts.store_contract import race
from tests.contracts.values import NOW, a_delivery
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
LATER = NOW + 7200


async def test_a_delivery_is_due_from_its_moment_on(realm: RealmStores) -> None:
    await realm.logout_deliveries.put(a_delivery(next_at=NOW + 90), expires_at=LATER)
    assert await realm.logout_deliveries.due(now=NOW + 89, limit=10) == []
    assert await realm.logout_deliveries.due(now=NOW + 90, limit=10) == [a_delivery(next_at=NOW + 90)]
    assert await realm.logout_deliveries.due(now=NOW + 3600, limit=10) == [a_delivery(next_at=NOW + 90)]


async def test_the_longest_waiting_comes_first_and_no_more_than_asked_for(realm: RealmStores) -> None:
    for minute in (3, 1, 2, 0):
        await realm.logout_deliveries.put(a_delivery(f"d-{minute}", next_at=NOW + 60 * minute), expires_at=LATER)
    due = await realm.logout_deliveries.due(now=NOW + 3600, limit=3)
    assert [delivery.id for delivery in due] == ["d-0", "d-1", "d-2"]


async def test_a_delivery_that_comes_to_wait_before_all_others_is_found(realm: RealmStores) -> None:
    await realm.logout_deliveries.put(a_delivery("late", next_at=NOW + 600), expires_at=LATER)
    assert await realm.logout_deliveries.due(now=NOW + 599, limit=10) == []
    await realm.logout_deliveries.put(a_delivery("early", next_at=NOW + 10), expires_at=LATER)
    due = await realm.logout_deliveries.due(now=NOW + 599, limit=10)
    assert [delivery.id for delivery in due] == ["early"]


async def test_the_first_of_an_id_stays(realm: RealmStores) -> None:
    await realm.logout_deliveries.put(a_delivery(), expires_at=LATER)
    claimed = await realm.logout_deliveries.claim(a_delivery(), next_at=NOW + 10)
    await realm.logout_deliveries.put(a_delivery(), expires_at=LATER)
    assert await realm.logout_deliveries.due(now=NOW + 10, limit=10) == [claimed]


async def test_an_attempt_is_claimed_once_and_waits_for_its_next_moment(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        delivery = a_delivery(f"d-{number}")
        await realm.logout_deliveries.put(delivery, expires_at=LATER)
        won = await race(partial(realm.logout_deliveries.claim, delivery, next_at=NOW + 70))
        claimed = a_delivery(delivery.id, next_at=NOW + 70, attempts=1)
        assert [one for one in won if one is not None] == [claimed]
        assert await realm.logout_deliveries.due(now=NOW + 69, limit=10) == []
        assert await realm.logout_deliveries.due(now=NOW + 70, limit=10) == [claimed]
        await realm.logout_deliveries.done(delivery.id)


async def test_what_is_done_is_done_once_and_never_due_again(realm: RealmStores) -> None:
    await realm.logout_deliveries.put(a_delivery(), expires_at=LATER)
    assert (await race(lambda: realm.logout_deliveries.done("delivery-1"))).count(True) == 1
    assert await realm.logout_deliveries.due(now=LATER, limit=10) == []
    assert await realm.logout_deliveries.claim(a_delivery(), next_at=NOW) is None


async def test_a_delivery_is_given_up_at_its_end(realm: RealmStores, clock: FakeClock) -> None:
    await realm.logout_deliveries.put(a_delivery(), expires_at=NOW + 100)
    await realm.logout_deliveries.claim(a_delivery(), next_at=NOW + 10)
    clock.advance(99)
    assert len(await realm.logout_deliveries.due(now=NOW + 99, limit=10)) == 1
    clock.advance(1)
    assert await realm.logout_deliveries.due(now=NOW + 100, limit=10) == []


async def test_what_waited_before_a_restart_is_due_after_it(kernel: Kernel, clock: FakeClock) -> None:
    await KernelStore(kernel, clock).realm("bank").logout_deliveries.put(a_delivery(), expires_at=LATER)
    started_again = KernelStore(kernel, clock).realm("bank")
    assert await started_again.logout_deliveries.due(now=NOW + 1800, limit=10) == [a_delivery()]
