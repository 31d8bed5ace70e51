from __future__ import annotations

from functools import partial

import pytest

from idp.model.version import Publication
from idp.ports import RealmStores, Store
from tests.contracts.store_contract import race
from tests.contracts.values import NOW, a_confirmation, a_draft, a_publication
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

YEAR = 365 * 86400
TEN_MINUTES = 600


async def test_the_last_published_line_is_the_latest_and_the_earlier_ones_stay(
    realm: RealmStores, clock: FakeClock
) -> None:
    assert await realm.versions.latest() is None
    one, two = a_publication(1, "v1"), a_publication(2, "v2")
    assert await realm.versions.publish(one, b"one")
    assert await realm.versions.publish(two, b"two")
    clock.advance(10 * YEAR)
    assert await realm.versions.latest() == two
    assert await realm.versions.log() == [two, one]
    assert await realm.versions.get("v1") == b"one"
    assert await realm.versions.get("v2") == b"two"
    assert await realm.versions.get("v3") is None


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_line_that_does_not_follow_the_last_one_is_refused(realm: RealmStores, number: int) -> None:
    await realm.versions.publish(a_publication(1, "v1"), b"one")
    assert not await realm.versions.publish(a_publication(number, "v2"), b"two")
    assert await realm.versions.log() == [a_publication(1, "v1")]
    assert await realm.versions.get("v2") is None


async def test_an_earlier_version_becomes_present_again_as_it_was(realm: RealmStores) -> None:
    await realm.versions.publish(a_publication(1, "v1"), b"one")
    await realm.versions.publish(a_publication(2, "v2"), b"two")
    assert await realm.versions.publish(a_publication(3, "v1"), b"changed")
    assert await realm.versions.latest() == a_publication(3, "v1")
    assert await realm.versions.get("v1") == b"one"


async def test_one_of_many_publications_wins(realm: RealmStores, rounds: int) -> None:
    for number in range(1, rounds + 1):
        publish = partial(realm.versions.publish, a_publication(number, f"v{number}"), b"document")
        assert (await race(publish)).count(True) == 1


async def test_the_history_is_in_order_however_long_it_is(realm: RealmStores) -> None:
    for number in range(1, 13):
        await realm.versions.publish(a_publication(number), b"one")
    assert [line.number for line in await realm.versions.log()] == list(range(12, 0, -1))


async def waiting(realm: RealmStores) -> Publication:
    """Publish a second version that somebody must confirm."""
    await realm.versions.publish(a_publication(1, "v1"), b"one")
    line = a_publication(2, "v2", confirm_by=NOW + TEN_MINUTES)
    assert await realm.versions.publish(line, b"two")
    return line


async def test_a_line_that_waits_is_confirmed_once(realm: RealmStores, clock: FakeClock) -> None:
    await waiting(realm)
    clock.advance(TEN_MINUTES - 1)
    assert (await race(partial(realm.versions.confirm, a_confirmation(2)))).count(True) == 1
    assert await realm.versions.confirmations() == [a_confirmation(2)]


async def test_a_line_whose_time_is_over_is_confirmed_by_nobody(realm: RealmStores, clock: FakeClock) -> None:
    await waiting(realm)
    clock.advance(TEN_MINUTES)
    assert not await realm.versions.confirm(a_confirmation(2))
    assert await realm.versions.confirmations() == []


async def test_only_the_last_line_is_confirmed_and_only_if_it_waits(realm: RealmStores) -> None:
    assert not await realm.versions.confirm(a_confirmation(1))
    await waiting(realm)
    assert not await realm.versions.confirm(a_confirmation(1))
    await realm.versions.publish(a_publication(3, "v3"), b"three")
    assert not await realm.versions.confirm(a_confirmation(2)), "it is not what is present any more"
    assert not await realm.versions.confirm(a_confirmation(3)), "it stays anyway"


async def test_a_line_that_nobody_confirmed_is_reverted_once(realm: RealmStores) -> None:
    await waiting(realm)
    back = a_publication(3, "v1")
    assert (await race(partial(realm.versions.revert, back))).count(True) == 1
    assert await realm.versions.latest() == back
    assert await realm.versions.get("v1") == b"one"


async def test_a_confirmed_line_is_never_reverted_and_a_reverted_one_never_confirmed(realm: RealmStores) -> None:
    line = await waiting(realm)
    assert await realm.versions.confirm(a_confirmation(2))
    assert not await realm.versions.revert(a_publication(3, "v1"))
    assert await realm.versions.latest() == line
    await realm.versions.publish(a_publication(3, "v3", confirm_by=NOW + TEN_MINUTES), b"three")
    assert await realm.versions.revert(a_publication(4, "v2"))
    assert not await realm.versions.confirm(a_confirmation(3))


async def test_what_does_not_wait_is_not_reverted(realm: RealmStores) -> None:
    assert not await realm.versions.revert(a_publication(1, "v1"))
    await waiting(realm)
    await realm.versions.publish(a_publication(3, "v3"), b"three")
    assert not await realm.versions.revert(a_publication(4, "v2")), "the last line must not be confirmed"
    assert not await realm.versions.revert(a_publication(3, "v1")), "this one does not follow"


async def test_a_draft_is_replaced_by_whoever_knows_the_one_that_is_kept(realm: RealmStores) -> None:
    assert await realm.versions.draft("sms") is None
    assert await realm.versions.keep_draft(a_draft())
    assert not await realm.versions.keep_draft(a_draft(sealed=b"another"))
    assert await realm.versions.draft("sms") == a_draft(revision=1)
    assert await realm.versions.keep_draft(a_draft(revision=1, sealed=b"two"))
    assert await realm.versions.draft("sms") == a_draft(revision=2, sealed=b"two")
    await realm.versions.keep_draft(a_draft("passkeys"))
    assert await realm.versions.drafts() == [a_draft("passkeys", revision=1), a_draft(revision=2, sealed=b"two")]


async def test_one_of_many_who_keep_a_draft_wins(realm: RealmStores, rounds: int) -> None:
    for revision in range(rounds):
        assert (await race(partial(realm.versions.keep_draft, a_draft(revision=revision)))).count(True) == 1


async def test_a_draft_is_dropped_once(realm: RealmStores) -> None:
    await realm.versions.keep_draft(a_draft())
    assert (await race(partial(realm.versions.drop_draft, "sms"))).count(True) == 1
    assert await realm.versions.drafts() == []


async def test_the_store_knows_the_realms_that_have_a_history(store: Store) -> None:
    assert await store.realms() == []
    await store.realm("sme-corporate").versions.publish(a_publication(), b"one")
    await store.realm("small-business").versions.publish(a_publication(), b"one")
    await store.realm("drafted").versions.keep_draft(a_draft())
    assert await store.realms() == ["small-business", "sme-corporate"]
