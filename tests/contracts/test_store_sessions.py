from __future__ import annotations

from functools import partial

import msgspec
import pytest

from idp.model.flow import Status
from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.contracts.values import NOW, a_login, a_session
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_login_is_found_by_its_tab_with_everything_in_it(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login())
    assert await realm.authentication_sessions.get("tab-1") == a_login()


async def test_an_unknown_tab_has_no_login(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login())
    assert await realm.authentication_sessions.get("tab-2") is None


async def test_a_login_is_gone_in_the_second_it_expires(realm: RealmStores, clock: FakeClock) -> None:
    await realm.authentication_sessions.create(a_login(expires_at=NOW + 10))
    clock.advance(9)
    assert await realm.authentication_sessions.get("tab-1") is not None
    clock.advance(1)
    assert await realm.authentication_sessions.get("tab-1") is None
    assert not await realm.authentication_sessions.replace(a_login(expires_at=NOW + 100))


async def test_replacing_a_login_advances_its_revision(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login())
    answered = msgspec.structs.replace(a_login(), progress={"totp": Status.SUCCESS})
    assert await realm.authentication_sessions.replace(answered)
    assert await realm.authentication_sessions.get("tab-1") == msgspec.structs.replace(answered, revision=1)


async def test_a_login_that_somebody_else_replaced_is_not_replaced(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login())
    await realm.authentication_sessions.replace(a_login())
    stale = msgspec.structs.replace(a_login(), evidence=())
    assert not await realm.authentication_sessions.replace(stale)
    assert await realm.authentication_sessions.get("tab-1") == msgspec.structs.replace(a_login(), revision=1)


async def test_a_login_that_never_began_is_not_replaced(realm: RealmStores) -> None:
    assert not await realm.authentication_sessions.replace(a_login())
    assert await realm.authentication_sessions.get("tab-1") is None


async def test_a_replaced_login_lives_until_its_new_end(realm: RealmStores, clock: FakeClock) -> None:
    await realm.authentication_sessions.create(a_login(expires_at=NOW + 10))
    await realm.authentication_sessions.replace(a_login(expires_at=NOW + 20))
    clock.advance(19)
    assert await realm.authentication_sessions.get("tab-1") is not None
    clock.advance(1)
    assert await realm.authentication_sessions.get("tab-1") is None


async def test_a_new_login_never_takes_the_place_of_another(realm: RealmStores) -> None:
    await realm.authentication_sessions.create(a_login())
    with pytest.raises(ValueError, match="existing"):
        await realm.authentication_sessions.create(msgspec.structs.replace(a_login(), user_id="thief"))
    assert await realm.authentication_sessions.get("tab-1") == a_login()


async def test_one_of_many_answers_to_one_challenge_is_stored(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        login = a_login(f"tab-{number}")
        await realm.authentication_sessions.create(login)
        results = await race(partial(realm.authentication_sessions.replace, login))
        assert results.count(True) == 1


async def test_a_session_is_found_by_its_sid_until_it_expires(realm: RealmStores, clock: FakeClock) -> None:
    await realm.user_sessions.create(a_session(), expires_at=NOW + 10)
    clock.advance(9)
    assert await realm.user_sessions.get("sid-1") == a_session()
    assert await realm.user_sessions.present("sid-1") == a_session()
    clock.advance(1)
    assert await realm.user_sessions.get("sid-1") is None
    assert await realm.user_sessions.present("sid-1") is None
    assert await realm.user_sessions.of_user("user-1") == []
    assert await realm.user_sessions.end("sid-1") is None


async def test_a_session_is_replaced_at_its_revision_only(realm: RealmStores) -> None:
    await realm.user_sessions.create(a_session(), expires_at=NOW + 10)
    seen = msgspec.structs.replace(a_session(), last_seen_at=NOW + 5)
    assert await realm.user_sessions.replace(seen, expires_at=NOW + 20)
    assert not await realm.user_sessions.replace(a_session(), expires_at=NOW + 20)
    assert await realm.user_sessions.get("sid-1") == msgspec.structs.replace(seen, revision=1)


async def test_a_replaced_session_lives_longer_and_is_still_its_users(realm: RealmStores, clock: FakeClock) -> None:
    await realm.user_sessions.create(a_session(), expires_at=NOW + 10)
    await realm.user_sessions.replace(a_session(), expires_at=NOW + 20)
    clock.advance(19)
    assert [session.sid for session in await realm.user_sessions.of_user("user-1")] == ["sid-1"]
    clock.advance(1)
    assert await realm.user_sessions.of_user("user-1") == []


async def test_an_ended_session_is_not_brought_back_by_a_late_replace(realm: RealmStores) -> None:
    await realm.user_sessions.create(a_session(), expires_at=NOW + 10)
    await realm.user_sessions.end("sid-1")
    assert not await realm.user_sessions.replace(a_session(), expires_at=NOW + 20)
    assert await realm.user_sessions.get("sid-1") is None


async def test_a_session_is_ended_by_one_of_many(realm: RealmStores, rounds: int) -> None:
    for _ in range(rounds):
        await realm.user_sessions.create(a_session(), expires_at=NOW + 10)
        results = await race(lambda: realm.user_sessions.end("sid-1"))
        assert [result for result in results if result is not None] == [a_session()]
        assert await realm.user_sessions.get("sid-1") is None


async def test_the_sessions_of_a_user_are_only_that_users(realm: RealmStores) -> None:
    await realm.user_sessions.create(a_session("b", started_at=NOW), expires_at=NOW + 10)
    await realm.user_sessions.create(a_session("a", started_at=NOW + 1), expires_at=NOW + 10)
    await realm.user_sessions.create(a_session("c", user_id="user-2"), expires_at=NOW + 10)
    assert [session.sid for session in await realm.user_sessions.of_user("user-1")] == ["b", "a"]
    assert [session.sid for session in await realm.user_sessions.of_user("user-2")] == ["c"]
    assert await realm.user_sessions.of_user("user-3") == []


async def test_live_sessions_and_logins_are_counted_by_the_version_they_stand_on(
    realm: RealmStores, other_realm: RealmStores, clock: FakeClock
) -> None:
    assert await realm.user_sessions.standing() == {}
    assert await realm.authentication_sessions.standing() == {}
    for number, version in enumerate(("v1", "v1", "v2")):
        session = msgspec.structs.replace(a_session(f"sid-{number}"), realm_version=version)
        await realm.user_sessions.create(session, expires_at=NOW + 600)
        login = msgspec.structs.replace(a_login(f"tab-{number}"), realm_version=version)
        await realm.authentication_sessions.create(login)
    await other_realm.user_sessions.create(a_session("sid-1"), expires_at=NOW + 600)
    assert await realm.user_sessions.standing() == {"v1": 2, "v2": 1}
    assert await realm.authentication_sessions.standing() == {"v1": 2, "v2": 1}
    ended = await realm.authentication_sessions.get("tab-0")
    assert ended is not None
    await realm.authentication_sessions.replace(msgspec.structs.replace(ended, ended=True))
    await realm.user_sessions.end("sid-2")
    assert await realm.authentication_sessions.standing() == {"v1": 1, "v2": 1}
    assert await realm.user_sessions.standing() == {"v1": 2}
    clock.advance(600)
    assert await realm.user_sessions.standing() == {}
