"""What fits together in a store, and what does not."""

from __future__ import annotations

import msgspec
import pytest

from idp.model.trusted.upstream import FederatedIdentity
from idp.ports import RealmStores
from idp.stores.memory import MemoryKernel
from idp.stores.portable import Portable
from idp.stores.records import KernelStore
from idp.stores.upkeep.checking import MOST_TOLD, Checked, checked
from tests.contracts.values import NOW, a_delivery, a_publication, a_registered_client, a_user, an_event
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

LINKED = msgspec.structs.replace(a_user(), identities=(FederatedIdentity(alias="bank", subject="s-1"),))


@pytest.fixture
def kernel(clock: FakeClock) -> MemoryKernel:
    return MemoryKernel(clock)


@pytest.fixture
async def realm(kernel: MemoryKernel, clock: FakeClock) -> RealmStores:
    realm = KernelStore(kernel, clock).realm("bank")
    assert await realm.users.create(LINKED)
    await realm.logout_deliveries.put(a_delivery(), expires_at=NOW + 5000)
    assert await realm.versions.publish(a_publication(1), b"sealed")
    assert await realm.registered_clients.create(a_registered_client(), most=10)
    await realm.events.record(an_event())
    return realm


async def found(kernel: Portable, clock: FakeClock) -> Checked:
    return await checked(kernel, now=clock(), progress=lambda _: None)


async def test_a_store_that_the_verbs_have_filled_is_whole_and_counted(
    kernel: MemoryKernel, realm: RealmStores, clock: FakeClock
) -> None:
    assert realm is not None
    told = await found(kernel, clock)
    assert told.problems == ()
    assert told.counts["user", "bank"] == 1
    assert told.counts["identity", "bank"] == 1
    assert told.counts["realm-version", "bank"] == 1
    assert told.counts["event", "bank"] == 1


def _record(kernel: MemoryKernel, kind: str) -> str:
    """Return the key of the first record of a kind."""
    return min(kernel._table.records[kind, "bank"])


@pytest.mark.parametrize(
    ("gone", "problems"),
    [
        ("username", ["bank: user 'user-1': the username is not claimed for this user"]),
        ("identity", ["bank: user 'user-1': the identity is not claimed for this user"]),
        ("user", ["is claimed for 'user-1', who does not exist"] * 6),
        ("user-term", ["bank: user 'user-1': the user-term is not claimed for this user"]),
        ("logout-delivery-place", ["is not found by its id"]),
        ("realm-version", ["the document of version"] * 2),
        ("registered-client-number", ["bank: registered-client-number '': is not the number"]),
    ],
)
async def test_what_is_missing_is_named(
    kernel: MemoryKernel, realm: RealmStores, clock: FakeClock, gone: str, problems: list[str]
) -> None:
    assert realm is not None
    key = _record(kernel, gone)
    await kernel.transact(lambda tx: tx.delete(gone, "bank", key))
    told = await found(kernel, clock)
    assert len(told.problems) == len(problems)
    for problem, says in zip(sorted(told.problems), sorted(problems), strict=True):
        assert says in problem


@pytest.mark.parametrize(
    ("kind", "key", "value", "says"),
    [
        ("username", "other", "user-1", "is claimed for 'user-1', who has another one"),
        ("user", "user-2", LINKED, "has the id of another user"),
        ("user", "user-1", 17, "cannot be read"),
    ],
)
async def test_what_does_not_belong_there_is_named(
    kernel: MemoryKernel, realm: RealmStores, clock: FakeClock, kind: str, key: str, value: object, says: str
) -> None:
    assert realm is not None
    encoded = msgspec.msgpack.encode(value)
    await kernel.transact(lambda tx: tx.put(kind, "bank", key, encoded))
    assert any(says in problem for problem in (await found(kernel, clock)).problems)


async def test_of_very_many_problems_some_are_named_and_all_are_counted(kernel: MemoryKernel, clock: FakeClock) -> None:
    nobody = msgspec.msgpack.encode("nobody")
    for number in range(MOST_TOLD + 7):
        await kernel.transact(lambda tx, name=f"n-{number}": tx.put("username", "bank", name, nobody))  # type: ignore[misc] # a lambda's default
    told = await found(kernel, clock)
    assert len(told.problems) == MOST_TOLD
    assert told.more == 7
