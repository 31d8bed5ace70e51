"""Nothing crosses a realm, and nothing crosses a kind."""

from __future__ import annotations

import pytest

from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Locks
from idp.ports import RealmStores
from idp.stores.kernel import Kernel, Transaction
from tests.contracts.values import (
    NOW,
    a_code,
    a_confirmation,
    a_delivery,
    a_draft,
    a_family,
    a_login,
    a_pending,
    a_publication,
    a_pushed_request,
    a_registered_client,
    a_session,
    a_user,
    an_event,
    an_initial_token,
)

pytestmark = pytest.mark.anyio

POLICY = BruteForcePolicy(protected=True)


async def fill(realm: RealmStores, key: str) -> None:
    """Store something of every kind under one and the same key."""
    await realm.authentication_sessions.create(a_login(key))
    await realm.user_sessions.create(a_session(key, user_id=key), expires_at=NOW + 600)
    await realm.codes.put(key, a_code())
    await realm.pushed_requests.put(key, a_pushed_request(), kept_until=NOW + 600)
    await realm.refresh_families.create(a_family(key, current=key))
    await realm.pending.create(a_pending(key, ticket=key))
    await realm.logout_deliveries.put(a_delivery(key), expires_at=NOW + 600)
    await realm.users.create(a_user(key, username=key, email=key))
    await realm.attempts.hit(key, "password", policy=POLICY, now=NOW)
    await realm.throttle.hit("purpose", key, limit=1, window=600)
    await realm.first_use.first_use("purpose", key, ttl=600)
    await realm.counters.burn(key, 1)
    await realm.latest.set("purpose", key, key, ttl=600)
    await realm.secrets.keep("purpose", key, b"sealed")
    await realm.versions.publish(a_publication(1, key, confirm_by=NOW + 600), b"sealed")
    await realm.versions.confirm(a_confirmation(1))
    await realm.versions.keep_draft(a_draft(key))
    await realm.registered_clients.create(a_registered_client(key), most=10)
    await realm.initial_tokens.create(key, an_initial_token())
    await realm.events.record(an_event(transaction_id=key))


async def assert_empty(realm: RealmStores, key: str) -> None:
    """Ask every verb that could find something."""
    assert await realm.authentication_sessions.get(key) is None
    assert not await realm.authentication_sessions.replace(a_login(key))
    assert await realm.user_sessions.get(key) is None
    assert await realm.user_sessions.of_user(key) == []
    assert await realm.user_sessions.end(key) is None
    assert await realm.codes.take(key) is None
    assert await realm.pushed_requests.get(key) is None
    assert await realm.pushed_requests.take(key) is None
    assert await realm.refresh_families.get(key) is None
    assert await realm.refresh_families.touch(key, presented=key, now=NOW, expires_at=NOW + 600) is None
    assert not await realm.refresh_families.end(key)
    assert await realm.pending.get(key) is None
    assert await realm.pending.by_ticket(key) is None
    assert not await realm.pending.replace(a_pending(key))
    assert await realm.pending.take(key) is None
    assert await realm.logout_deliveries.due(now=NOW, limit=10) == []
    assert await realm.logout_deliveries.claim(a_delivery(key), next_at=NOW) is None
    assert not await realm.logout_deliveries.done(key)
    assert await realm.users.by_id(key) is None
    assert await realm.users.by_username(key) is None
    assert await realm.users.by_email(key) is None
    assert [user async for user in realm.users.every()] == []
    assert await realm.attempts.locks(key) == Locks()
    assert not await realm.first_use.seen("purpose", key)
    assert not await realm.latest.take("purpose", key, key)
    assert await realm.secrets.all("purpose") == {}
    assert await realm.versions.latest() is None
    assert await realm.versions.log() == []
    assert await realm.versions.get(key) is None
    assert not await realm.versions.revert(a_publication(1, key))
    assert not await realm.versions.confirm(a_confirmation(1))
    assert await realm.versions.confirmations() == []
    assert await realm.versions.draft(key) is None
    assert await realm.versions.drafts() == []
    assert not await realm.versions.drop_draft(key)
    assert await realm.registered_clients.get(key) is None
    assert await realm.registered_clients.all() == []
    assert not await realm.registered_clients.replace(a_registered_client(key))
    assert not await realm.registered_clients.remove(key)
    assert await realm.registered_clients.revision() == 0
    assert await realm.initial_tokens.get(key) is None
    assert not await realm.initial_tokens.take(key)
    assert await realm.events.recent(limit=10) == []
    assert await realm.events.recent(limit=10, transaction_id=key) == []


async def test_nothing_of_a_realm_is_reached_through_another(realm: RealmStores, other_realm: RealmStores) -> None:
    await fill(realm, "key")
    await assert_empty(other_realm, "key")
    await fill(other_realm, "key")  # The same keys are free there: nothing was claimed across.


async def test_what_another_realm_does_takes_nothing_away(realm: RealmStores, other_realm: RealmStores) -> None:
    await fill(realm, "key")
    await assert_empty(other_realm, "key")
    assert await realm.authentication_sessions.get("key") == a_login("key")
    assert await realm.codes.take("key") is not None
    assert await realm.refresh_families.get("key") == a_family("key", current="key")
    assert await realm.user_sessions.end("key") is not None
    assert await realm.latest.take("purpose", "key", "key")
    assert await realm.versions.latest() == a_publication(1, "key", confirm_by=NOW + 600)


async def _login(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login("key"))


async def _code(realm: RealmStores) -> None:
    await realm.codes.put("key", a_code())


async def _family(realm: RealmStores) -> None:
    await realm.refresh_families.create(a_family("key", current="key"))


async def _first_use(realm: RealmStores) -> None:
    await realm.first_use.first_use("another purpose", "key", ttl=600)


async def _latest(realm: RealmStores) -> None:
    await realm.latest.set("another purpose", "key", "key", ttl=600)


async def _budget(realm: RealmStores) -> None:
    await realm.throttle.hit("purpose", "key", limit=1, window=600)


async def _secret(realm: RealmStores) -> None:
    await realm.secrets.keep("another purpose", "key", b"sealed")


@pytest.mark.parametrize("store_one", [_first_use, _latest, _budget, _secret])
async def test_a_value_of_one_purpose_is_nothing_else(realm: RealmStores, store_one: object) -> None:
    assert callable(store_one)
    await store_one(realm)
    await assert_empty(realm, "key")


async def test_a_code_is_nothing_but_a_code(realm: RealmStores) -> None:
    await _code(realm)
    assert await realm.authentication_sessions.get("key") is None
    assert await realm.user_sessions.get("key") is None
    assert await realm.refresh_families.rotate("key", presented="key", successor="x", now=NOW, expires_at=NOW) is None
    assert not await realm.first_use.seen("purpose", "key")
    assert not await realm.latest.take("purpose", "key", "key")
    assert await realm.codes.take("key") is not None


@pytest.mark.parametrize("store_one", [_login, _family, _first_use, _latest, _budget, _secret])
async def test_nothing_but_a_code_is_taken_as_a_code(realm: RealmStores, store_one: object) -> None:
    assert callable(store_one)
    await store_one(realm)
    assert await realm.codes.take("key") is None


async def test_a_purpose_cannot_be_spelled_to_reach_another(realm: RealmStores) -> None:
    await realm.first_use.first_use("a", "b/c", ttl=600)
    assert not await realm.first_use.seen("a/b", "c")
    await realm.latest.set("a", "b/c", "value", ttl=600)
    assert not await realm.latest.take("a/b", "c", "value")


async def test_the_kernel_keeps_kind_realm_and_key_apart(kernel: Kernel) -> None:
    def work(tx: Transaction) -> None:
        tx.put("a", "bc", "d", b"1", owner="o")
        tx.put("ab", "c", "d", b"2", owner="o")
        tx.put("a", "b", "cd", b"3", owner="o")

    await kernel.transact(work)
    assert await kernel.get("a", "bc", "d") == b"1"
    assert await kernel.get("ab", "c", "d") == b"2"
    assert await kernel.owned("a", "b", "o") == [b"3"]
    assert await kernel.every("a", "b") == {"cd": b"3"}
    assert await kernel.get("A", "bc", "d") is None
