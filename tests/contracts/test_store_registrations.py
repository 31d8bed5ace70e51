"""Clients that registered themselves, and the tokens that let them."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.contracts.values import NOW, a_registered_client, an_initial_token
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_client_is_kept_as_it_was(realm: RealmStores) -> None:
    client = a_registered_client()
    assert await realm.registered_clients.create(client, most=1)
    assert await realm.registered_clients.get("client-1") == client
    assert await realm.registered_clients.all() == [client]


async def test_a_realm_holds_so_many_clients(realm: RealmStores) -> None:
    assert not await realm.registered_clients.create(a_registered_client("a"), most=0)
    assert await realm.registered_clients.create(a_registered_client("a"), most=1)
    assert not await realm.registered_clients.create(a_registered_client("b"), most=1)
    assert await realm.registered_clients.remove("a")
    assert await realm.registered_clients.create(a_registered_client("b"), most=1)


async def test_of_many_who_come_for_the_last_place_one_gets_it(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        names = iter(range(1000))

        async def enter(number: int = number, names: object = names) -> bool:
            client = a_registered_client(f"{number}-{next(names)}")  # type: ignore[call-overload]
            return await realm.registered_clients.create(client, most=number + 1)

        assert (await race(enter)).count(True) == 1


async def test_a_client_is_replaced_by_who_saw_it_last(realm: RealmStores) -> None:
    client = a_registered_client()
    await realm.registered_clients.create(client, most=1)
    changed = msgspec.structs.replace(client, sealed=b"other")
    assert await realm.registered_clients.replace(changed)
    assert not await realm.registered_clients.replace(changed)
    assert await realm.registered_clients.get("client-1") == msgspec.structs.replace(changed, revision=1)
    assert not await realm.registered_clients.replace(a_registered_client("nobody"))


async def test_a_client_is_removed_by_one_of_many(realm: RealmStores) -> None:
    await realm.registered_clients.create(a_registered_client(), most=1)
    assert (await race(partial(realm.registered_clients.remove, "client-1"))).count(True) == 1
    assert await realm.registered_clients.get("client-1") is None


async def test_every_change_is_a_new_revision_and_nothing_else_is(realm: RealmStores) -> None:
    store = realm.registered_clients
    seen = [await store.revision()]
    await store.create(a_registered_client(), most=1)
    seen.append(await store.revision())
    await store.replace(a_registered_client())
    seen.append(await store.revision())
    await store.remove("client-1")
    seen.append(await store.revision())
    assert seen == sorted(set(seen))
    await store.remove("client-1")
    await store.replace(a_registered_client())
    await store.create(a_registered_client(), most=0)
    assert await store.revision() == seen[-1]


async def test_an_initial_token_has_so_many_uses(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        key = f"token-{number}"
        await realm.initial_tokens.create(key, an_initial_token(remaining=3))
        assert (await race(partial(realm.initial_tokens.take, key))).count(True) == 3
        assert await realm.initial_tokens.get(key) is None


async def test_an_initial_token_is_good_until_its_time(realm: RealmStores, clock: FakeClock) -> None:
    await realm.initial_tokens.create("key", an_initial_token(remaining=9, expires_at=NOW + 60))
    clock.advance(59)
    assert await realm.initial_tokens.take("key")
    assert await realm.initial_tokens.get("key") == an_initial_token(remaining=8, expires_at=NOW + 60)
    clock.advance(1)
    assert await realm.initial_tokens.get("key") is None
    assert not await realm.initial_tokens.take("key")
