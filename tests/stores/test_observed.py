from __future__ import annotations

import secrets
from itertools import count

import pytest

from idp.ports import StoreUnavailableError, Unobserved
from idp.stores.kernel import Transaction
from idp.stores.memory import MemoryKernel
from idp.stores.observed import ObservedKernel, ObservedPlace
from idp.stores.optimistic import OptimisticKernel
from tests.fakes import FakeClock
from tests.stores.memory_place import MemoryPlace

pytestmark = pytest.mark.anyio


class Calls(Unobserved):
    """An observer that keeps what it hears of the store."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, float, bool]] = []

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        self.heard.append((part, verb, seconds, failed))

    @property
    def verbs(self) -> list[str]:
        return [verb for _, verb, _, _ in self.heard]


def kept(tx: Transaction) -> str:
    tx.put("code", "bank", "a", b"value", owner="ana")
    return "kept"


def refused(_tx: Transaction) -> None:
    raise ValueError("no")


def unavailable(_tx: Transaction) -> None:
    raise StoreUnavailableError("the disk is full")


async def test_every_call_of_a_kernel_is_told_with_its_time(clock: FakeClock) -> None:
    calls, seconds = Calls(), count(0.0, 0.5)
    kernel = ObservedKernel(MemoryKernel(clock), part="sqlite", observer=calls, timer=lambda: next(seconds))
    assert await kernel.transact(kept) == "kept"
    assert await kernel.get("code", "bank", "a") == b"value"
    assert await kernel.owned("code", "bank", "ana") == [b"value"]
    assert await kernel.every("code", "bank") == {"a": b"value"}
    assert await kernel.page("code", "bank", prefix="", after="", limit=1) == {"a": b"value"}
    assert await kernel.recent("bank", limit=1, transaction_id=None) == []
    assert await kernel.sweep(events_before=0, limit=1) == 0
    assert calls.verbs == ["commit", "get", "owned", "every", "page", "recent", "sweep"]
    assert {(part, took, failed) for part, _, took, failed in calls.heard} == {("sqlite", 0.5, False)}
    assert await kernel.health() == await MemoryKernel(clock).health()
    await kernel.close()


async def test_a_work_that_decides_to_raise_is_no_failure_of_the_store_and_an_unavailable_store_is(
    clock: FakeClock,
) -> None:
    calls = Calls()
    kernel = ObservedKernel(MemoryKernel(clock), part="sqlite", observer=calls, timer=lambda: 0.0)
    with pytest.raises(ValueError, match="no"):
        await kernel.transact(refused)
    with pytest.raises(StoreUnavailableError):
        await kernel.transact(unavailable)
    assert [failed for _, _, _, failed in calls.heard] == [False, True]


async def test_each_place_of_a_store_is_told_as_a_part_of_its_own(clock: FakeClock) -> None:
    calls = Calls()
    kernel = OptimisticKernel(
        durable=ObservedPlace(MemoryPlace(), part="mongodb", observer=calls, timer=lambda: 0.0),
        brief=ObservedPlace(MemoryPlace(), part="redis", observer=calls, timer=lambda: 0.0),
        is_brief=lambda kind: kind == "code",
        clock=clock,
        random=secrets.token_bytes,
    )
    await kernel.transact(kept)
    assert await kernel.get("code", "bank", "a") == b"value"
    assert await kernel.get("user", "bank", "a") is None
    assert await kernel.owned("code", "bank", "ana") == [b"value"]
    assert await kernel.page("code", "bank", prefix="", after="", limit=1) == {"a": b"value"}
    assert await kernel.recent("bank", limit=1, transaction_id=None) == []
    await kernel.sweep(events_before=0, limit=1)
    assert [(part, verb) for part, verb, _, _ in calls.heard] == [
        ("redis", "commit"),
        ("redis", "get"),
        ("mongodb", "get"),
        ("redis", "owned"),
        ("redis", "page"),
        ("mongodb", "recent"),
        ("mongodb", "sweep"),
        ("redis", "sweep"),
    ]
    assert len(await kernel.health()) == 2
    await kernel.close()
