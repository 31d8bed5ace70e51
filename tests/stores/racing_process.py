"""A process that races with others for what one of them may have.

`python -m tests.stores.racing_process SETTINGS` (the table `[store]` as JSON). Each line of the input is a verb and a
key: it asks several times at once, and says how often it was the one that got it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from idp.ports import RealmStores, Rotated, Taken
from idp.settings.tables import Store
from idp.stores.opening import open_store
from tests.contracts.values import NOW, a_code, a_family, a_login, a_pending, a_pushed_request, a_user
from tests.fakes import FakeClock

REALM = "small-business"
AT_ONCE = 4
"""How often each process asks."""

Ask = Callable[[RealmStores, str], Awaitable[object]]


PREPARED: Mapping[str, Ask] = {
    "take a code": lambda stores, key: stores.codes.put(key, a_code()),
    "take a pushed request": lambda stores, key: stores.pushed_requests.put(
        key, a_pushed_request(), kept_until=NOW + 600
    ),
    "take the latest value": lambda stores, key: stores.latest.set("sms|login", key, key, ttl=600),
    "replace a login": lambda stores, key: stores.authentication_sessions.create(a_login(key)),
    "rotate": lambda stores, key: stores.refresh_families.create(a_family(key, current="0")),
    "replace a user": lambda stores, key: stores.users.create(a_user(key, username=key, email="")),
}
"""What has to be there before it can be raced for."""


async def _code(stores: RealmStores, key: str) -> object:
    return isinstance(await stores.codes.take(key), Taken)


async def _pushed_request(stores: RealmStores, key: str) -> object:
    return await stores.pushed_requests.take(key) is not None


async def _rotated(stores: RealmStores, key: str) -> object:
    rotated = await stores.refresh_families.rotate(key, presented="0", successor="1", now=NOW, expires_at=NOW + 600)
    return isinstance(rotated, Rotated)


BRIEF: Mapping[str, Ask] = {
    "take a code": _code,
    "take a pushed request": _pushed_request,
    "take the latest value": lambda stores, key: stores.latest.take("sms|login", key, key),
    "hit": lambda stores, key: stores.throttle.hit("action-link", key, limit=1, window=600),
    "first use": lambda stores, key: stores.first_use.first_use("dpop-proof", key, ttl=60, usable_since=NOW),
    "replace a login": lambda stores, key: stores.authentication_sessions.replace(a_login(key)),
    "create a pending request": lambda stores, key: stores.pending.create(a_pending(key, ticket="t" + key)),
}
DURABLE: Mapping[str, Ask] = {
    "rotate": _rotated,
    "burn": lambda stores, key: stores.counters.burn(key, 1),
    "replace a user": lambda stores, key: stores.users.replace(a_user(key, username=key, email="")),
    "hit of a day": lambda stores, key: stores.throttle.hit("sms-day", key, limit=1, window=86400),
}
VERBS = {**BRIEF, **DURABLE}


async def _won(ask: Ask, stores: RealmStores, key: str) -> int:
    results = await asyncio.gather(*(ask(stores, key) for _ in range(AT_ONCE)), return_exceptions=True)
    # Who makes a pending request under a key that is in use is told by an exception: the key was drawn at random.
    unexpected = [result for result in results if isinstance(result, Exception) and not isinstance(result, ValueError)]
    if unexpected:
        raise unexpected[0]
    return sum(result is True for result in results)


async def main(settings: str) -> None:
    store = await open_store(msgspec.json.decode(settings, type=Store), clock=FakeClock(NOW), use="beside")
    stores = store.realm(REALM)
    while line := await asyncio.to_thread(sys.stdin.readline):
        verb, _, key = line.strip().partition("|")
        print(await _won(VERBS[verb], stores, key), flush=True)  # noqa: T201 - it speaks with the test that started it
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
