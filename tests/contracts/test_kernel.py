"""What the verbs rely on: all or nothing, alone, and seen at once afterwards."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from idp.stores.kernel import EventRow, Kernel, Transaction
from tests.contracts.store_contract import RACERS, race
from tests.contracts.values import NOW
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

EVENT = EventRow(at=NOW, type="LOGIN", transaction_id="t", user_id=None, value=b"event")


class WorkError(Exception):
    """What a work of these tests fails with."""


def _then_fail(tx: Transaction) -> None:
    tx.put("kind", "realm", "old", b"changed", owner="thief")
    tx.put("kind", "realm", "new", b"new", owner="owner")
    tx.delete("kind", "realm", "gone")
    tx.append("realm", EVENT)
    raise WorkError


async def test_a_failing_work_leaves_everything_as_it_was(kernel: Kernel, clock: FakeClock) -> None:
    def prepare(tx: Transaction) -> None:
        tx.put("kind", "realm", "old", b"old", owner="owner")
        tx.put("kind", "realm", "gone", b"gone")
        tx.put("kind", "realm", "expired", b"expired", expires_at=NOW - 5)
        tx.append("realm", EVENT)

    await kernel.transact(prepare)
    with pytest.raises(WorkError):
        await kernel.transact(_then_fail)
    assert await kernel.every("kind", "realm") == {"gone": b"gone", "old": b"old"}
    assert await kernel.owned("kind", "realm", "owner") == [b"old"]
    assert await kernel.owned("kind", "realm", "thief") == []
    assert await kernel.recent("realm", limit=10, transaction_id=None) == [b"event"]
    clock.advance(-10)
    assert await kernel.get("kind", "realm", "expired") == b"expired"


async def test_a_failing_work_undoes_nothing_of_the_works_around_it(kernel: Kernel) -> None:
    async def one(number: int) -> int:
        def work(tx: Transaction) -> int:
            tx.put("kind", "realm", f"{number:02}", b"value")
            if number % 2:
                raise WorkError
            return number

        return await kernel.transact(work)

    results = await asyncio.gather(*(one(number) for number in range(20)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, WorkError)] == list(range(0, 20, 2))
    assert list(await kernel.every("kind", "realm")) == [f"{number:02}" for number in range(0, 20, 2)]


async def test_works_happen_one_after_another(kernel: Kernel) -> None:
    def increment(tx: Transaction) -> int:
        number = int(tx.get("kind", "realm", "number") or b"0") + 1
        tx.put("kind", "realm", "number", str(number).encode())
        return number

    results = await race(lambda: kernel.transact(increment))
    assert sorted(results) == list(range(1, RACERS + 1))
    assert await kernel.get("kind", "realm", "number") == str(RACERS).encode()


async def test_a_work_sees_its_own_writes(kernel: Kernel) -> None:
    def work(tx: Transaction) -> list[object]:
        tx.put("kind", "realm", "a", b"1", owner="o")
        tx.put("kind", "realm", "b", b"2", owner="o")
        tx.append("realm", EVENT)
        seen: list[object] = [
            tx.get("kind", "realm", "a"),
            tx.get("kind", "realm", "c"),
        ]
        return [*seen, tx.delete("kind", "realm", "a"), tx.delete("kind", "realm", "a"), tx.get("kind", "realm", "a")]

    seen = await kernel.transact(work)
    assert seen == [b"1", None, True, False, None]
    assert await kernel.owned("kind", "realm", "o") == [b"2"]


async def test_a_write_is_read_at_once(kernel: Kernel) -> None:
    def put(tx: Transaction, value: bytes) -> None:
        tx.put("kind", "realm", "key", value)

    for number in range(20):
        value = str(number).encode()
        await kernel.transact(partial(put, value=value))
        assert await kernel.get("kind", "realm", "key") == value


async def test_a_new_owner_owns_and_the_old_one_does_not(kernel: Kernel) -> None:
    await kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value", owner="old"))
    await kernel.transact(lambda tx: tx.put("kind", "realm", "key", b"value", owner="new"))
    assert await kernel.owned("kind", "realm", "old") == []
    assert await kernel.owned("kind", "realm", "new") == [b"value"]


async def test_a_transaction_lives_in_one_moment_of_the_clock(kernel: Kernel, clock: FakeClock) -> None:
    clock.advance(0.25)
    assert await kernel.transact(lambda tx: tx.now) == NOW + 0.25


async def test_a_caller_that_goes_away_harms_nobody(kernel: Kernel) -> None:
    async def put(key: str) -> None:
        await kernel.transact(lambda tx: tx.put("kind", "realm", key, b"value"))

    leaving = [asyncio.ensure_future(put(f"leaving-{number}")) for number in range(10)]
    staying = [asyncio.ensure_future(put(f"staying-{number}")) for number in range(10)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*staying)
    assert sum(key.startswith("staying") for key in await kernel.every("kind", "realm")) == 10
    await asyncio.gather(*leaving, return_exceptions=True)


async def test_closing_twice_is_closing(kernel: Kernel) -> None:
    await kernel.close()
    await kernel.close()


async def test_a_page_is_a_range_of_keys_in_order(kernel: Kernel, clock: FakeClock) -> None:
    def prepare(tx: Transaction) -> None:
        for key in ("a", "ab", "abc", "abd", "b", "ab\U0001f600", "aB", "ab_", "ab%"):
            tx.put("kind", "realm", key, key.encode())
        tx.put("kind", "realm", "abb", b"gone", expires_at=NOW + 1)
        tx.put("kind", "elsewhere", "abx", b"of another realm")
        tx.put("other", "realm", "aby", b"of another kind")

    await kernel.transact(prepare)
    clock.advance(1)

    async def page(prefix: str, after: str, limit: int) -> list[str]:
        return list(await kernel.page("kind", "realm", prefix=prefix, after=after, limit=limit))

    assert await page("ab", "", 100) == ["ab", "ab%", "ab_", "abc", "abd", "ab\U0001f600"]
    assert await page("ab", "ab_", 2) == ["abc", "abd"]
    assert await page("", "", 2) == ["a", "aB"]
    assert await page("b", "b", 1) == []
    assert await page("z", "", 1) == []
    assert await kernel.page("kind", "realm", prefix="b", after="", limit=1) == {"b": b"b"}


async def test_every_part_of_a_store_that_serves_is_well(kernel: Kernel) -> None:
    health = await kernel.health()
    assert health
    assert all(part.ok and not part.reason and part.part for part in health)


async def test_what_is_written_in_a_block_is_read_inside_it_and_afterwards_however_it_ended(kernel: Kernel) -> None:
    async def block() -> None:
        async with kernel.together():
            await kernel.transact(lambda tx: tx.put("kind", "realm", "taken", b"value"))
            assert await kernel.get("kind", "realm", "taken") == b"value"
            async with kernel.together():
                await kernel.transact(lambda tx: tx.put("kind", "realm", "inner", b"value"))
            with pytest.raises(ZeroDivisionError):
                await kernel.transact(lambda _: 1 // 0)
            raise LookupError("what was asked for is not there")

    with pytest.raises(LookupError):
        await block()
    assert list(await kernel.every("kind", "realm")) == ["inner", "taken"]
