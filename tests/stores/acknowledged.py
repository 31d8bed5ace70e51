"""What `serving_process` said, held against what is in the store afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from idp.ports import RealmStores, Replayed
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.contracts.values import NOW
from tests.fakes import FakeClock


async def missing(path: Path, lines: Iterable[str]) -> list[str]:
    """Return what was acknowledged and is not there, or can be used a second time."""
    clock = FakeClock(NOW)
    store = KernelStore(SqliteKernel.open(path, clock=clock), clock)
    realm = store.realm("small-business")
    said = [line.split(" ", 1) for line in lines]
    lost = [f"{what} {name}" for what, name in said if not await _there(realm, what, name)]
    await store.close()
    return lost


async def _there(realm: RealmStores, what: str, name: str) -> bool:
    match what:
        case "user":
            return await realm.users.by_username(name) is not None
        case "code":
            return await realm.codes.take(name) is not None
        case "taken":
            return isinstance(await realm.codes.take(name), Replayed)
        case "used":
            return not await realm.first_use.first_use("jti", name, ttl=600)
        case "burnt":
            key, counter = name.split("/")
            return not await realm.counters.burn(key, int(counter))
        case "event":
            return len(await realm.events.recent(limit=2, transaction_id=name)) == 1
        case _:
            return False
