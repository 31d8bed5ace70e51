"""Every promise is asked of every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idp.ports import RealmStores, Store
from idp.stores.kernel import Kernel
from idp.stores.mongo.place import KEPT_AFTER
from idp.stores.records import KernelStore
from tests.contracts.store_contract import KERNELS, ROUNDS
from tests.fakes import FakeClock


@pytest.fixture(params=KERNELS)
def store_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def kernel(store_name: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Kernel]:
    kernel = await KERNELS[store_name](tmp_path, clock)
    yield kernel
    await kernel.close()


@pytest.fixture
def store(kernel: Kernel, clock: FakeClock) -> Store:
    return KernelStore(kernel, clock)


@pytest.fixture
def realm(store: Store) -> RealmStores:
    return store.realm("small-business")


@pytest.fixture
def other_realm(store: Store) -> RealmStores:
    return store.realm("sme-corporate")


@pytest.fixture
def rounds(store_name: str) -> int:
    """How often a race is run; where racers are let in one by one or every step is a round trip, once is enough."""
    return 1 if store_name in {"sqlite-reopened", "mongodb+redis"} else ROUNDS


@pytest.fixture
def kept_after(store_name: str) -> int:
    """For how many seconds a sweep leaves an expired record: nodes' clocks differ, and one clock does not."""
    return KEPT_AFTER if store_name == "mongodb+redis" else 0
