from __future__ import annotations

import asyncio

import msgspec
import pytest

from idp.model.oauth import NO_TERMS
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import (
    end_session,
    join_session,
    leave_session,
    live_session,
    session_expires_at,
    touch_session,
)
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, CLIENTS, Bank

pytestmark = pytest.mark.anyio


async def test_a_session_ends_idle_or_at_its_maximum(bank: Bank) -> None:
    session = await bank.login()
    lifespans = bank.realm.lifespans
    assert session_expires_at(session, lifespans) == session.started_at + 1800
    late = msgspec.structs.replace(session, last_seen_at=session.started_at + 35_000)
    assert session_expires_at(late, lifespans) == session.started_at + 36_000


async def test_a_shortened_lifetime_counts_for_sessions_that_began_before(bank: Bank) -> None:
    await bank.login()
    bank.clock.advance(100)
    assert await live_session(bank.provider, "sid-1", "app", issued_at=int(bank.clock())) is not None
    bank.realm = msgspec.structs.replace(
        bank.realm, lifespans=msgspec.structs.replace(bank.realm.lifespans, sso_idle=99)
    )
    assert await live_session(bank.provider, "sid-1", "app", issued_at=int(bank.clock())) is None


async def test_clients_that_join_and_leave_at_once_all_succeed(bank: Bank) -> None:
    session = await bank.login(clients=("app",))
    joined = await asyncio.gather(
        *(join_session(bank.provider, session, CLIENTS[name], ("openid",), NO_TERMS) for name in ("spa", "other")),
        leave_session(bank.provider, "sid-1", "app"),
    )
    assert joined[:2] == [True, True]
    after = await bank.stores.user_sessions.get("sid-1")
    assert after is not None
    assert sorted(after.clients) == ["other", "spa"]


async def test_a_client_that_asks_again_and_again_joins_without_a_write(bank: Bank) -> None:
    session = await bank.login(clients=())
    arguments = (bank.provider, session, CLIENTS["app"], ("openid",), NO_TERMS)
    assert all(await asyncio.gather(*(join_session(*arguments) for _ in range(50))))
    joined = await bank.stores.user_sessions.get("sid-1")
    assert joined is not None
    assert joined.revision == session.revision + 1
    bank.clock.advance(bank.realm.lifespans.sso_idle // 20)
    assert await join_session(*arguments)
    seen = await bank.stores.user_sessions.get("sid-1")
    assert seen is not None
    assert (seen.last_seen_at, seen.clients) == (bank.clock(), joined.clients)


async def test_nobody_joins_a_session_that_ended(bank: Bank) -> None:
    session = await bank.login()
    await end_session(bank.provider, "sid-1")
    assert not await join_session(bank.provider, session, CLIENTS["app"], (), NO_TERMS)
    await leave_session(bank.provider, "sid-1", "app")
    assert await bank.stores.user_sessions.get("sid-1") is None


async def test_a_session_is_ended_once_by_many(bank: Bank) -> None:
    await bank.login()
    ended = await asyncio.gather(*(end_session(bank.provider, "sid-1") for _ in range(20)))
    assert len([one for one in ended if one is not None]) == 1
    assert await bank.events() == ["LOGOUT"]


async def test_a_session_is_noted_as_seen_only_now_and_then(bank: Bank) -> None:
    session = await bank.login()
    bank.clock.advance(14)
    await touch_session(bank.provider, session)
    assert await bank.stores.user_sessions.get("sid-1") == session
    bank.clock.advance(1)
    await touch_session(bank.provider, session)
    seen = await bank.stores.user_sessions.get("sid-1")
    assert seen is not None
    assert seen.last_seen_at == session.last_seen_at + 15


async def test_the_gate_is_closed_for_the_unknown_the_disabled_and_the_locked(clock: FakeClock) -> None:
    bank = Bank(clock)
    assert await may_go_on(bank.provider, ANA.id) is None
    await bank.customer()
    assert await may_go_on(bank.provider, ANA.id) == ANA
    await bank.lock_customer()
    assert await may_go_on(bank.provider, ANA.id) is None
    clock.advance(60)
    assert await may_go_on(bank.provider, ANA.id) == ANA
    await bank.change_customer(enabled=False)
    assert await may_go_on(bank.provider, ANA.id) is None


async def test_who_joins_again_keeps_its_share_and_who_left_begins_another(bank: Bank) -> None:
    session = await bank.login(clients=("app", "spa"))
    first = bank.provider.now()
    bank.clock.advance(10)
    await leave_session(bank.provider, "sid-1", "app")
    for client_id in ("app", "spa"):
        assert await join_session(bank.provider, session, CLIENTS[client_id], ("openid",), NO_TERMS)
    joined = await bank.stores.user_sessions.get("sid-1")
    assert joined is not None
    assert {name: share.started_at - first for name, share in joined.clients.items()} == {"app": 10, "spa": 0}
    assert joined.clients["spa"].scope == ("openid",)
    assert await live_session(bank.provider, "sid-1", "app", issued_at=first) is None
    assert await live_session(bank.provider, "sid-1", "app", issued_at=first + 10) == joined
    assert await live_session(bank.provider, "sid-1", "spa", issued_at=first) == joined
