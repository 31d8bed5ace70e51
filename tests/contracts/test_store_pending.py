"""Requests that somebody decides elsewhere: found from two sides, decided once, taken once."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from idp.model.pending import PendingState
from idp.ports import RealmStores, Replayed, Taken
from idp.stores.verbs.pending import REMEMBERED
from tests.contracts.store_contract import RACERS, race
from tests.contracts.values import NOW, a_code, a_pending
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_request_is_found_by_the_clients_handle_and_by_the_persons_ticket(realm: RealmStores) -> None:
    assert await realm.pending.create(a_pending())
    assert await realm.pending.get("pending-1") == a_pending()
    assert await realm.pending.by_ticket("ticket-1") == a_pending()
    assert await realm.pending.get("ticket-1") is None
    assert await realm.pending.by_ticket("pending-1") is None


async def test_a_ticket_that_is_in_use_is_not_given_to_a_second_request(realm: RealmStores) -> None:
    assert await realm.pending.create(a_pending())
    assert not await realm.pending.create(a_pending("pending-2", ticket="ticket-1"))
    assert await realm.pending.get("pending-2") is None
    assert await realm.pending.by_ticket("ticket-1") == a_pending()


async def test_a_ticket_is_free_again_once_its_request_has_expired(realm: RealmStores, clock: FakeClock) -> None:
    assert await realm.pending.create(a_pending(expires_at=NOW + 60))
    clock.advance(60)
    assert await realm.pending.create(a_pending("pending-2", ticket="ticket-1"))


async def test_a_second_request_of_one_handle_is_a_mistake(realm: RealmStores) -> None:
    await realm.pending.create(a_pending())
    with pytest.raises(ValueError, match="existing"):
        await realm.pending.create(a_pending(ticket="ticket-2"))
    assert await realm.pending.by_ticket("ticket-2") is None


async def test_an_expired_request_is_remembered_for_its_client_but_no_person_reaches_it(
    realm: RealmStores, clock: FakeClock
) -> None:
    await realm.pending.create(a_pending(expires_at=NOW + 60))
    clock.advance(60)
    assert await realm.pending.by_ticket("ticket-1") is None
    assert await realm.pending.get("pending-1") == a_pending(expires_at=NOW + 60)
    clock.advance(REMEMBERED)
    assert await realm.pending.get("pending-1") is None


async def test_of_many_decisions_one_is_kept(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        pending = a_pending(f"pending-{number}", ticket=f"ticket-{number}")
        await realm.pending.create(pending)
        denied = msgspec.structs.replace(pending, state=PendingState.DENIED)
        results = await race(partial(realm.pending.replace, denied))
        assert results.count(True) == 1
        assert await realm.pending.get(pending.key) == msgspec.structs.replace(denied, revision=1)


async def test_a_request_that_never_existed_is_neither_replaced_nor_taken(realm: RealmStores) -> None:
    assert not await realm.pending.replace(a_pending())
    assert await realm.pending.take("pending-1") is None
    assert await realm.pending.get("pending-1") is None


@pytest.mark.parametrize("state", [PendingState.PENDING, PendingState.DENIED])
async def test_what_is_not_approved_cannot_be_taken(realm: RealmStores, state: PendingState) -> None:
    await realm.pending.create(msgspec.structs.replace(a_pending(), state=state))
    assert await realm.pending.take("pending-1") is None
    found = await realm.pending.get("pending-1")
    assert found is not None
    assert found.state is state


async def test_an_approved_request_is_taken_once_by_many_racers(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        pending = a_pending(f"pending-{number}", ticket=f"ticket-{number}")
        await realm.pending.create(pending)
        approved = msgspec.structs.replace(pending, state=PendingState.APPROVED, approval=a_code())
        assert await realm.pending.replace(approved)
        results = await race(partial(realm.pending.take, pending.key))
        assert results.count(Taken(value=msgspec.structs.replace(approved, revision=1))) == 1
        assert sum(isinstance(result, Replayed) for result in results) == RACERS - 1


async def test_a_decision_that_comes_after_the_taking_changes_nothing(realm: RealmStores) -> None:
    approved = msgspec.structs.replace(a_pending(), state=PendingState.APPROVED, approval=a_code())
    await realm.pending.create(approved)
    assert isinstance(await realm.pending.take("pending-1"), Taken)
    assert not await realm.pending.replace(msgspec.structs.replace(approved, state=PendingState.PENDING))
    assert isinstance(await realm.pending.take("pending-1"), Replayed)
