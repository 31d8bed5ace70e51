from __future__ import annotations

from functools import partial

import msgspec
import pytest

from idp.ports import RealmStores, Replayed, Reused, Rotated, Taken
from idp.stores.verbs.grants import TOMBSTONE
from tests.contracts.store_contract import RACERS, race
from tests.contracts.values import NOW, a_code, a_family, a_pushed_request
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_code_is_taken_once_and_recognised_afterwards(realm: RealmStores) -> None:
    await realm.codes.put("digest", a_code())
    assert await realm.codes.take("digest") == Taken(value=a_code())
    assert await realm.codes.take("digest") == Replayed(value=a_code())
    assert await realm.codes.take("digest") == Replayed(value=a_code())


async def test_a_code_that_never_existed_is_not_a_replay(realm: RealmStores) -> None:
    assert await realm.codes.take("digest") is None


async def test_a_code_is_taken_once_by_many_racers(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        key = f"digest-{number}"
        await realm.codes.put(key, a_code())
        results = await race(partial(realm.codes.take, key))
        assert results.count(Taken(value=a_code())) == 1
        assert results.count(Replayed(value=a_code())) == RACERS - 1


async def test_a_code_cannot_be_taken_in_the_second_it_expires(realm: RealmStores, clock: FakeClock) -> None:
    await realm.codes.put("early", a_code(expires_at=NOW + 60))
    await realm.codes.put("late", a_code(expires_at=NOW + 60))
    clock.advance(59)
    assert isinstance(await realm.codes.take("early"), Taken)
    clock.advance(1)
    assert await realm.codes.take("late") is None


async def test_a_taken_code_is_recognised_long_after_it_expired(realm: RealmStores, clock: FakeClock) -> None:
    await realm.codes.put("digest", a_code(expires_at=NOW + 60))
    await realm.codes.take("digest")
    clock.advance(60 + TOMBSTONE - 1)
    assert isinstance(await realm.codes.take("digest"), Replayed)
    clock.advance(1)
    assert await realm.codes.take("digest") is None


async def test_a_taken_code_is_not_brought_back_by_putting_it_again(realm: RealmStores) -> None:
    await realm.codes.put("digest", a_code())
    await realm.codes.take("digest")
    with pytest.raises(ValueError, match="existing"):
        await realm.codes.put("digest", a_code())
    assert isinstance(await realm.codes.take("digest"), Replayed)


async def test_rotating_makes_the_successor_current(realm: RealmStores) -> None:
    await realm.refresh_families.create(a_family())
    after = msgspec.structs.replace(a_family(), current="jti-2", last_used_at=NOW + 5, expires_at=NOW + 3600)
    rotated = await realm.refresh_families.rotate(
        "family-1", presented="jti-1", successor="jti-2", now=NOW + 5, expires_at=NOW + 3600
    )
    assert rotated == Rotated(family=after)
    assert await realm.refresh_families.get("family-1") == after


async def test_a_token_that_was_replaced_ends_its_family(realm: RealmStores) -> None:
    await realm.refresh_families.create(a_family(current="jti-2"))
    reused = await realm.refresh_families.rotate(
        "family-1", presented="jti-1", successor="jti-3", now=NOW, expires_at=NOW + 3600
    )
    assert reused == Reused(family=a_family(current="jti-2"))
    assert await realm.refresh_families.get("family-1") is None
    assert (
        await realm.refresh_families.rotate(
            "family-1", presented="jti-2", successor="jti-3", now=NOW, expires_at=NOW + 3600
        )
        is None
    )


async def test_a_token_is_rotated_once_by_many_racers_and_the_rest_end_the_family(
    realm: RealmStores, rounds: int
) -> None:
    for number in range(rounds):
        family_id = f"family-{number}"
        await realm.refresh_families.create(a_family(family_id))

        async def rotate(family_id: str = family_id) -> Rotated | Reused | None:
            return await realm.refresh_families.rotate(
                family_id, presented="jti-1", successor="jti-2", now=NOW, expires_at=NOW + 3600
            )

        results = await race(rotate)
        kinds = [type(result) for result in results]
        assert kinds.count(Rotated) == 1
        assert kinds.count(Reused) == 1
        assert await realm.refresh_families.get(family_id) is None


async def test_touching_keeps_the_token_current_and_prolongs_its_family(realm: RealmStores, clock: FakeClock) -> None:
    await realm.refresh_families.create(a_family(expires_at=NOW + 10))
    after = msgspec.structs.replace(a_family(), last_used_at=NOW + 5, expires_at=NOW + 20)
    touched = await realm.refresh_families.touch("family-1", presented="jti-1", now=NOW + 5, expires_at=NOW + 20)
    assert touched == Rotated(family=after)
    clock.advance(19)
    assert await realm.refresh_families.get("family-1") == after
    clock.advance(1)
    assert await realm.refresh_families.get("family-1") is None


async def test_touching_with_a_token_that_is_not_current_ends_the_family(realm: RealmStores) -> None:
    await realm.refresh_families.create(a_family())
    touched = await realm.refresh_families.touch("family-1", presented="jti-0", now=NOW, expires_at=NOW + 20)
    assert touched == Reused(family=a_family())
    assert await realm.refresh_families.get("family-1") is None


async def test_an_expired_family_is_neither_rotated_nor_touched_nor_ended(realm: RealmStores, clock: FakeClock) -> None:
    await realm.refresh_families.create(a_family(expires_at=NOW + 10))
    clock.advance(10)
    families = realm.refresh_families
    assert await families.get("family-1") is None
    assert await families.rotate("family-1", presented="jti-1", successor="j", now=NOW, expires_at=NOW + 99) is None
    assert await families.touch("family-1", presented="jti-1", now=NOW, expires_at=NOW + 99) is None
    assert not await families.end("family-1")


async def test_a_family_is_ended_by_one_of_many(realm: RealmStores, rounds: int) -> None:
    for _ in range(rounds):
        await realm.refresh_families.create(a_family())
        results = await race(lambda: realm.refresh_families.end("family-1"))
        assert results.count(True) == 1
        assert await realm.refresh_families.get("family-1") is None


async def test_a_new_family_never_takes_the_place_of_another(realm: RealmStores) -> None:
    await realm.refresh_families.create(a_family())
    with pytest.raises(ValueError, match="existing"):
        await realm.refresh_families.create(a_family(current="jti-9"))
    assert await realm.refresh_families.get("family-1") == a_family()


async def test_a_pushed_request_is_looked_at_often_and_taken_once(realm: RealmStores) -> None:
    await realm.pushed_requests.put("digest", a_pushed_request(), kept_until=NOW + 600)
    assert await realm.pushed_requests.get("digest") == a_pushed_request()
    assert await realm.pushed_requests.get("digest") == a_pushed_request()
    assert await realm.pushed_requests.take("digest") == a_pushed_request()
    assert await realm.pushed_requests.take("digest") is None
    assert await realm.pushed_requests.get("digest") is None


async def test_a_pushed_request_is_taken_once_by_many_racers(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        key = f"digest-{number}"
        await realm.pushed_requests.put(key, a_pushed_request(), kept_until=NOW + 600)
        results = await race(partial(realm.pushed_requests.take, key))
        assert results.count(a_pushed_request()) == 1
        assert results.count(None) == RACERS - 1


async def test_a_pushed_request_is_gone_in_the_second_it_is_no_longer_kept(
    realm: RealmStores, clock: FakeClock
) -> None:
    await realm.pushed_requests.put("digest", a_pushed_request(), kept_until=NOW + 60)
    clock.advance(59)
    assert await realm.pushed_requests.get("digest") is not None
    clock.advance(1)
    assert await realm.pushed_requests.get("digest") is None
    assert await realm.pushed_requests.take("digest") is None


async def test_a_pushed_request_is_not_put_in_the_place_of_another(realm: RealmStores) -> None:
    await realm.pushed_requests.put("digest", a_pushed_request(), kept_until=NOW + 60)
    with pytest.raises(ValueError, match="existing"):
        await realm.pushed_requests.put("digest", a_pushed_request(), kept_until=NOW + 60)
