"""What a store gives out of itself, for its upkeep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest

from idp.stores.kernel import EventRow, Transaction
from idp.stores.portable import KeptEvent, KeptRecord, Portable
from idp.stores.upkeep.copying import every_record
from tests.contracts.store_contract import PORTABLE
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
T = TypeVar("T")

RECORDS = [
    KeptRecord(kind="a", realm="", key="", value=b"nameless"),
    KeptRecord(kind="a", realm="bank", key="one", value=b"1"),
    KeptRecord(kind="a", realm="bank", key="two", value=b"2", expires_at=1_800_000_050.5),
    KeptRecord(kind="a", realm="cards", key="one", value=b"\x00", owner="Ëngjëll"),
    KeptRecord(
        kind="authorization-code", realm="bank", key="c: %41*", value=b"lives minutes", expires_at=1_800_000_060.0
    ),
    KeptRecord(kind="b", realm="bank", key='"quoted", \N{SNOWMAN}', value=b"", owner="o", expires_at=1_900_000_000.0),
]


@pytest.fixture(params=PORTABLE)
async def portable(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Portable]:
    kernel = await PORTABLE[request.param](tmp_path, clock)
    yield kernel
    await kernel.close()


def event(number: int, realm: str = "bank") -> KeptEvent:
    user = f"user-{number}" if number % 2 else None
    row = EventRow(at=number, type="LOGIN", transaction_id=f"t-{number}", user_id=user, value=bytes([number]))
    return KeptEvent(realm=realm, row=row)


async def put(kernel: Portable, *records: KeptRecord) -> None:
    for record in records:

        def work(tx: Transaction, one: KeptRecord = record) -> None:
            tx.put(one.kind, one.realm, one.key, one.value, expires_at=one.expires_at, owner=one.owner)

        await kernel.transact(work)


async def append(kernel: Portable, *events: KeptEvent) -> None:
    def work(tx: Transaction) -> None:
        for one in events:
            tx.append(one.realm, one.row)

    await kernel.transact(work)


async def everything(kernel: Portable) -> list[KeptRecord]:
    return [one async for one in every_record(kernel, now=0.0)]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
async def test_every_record_comes_with_all_that_is_known_of_it(portable: Portable, limit: int) -> None:
    await put(portable, *RECORDS)
    found: list[KeptRecord] = []
    after: str | None = ""
    while after is not None:
        portion = await portable.records(after=after, limit=limit)
        found += portion.items
        after = portion.after
    assert len(found) == len(RECORDS)
    assert sorted(found, key=lambda one: (one.kind, one.realm, one.key)) == RECORDS


async def test_what_has_expired_is_given_out_as_long_as_it_lies_there(portable: Portable, clock: FakeClock) -> None:
    await put(portable, *RECORDS)
    clock.advance(55)
    assert RECORDS[2] in await everything(portable)
    clock.advance(3600)
    await portable.sweep(events_before=0, limit=100)
    assert RECORDS[2] not in await everything(portable)


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_every_event_comes_once_and_in_the_order_of_its_realm(portable: Portable, limit: int) -> None:
    events = [event(number, realm="bank" if number % 3 else "cards") for number in range(7)]
    for one in events:
        await append(portable, one)
    found: list[KeptEvent] = []
    after: str | None = ""
    while after is not None:
        portion = await portable.events(after=after, limit=limit)
        found += portion.items
        after = portion.after
    assert len(found) == len(events)
    for realm in ("bank", "cards"):
        assert [one for one in found if one.realm == realm] == [one for one in events if one.realm == realm]


async def test_an_empty_store_gives_nothing_out(portable: Portable) -> None:
    assert await everything(portable) == []
    assert (await portable.events(after="", limit=10)).after is None
