from __future__ import annotations

from functools import partial

import pytest

from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.contracts.values import an_event
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

YEAR = 365 * 86400


async def test_a_kept_secret_is_there_for_its_purpose_for_good(realm: RealmStores, clock: FakeClock) -> None:
    assert await realm.secrets.keep("signing", "k1", b"\x00one")
    assert await realm.secrets.keep("signing", "k2", b"two")
    assert await realm.secrets.keep("cookie", "k1", b"three")
    clock.advance(10 * YEAR)
    assert await realm.secrets.all("signing") == {"k1": b"\x00one", "k2": b"two"}
    assert await realm.secrets.all("cookie") == {"k1": b"three"}
    assert await realm.secrets.all("none") == {}


async def test_a_secret_is_never_overwritten(realm: RealmStores) -> None:
    await realm.secrets.keep("signing", "k1", b"one")
    assert not await realm.secrets.keep("signing", "k1", b"two")
    assert await realm.secrets.all("signing") == {"k1": b"one"}


async def test_one_of_many_nodes_keeps_its_secret(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        key = f"k{number}"
        results = await race(partial(realm.secrets.keep, "signing", key, b"one"))
        assert results.count(True) == 1


async def test_a_secret_is_replaced_by_whoever_knows_what_is_there(realm: RealmStores) -> None:
    await realm.secrets.keep("signing", "k1", b"one")
    assert await realm.secrets.replace("signing", "k1", b"two", expected=b"one")
    assert not await realm.secrets.replace("signing", "k1", b"three", expected=b"one")
    assert not await realm.secrets.replace("signing", "k2", b"three", expected=b"")
    assert not await realm.secrets.replace("cookie", "k1", b"three", expected=b"two")
    assert await realm.secrets.all("signing") == {"k1": b"two"}


async def test_one_of_many_replacements_wins(realm: RealmStores, rounds: int) -> None:
    await realm.secrets.keep("signing", "k1", b"0")
    for number in range(rounds):
        old, new = str(number).encode(), str(number + 1).encode()
        results = await race(partial(realm.secrets.replace, "signing", "k1", new, expected=old))
        assert results.count(True) == 1


async def test_the_revision_of_a_purpose_grows_with_its_changes_and_with_nothing_else(
    realm: RealmStores, other_realm: RealmStores, clock: FakeClock
) -> None:
    assert await realm.secrets.revision("signing") == 0
    await realm.secrets.keep("signing", "k1", b"one")
    assert await realm.secrets.revision("signing") == 1
    await realm.secrets.replace("signing", "k1", b"two", expected=b"one")
    assert await realm.secrets.revision("signing") == 2
    await realm.secrets.keep("signing", "k1", b"refused")
    await realm.secrets.replace("signing", "k1", b"refused", expected=b"one")
    await realm.secrets.keep("cookie", "k1", b"elsewhere")
    await other_realm.secrets.keep("signing", "k1", b"elsewhere")
    clock.advance(10 * YEAR)
    assert await realm.secrets.revision("signing") == 2


async def test_events_come_back_newest_first(realm: RealmStores) -> None:
    for kind in ("LOGIN", "CODE_TO_TOKEN", "LOGOUT"):
        await realm.events.record(an_event(kind))
    assert await realm.events.recent(limit=10) == [an_event("LOGOUT"), an_event("CODE_TO_TOKEN"), an_event("LOGIN")]
    assert await realm.events.recent(limit=2) == [an_event("LOGOUT"), an_event("CODE_TO_TOKEN")]
    assert await realm.events.recent(limit=0) == []


async def test_the_events_of_one_transaction_are_found(realm: RealmStores) -> None:
    await realm.events.record(an_event("LOGIN", transaction_id="t1"))
    await realm.events.record(an_event("LOGIN", transaction_id="t2"))
    await realm.events.record(an_event("LOGOUT", transaction_id="t1"))
    found = await realm.events.recent(limit=10, transaction_id="t1")
    assert found == [an_event("LOGOUT", transaction_id="t1"), an_event("LOGIN", transaction_id="t1")]
    assert len(await realm.events.recent(limit=1, transaction_id="t1")) == 1
    assert await realm.events.recent(limit=10, transaction_id="t3") == []


async def test_no_event_of_many_at_once_is_lost(realm: RealmStores) -> None:
    await race(lambda: realm.events.record(an_event()))
    assert len(await realm.events.recent(limit=1000)) == 50
