"""SQLite, and Redis with a durable place, reopened at will, answer like memory, whatever is asked in any order."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from idp.model.policies.credentials import BruteForcePolicy
from idp.ports import RealmStores
from idp.stores.memory import MemoryKernel
from idp.stores.optimistic import OptimisticKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from idp.stores.redis.place import RedisPlace
from idp.stores.sqlite import SqliteKernel
from tests.contracts.values import (
    NOW,
    a_code,
    a_confirmation,
    a_draft,
    a_family,
    a_publication,
    a_session,
    a_user,
    an_event,
)
from tests.fakes import FakeClock
from tests.patience import PATIENCE
from tests.stores.memory_place import MemoryPlace
from tests.stores.redis_server import redis_place, shared_redis

KEYS = st.sampled_from(["a", "b", "c"])
REALMS = st.sampled_from(["small-business", "sme-corporate"])
SECONDS = st.sampled_from([1, 9, 10, 59, 60, 600, 86400])
SMALL = st.integers(0, 3)
NAMES = st.sampled_from(["agim", "AGIM", "besa", "ëngjëll", "ËNGJËLL"])
POLICIES = st.sampled_from(
    [
        BruteForcePolicy(protected=True, failure_factor=2, wait_increment=30),
        BruteForcePolicy(protected=True, failure_factor=2, permanent_lockout=True),
    ]
)


async def remote(durable: MemoryPlace, clock: FakeClock) -> KernelStore:
    """Open a store that knows nothing yet of what others have written to its places."""
    redis = RedisPlace(shared_redis().url, clock=clock, random=secrets.token_bytes, patience=PATIENCE)
    kernel = OptimisticKernel(durable=durable, brief=redis, is_brief=is_brief, clock=clock, random=secrets.token_bytes)
    return KernelStore(kernel, clock)


async def emptied(clock: FakeClock) -> None:
    await (await redis_place(clock)).close()


class StoresAgree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock(NOW)
        self.directory = Path(tempfile.mkdtemp())
        self.memory = KernelStore(MemoryKernel(self.clock), self.clock)
        self.durable = MemoryPlace()
        self.loop.run_until_complete(emptied(self.clock))
        self.opened()

    def opened(self) -> None:
        self.sqlite = KernelStore(SqliteKernel.open(self.directory / "idp.db", clock=self.clock), self.clock)
        self.remote = self.loop.run_until_complete(remote(self.durable, self.clock))

    def closed(self) -> None:
        self.loop.run_until_complete(self.sqlite.close())
        self.loop.run_until_complete(self.remote.close())

    def teardown(self) -> None:
        self.closed()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.directory)

    def ask(self, realm: str, question: Callable[[RealmStores], Awaitable[object]]) -> None:
        stores = (self.memory, self.sqlite, self.remote)
        memory, *others = (self.answer(store.realm(realm), question) for store in stores)
        assert all(answer == memory for answer in others)

    def answer(self, realm: RealmStores, question: Callable[[RealmStores], Awaitable[object]]) -> object:
        async def ask() -> object:
            try:
                return await question(realm)
            except ValueError as error:
                return str(error)

        return self.loop.run_until_complete(ask())

    def now(self) -> int:
        return int(self.clock())

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def all_but_memory_are_closed_and_opened(self) -> None:
        self.closed()
        self.opened()

    @rule()
    def all_are_swept(self) -> None:
        self.loop.run_until_complete(self.remote.sweep())  # it does not count what Redis lets go by itself
        assert self.loop.run_until_complete(self.memory.sweep()) == self.loop.run_until_complete(self.sqlite.sweep())

    @rule(realm=REALMS, key=KEYS, ttl=SECONDS)
    def a_code_is_put(self, realm: str, key: str, ttl: int) -> None:
        code = a_code(expires_at=self.now() + ttl)
        self.ask(realm, lambda stores: stores.codes.put(key, code))

    @rule(realm=REALMS, key=KEYS)
    def a_code_is_taken(self, realm: str, key: str) -> None:
        self.ask(realm, lambda stores: stores.codes.take(key))

    @rule(realm=REALMS, key=KEYS, ttl=SECONDS)
    def a_family_is_created(self, realm: str, key: str, ttl: int) -> None:
        family = a_family(key, current="0", expires_at=self.now() + ttl)
        self.ask(realm, lambda stores: stores.refresh_families.create(family))

    @rule(realm=REALMS, key=KEYS, presented=SMALL, ttl=SECONDS)
    def a_token_is_rotated(self, realm: str, key: str, presented: int, ttl: int) -> None:
        now = self.now()
        self.ask(
            realm,
            lambda stores: stores.refresh_families.rotate(
                key, presented=str(presented), successor=str(presented + 1), now=now, expires_at=now + ttl
            ),
        )

    @rule(realm=REALMS, key=KEYS, name=NAMES, email=st.sampled_from(["", "x@y.al", "X@Y.AL"]))
    def a_user_is_created(self, realm: str, key: str, name: str, email: str) -> None:
        self.ask(realm, lambda stores: stores.users.create(a_user(key, username=name, email=email)))

    @rule(realm=REALMS, key=KEYS, name=NAMES, email=st.sampled_from(["", "x@y.al", "z@y.al"]), revision=SMALL)
    def a_user_is_replaced(self, realm: str, key: str, name: str, email: str, revision: int) -> None:
        user = msgspec.structs.replace(a_user(key, username=name, email=email), revision=revision)
        self.ask(realm, lambda stores: stores.users.replace(user))

    @rule(realm=REALMS, key=KEYS, owner=KEYS, ttl=SECONDS)
    def a_session_begins(self, realm: str, key: str, owner: str, ttl: int) -> None:
        session, end = a_session(key, user_id=owner), self.now() + ttl
        self.ask(realm, lambda stores: stores.user_sessions.create(session, expires_at=end))

    @rule(realm=REALMS, key=KEYS)
    def a_session_ends(self, realm: str, key: str) -> None:
        self.ask(realm, lambda stores: stores.user_sessions.end(key))

    @rule(realm=REALMS, key=KEYS, factor=KEYS, policy=POLICIES)
    def an_attempt_is_counted(self, realm: str, key: str, factor: str, policy: BruteForcePolicy) -> None:
        now = self.now()
        self.ask(realm, lambda stores: stores.attempts.hit(key, factor, policy=policy, now=now))

    @rule(realm=REALMS, key=KEYS, factor=KEYS)
    def a_factor_is_proven(self, realm: str, key: str, factor: str) -> None:
        self.ask(realm, lambda stores: stores.attempts.clear(key, factor))

    @rule(realm=REALMS, key=KEYS, limit=SMALL, window=SECONDS)
    def a_budget_is_used(self, realm: str, key: str, limit: int, window: int) -> None:
        self.ask(realm, lambda stores: stores.throttle.hit("sms", key, limit=limit, window=window))

    @rule(realm=REALMS, key=KEYS, ttl=SECONDS)
    def a_value_is_used(self, realm: str, key: str, ttl: int) -> None:
        self.ask(realm, lambda stores: stores.first_use.first_use("jti", key, ttl=ttl))

    @rule(realm=REALMS, key=KEYS, counter=st.integers(0, 10))
    def a_counter_is_burnt(self, realm: str, key: str, counter: int) -> None:
        self.ask(realm, lambda stores: stores.counters.burn(key, counter))

    @rule(realm=REALMS, key=KEYS, value=KEYS, ttl=SECONDS)
    def a_value_is_set(self, realm: str, key: str, value: str, ttl: int) -> None:
        self.ask(realm, lambda stores: stores.latest.set("sms", key, value, ttl=ttl))

    @rule(realm=REALMS, key=KEYS, value=KEYS)
    def the_latest_value_is_taken(self, realm: str, key: str, value: str) -> None:
        self.ask(realm, lambda stores: stores.latest.take("sms", key, value))

    @rule(realm=REALMS, version=KEYS, number=st.integers(1, 6), waits=st.none() | SECONDS)
    def a_version_is_published(self, realm: str, version: str, number: int, waits: int | None) -> None:
        line = a_publication(number, version, confirm_by=None if waits is None else self.now() + waits)
        self.ask(realm, lambda stores: stores.versions.publish(line, version.encode()))

    @rule(realm=REALMS, number=st.integers(1, 6))
    def a_version_is_confirmed(self, realm: str, number: int) -> None:
        self.ask(realm, lambda stores: stores.versions.confirm(a_confirmation(number)))

    @rule(realm=REALMS, version=KEYS, number=st.integers(1, 6))
    def a_version_is_reverted(self, realm: str, version: str, number: int) -> None:
        self.ask(realm, lambda stores: stores.versions.revert(a_publication(number, version)))

    @rule(realm=REALMS, key=KEYS, revision=st.integers(0, 2))
    def a_draft_is_kept(self, realm: str, key: str, revision: int) -> None:
        self.ask(realm, lambda stores: stores.versions.keep_draft(a_draft(key, revision=revision)))

    @rule(realm=REALMS, key=KEYS)
    def a_draft_is_dropped(self, realm: str, key: str) -> None:
        self.ask(realm, lambda stores: stores.versions.drop_draft(key))

    @rule(realm=REALMS, key=KEYS, value=KEYS)
    def a_secret_is_kept(self, realm: str, key: str, value: str) -> None:
        self.ask(realm, lambda stores: stores.secrets.keep("signing", key, value.encode()))

    @rule(realm=REALMS, key=KEYS, value=KEYS, expected=KEYS)
    def a_secret_is_replaced(self, realm: str, key: str, value: str, expected: str) -> None:
        self.ask(
            realm, lambda stores: stores.secrets.replace("signing", key, value.encode(), expected=expected.encode())
        )

    @rule(realm=REALMS, key=KEYS, back=st.integers(0, 90 * 86400))
    def an_event_is_recorded(self, realm: str, key: str, back: int) -> None:
        event = an_event(at=self.now() - back, transaction_id=key)
        self.ask(realm, lambda stores: stores.events.record(event))

    @invariant()
    def all_hold_the_same(self) -> None:
        for realm in ("small-business", "sme-corporate"):
            self.ask(realm, _everything)


async def _everything(stores: RealmStores) -> object:
    of_keys = [
        (
            await stores.refresh_families.get(key),
            await stores.users.by_id(key),
            await stores.user_sessions.of_user(key),
            await stores.attempts.locks(key),
            await stores.first_use.seen("jti", key),
            await stores.versions.get(key),
            await stores.events.recent(limit=3, transaction_id=key),
        )
        for key in ("a", "b", "c")
    ]
    found = [await stores.users.by_username("Agim"), await stores.users.by_email("x@y.AL")]
    return [
        of_keys,
        found,
        [user async for user in stores.users.every()],
        await stores.versions.latest(),
        await stores.versions.log(),
        await stores.versions.confirmations(),
        await stores.versions.drafts(),
        await stores.secrets.all("signing"),
        await stores.secrets.revision("signing"),
        await stores.events.recent(limit=9),
    ]


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
