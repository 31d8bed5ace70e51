"""A process that writes to a store as fast as it can, and says each thing once the store has acknowledged it.

`python -m tests.stores.serving_process FILE [LARGEST_FILE]`; the second argument is a limit in bytes that the system
puts on every file of the process: what a full disk is to the store.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from itertools import count
from pathlib import Path

from idp.ports import RealmStores, StoreUnavailableError, Taken
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.contracts.values import NOW, a_code, a_user, an_event
from tests.fakes import FakeClock

WRITERS = 8


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # One system call a line: a killed process leaves no half of one.


async def _customer(realm: RealmStores, writer: int) -> None:
    for number in count():
        name = f"{writer}-{number}"
        assert await realm.users.create(a_user(f"id-{name}", username=name, email=""))
        _say(f"user {name}")
        await realm.codes.put(name, a_code())
        _say(f"code {name}")
        assert isinstance(await realm.codes.take(name), Taken)
        _say(f"taken {name}")
        assert await realm.first_use.first_use("jti", name, ttl=600)
        _say(f"used {name}")
        assert await realm.counters.burn(f"otp-{writer}", number)
        _say(f"burnt otp-{writer}/{number}")
        await realm.events.record(an_event(transaction_id=name))
        _say(f"event {name}")


async def _until_refused(realm: RealmStores, writer: int) -> None:
    try:
        await _customer(realm, writer)
    except StoreUnavailableError as error:
        _say(f"refused {error}")


async def main(path: str, largest_file: str | None = None) -> None:
    clock = FakeClock(NOW)
    store = KernelStore(SqliteKernel.open(Path(path), clock=clock), clock)
    realm = store.realm("small-business")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file), unlimited[1]))
    await asyncio.gather(*(_until_refused(realm, writer) for writer in range(WRITERS)))
    # Full, but still answering; and as soon as there is room, writing again.
    assert await realm.users.by_username("0-0") is not None
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert await realm.users.create(a_user("id-afterwards", username="afterwards", email=""))
    _say("user afterwards")
    await store.close()
    _say("closed")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
