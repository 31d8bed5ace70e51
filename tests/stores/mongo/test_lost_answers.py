"""MongoDB's primary goes away in the middle: a request is done once, or refused; never half, never twice."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.kernel import EventRow, Transaction
from idp.stores.mongo.place import MongoPlace
from idp.stores.optimistic import OptimisticKernel
from tests.contracts.values import NOW
from tests.fakes import FakeClock
from tests.stores.memory_place import MemoryPlace
from tests.stores.mongo.cutting_proxy import CuttingProxy, cutting_proxy
from tests.stores.mongodb import MongoServer, dropped, fresh_url, through

pytestmark = pytest.mark.anyio

ALWAYS = 1_000_000
COMMIT = "commitTransaction"
EVENT = EventRow(at=NOW, type="LOGIN", transaction_id="t", user_id=None, value=b"event")


class Site:
    """A kernel behind the proxy, and one that sees what the server really has."""

    def __init__(self, proxy: CuttingProxy, kernel: OptimisticKernel, behind: OptimisticKernel) -> None:
        self.cut = proxy.cut
        self.proxy = proxy
        self.kernel = kernel
        self.behind = behind

    async def there(self) -> list[bytes | None]:
        return [await self.behind.get("user", "realm", "a"), await self.behind.get("username", "realm", "b")]


@asynccontextmanager
async def open_site(url: str, clock: FakeClock, *, patience: int) -> AsyncIterator[Site]:
    async with through(url, cutting_proxy, patience=patience) as (proxy, proxied):
        kernels = [
            OptimisticKernel(
                durable=await MongoPlace.open(one, serving=True),
                brief=MemoryPlace(),
                is_brief=lambda _: False,
                clock=clock,
                random=secrets.token_bytes,
            )
            for one in (url, proxied)
        ]
        yield Site(proxy, kernels[1], kernels[0])
        for kernel in kernels:
            await kernel.close()


@pytest.fixture
async def site(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Site]:
    url = fresh_url()
    once = (
        "once" in request.node.name and str(ALWAYS) not in request.node.name
    )  # a busy machine is slow; what never comes need not be waited for
    async with dropped(url), open_site(url, clock, patience=20_000 if once else 1500) as site:
        yield site


def increment(tx: Transaction) -> int:
    number = int(tx.get("user", "realm", "a") or b"0") + 1
    tx.put("user", "realm", "a", str(number).encode())
    return number


def both(tx: Transaction) -> None:
    tx.put("user", "realm", "a", b"1")
    tx.put("username", "realm", "b", b"1")


def neither(tx: Transaction) -> bool:
    return tx.delete("user", "realm", "a") and tx.delete("username", "realm", "b")


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("command", ["insert", "update"])
async def test_a_change_whose_connection_breaks_once_is_made_once(site: Site, command: str, where: str) -> None:
    if command == "update":
        await site.kernel.transact(increment)
    site.cut(command, where, times=1)  # type: ignore[arg-type] # one of the two
    number = await site.kernel.transact(increment)
    assert site.proxy.cuts == 1
    assert number == (2 if command == "update" else 1)
    assert await site.there() == [str(number).encode(), None]


@pytest.mark.parametrize("command", ["insert", "update"])
async def test_a_change_whose_answer_never_comes_is_found_by_its_stamp(site: Site, command: str) -> None:
    if command == "update":
        await site.kernel.transact(increment)
    site.cut(command, "after", times=ALWAYS)
    number = await site.kernel.transact(increment)
    assert await site.there() == [str(number).encode(), None]


async def test_a_change_that_never_arrives_is_refused_and_not_made(site: Site) -> None:
    site.cut("insert", "before", times=ALWAYS)
    with pytest.raises(StoreUnavailableError):
        await site.kernel.transact(increment)
    assert await site.there() == [None, None]


async def test_what_was_taken_when_its_answer_was_lost_is_given_to_nobody(site: Site) -> None:
    await site.kernel.transact(increment)
    site.cut("delete", "after", times=ALWAYS)
    with pytest.raises(StoreUnavailableError):
        await site.kernel.transact(lambda tx: tx.delete("user", "realm", "a"))
    site.cut("delete", "after", times=0)
    assert not await site.kernel.transact(lambda tx: tx.delete("user", "realm", "a"))


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("command", ["insert", "update", COMMIT])
async def test_a_transaction_whose_connection_breaks_once_is_made_whole(site: Site, command: str, where: str) -> None:
    site.cut(command, where, times=1)  # type: ignore[arg-type] # one of the two
    await site.kernel.transact(both)
    assert await site.there() == [b"1", b"1"]


@pytest.mark.parametrize(("command", "where"), [("delete", "before"), ("delete", "after"), (COMMIT, "after")])
async def test_a_transaction_that_is_never_answered_is_made_whole_or_not_at_all(
    site: Site, command: str, where: str
) -> None:
    await site.kernel.transact(both)
    site.cut(command, where, times=ALWAYS)  # type: ignore[arg-type] # one of the two
    with pytest.raises(StoreUnavailableError):
        await site.kernel.transact(neither)
    assert await site.there() == ([None, None] if command == COMMIT else [b"1", b"1"])


async def test_a_transaction_that_is_never_committed_is_refused_and_not_made(clock: FakeClock, tmp_path: Path) -> None:
    # On a server of its own: what nobody ends holds its documents until the server gives up on it, after a minute.
    server = MongoServer(tmp_path)
    try:
        async with open_site(server.url("hyrja"), clock, patience=1500) as site:
            site.cut(COMMIT, "before", times=ALWAYS)
            with pytest.raises(StoreUnavailableError):
                await site.kernel.transact(both)
            assert await site.there() == [None, None]
    finally:
        server.kill()


async def test_a_committed_transaction_whose_answer_is_lost_is_found_by_its_stamp(site: Site) -> None:
    site.cut(COMMIT, "after", times=ALWAYS)
    await site.kernel.transact(both)
    assert await site.there() == [b"1", b"1"]


@pytest.mark.parametrize("times", [1, ALWAYS])
async def test_an_event_whose_answer_is_lost_is_recorded_once(site: Site, times: int) -> None:
    site.cut("insert", "after", times=times)
    await site.kernel.transact(lambda tx: tx.append("realm", EVENT))
    assert await site.behind.recent("realm", limit=10, transaction_id=None) == [b"event"]
