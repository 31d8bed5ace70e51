"""From a file into MongoDB and Redis, and back: the whole store, with a login that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.stores.upkeep.checking import checked
from idp.stores.upkeep.copying import copy, tallies, unfinished_copy
from tests.contracts.store_contract import PORTABLE
from tests.contracts.values import NOW, a_login
from tests.fakes import FakeClock
from tests.stores.upkeep.test_copying import Dying, KilledError, filled, silent

pytestmark = pytest.mark.anyio


async def test_a_store_goes_to_mongodb_and_redis_and_back(tmp_path: Path, clock: FakeClock) -> None:
    clock.advance(NOW - clock())
    source = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    await filled(source, clock, users=250)
    cluster = await PORTABLE["mongodb+redis"](tmp_path, clock)
    with pytest.raises(KilledError):
        await copy(source, cluster, origin="sqlite", now=clock(), progress=Dying(1))
    found = await copy(source, cluster, origin="sqlite", now=clock(), progress=silent)
    assert found["user"].count == found["event"].count == 250
    realm = KernelStore(cluster, clock).realm("bank")
    assert await realm.authentication_sessions.get("tab-1") is not None
    assert not await realm.first_use.first_use("jti", "used", ttl=600)
    assert (await checked(cluster, now=clock(), progress=lambda _: None)).problems == ()
    back = SqliteKernel.open(tmp_path / "back.db", clock=clock)
    await copy(cluster, back, origin="cluster", now=clock(), progress=silent)
    assert await tallies(back, now=clock(), progress=lambda _: None) == await tallies(
        source, now=clock(), progress=lambda _: None
    )
    assert await KernelStore(back, clock).realm("bank").authentication_sessions.replace(a_login())
    assert await unfinished_copy(cluster) is await unfinished_copy(back) is None
    for kernel in (source, cluster, back):
        await kernel.close()
