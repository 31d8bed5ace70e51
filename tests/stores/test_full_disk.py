from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from idp.ports import StoreUnavailableError
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.patience import PATIENCE
from tests.stores.acknowledged import missing
from tests.stores.processes import running

pytestmark = pytest.mark.anyio


async def test_a_full_store_refuses_and_loses_nothing_it_acknowledged(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, max_pages=40)

    async def put(number: int) -> int:
        await kernel.transact(lambda tx: tx.put("kind", "realm", f"{number:03}", b"x" * 3000))
        return number

    results = await asyncio.gather(*(put(number) for number in range(200)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreUnavailableError)]
    stored = [result for result in results if isinstance(result, int)]
    assert len(refused) + len(stored) == 200
    assert refused
    assert all("no room left" in str(error) for error in refused)
    assert list(await kernel.every("kind", "realm")) == [f"{number:03}" for number in stored]
    await kernel.close()


async def test_a_full_store_still_reads_and_takes_writes_again_once_there_is_room(
    tmp_path: Path, clock: FakeClock
) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, max_pages=40)
    await kernel.transact(lambda tx: tx.put("kind", "realm", "first", b"1"))
    with pytest.raises(StoreUnavailableError, match="no room left"):
        await kernel.transact(lambda tx: tx.put("kind", "realm", "huge", b"x" * 4096 * 60))
    assert await kernel.get("kind", "realm", "first") == b"1"
    assert await kernel.get("kind", "realm", "huge") is None
    await kernel.transact(lambda tx: tx.put("kind", "realm", "second", b"2"))
    await kernel.close()
    roomy = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    await roomy.transact(lambda tx: tx.put("kind", "realm", "huge", b"x" * 4096 * 60))
    assert list(await roomy.every("kind", "realm")) == ["first", "huge", "second"]
    await roomy.close()


async def test_every_look_at_the_health_writes_so_that_a_disk_without_room_is_not_called_well(
    tmp_path: Path, clock: FakeClock
) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    log, sizes = tmp_path / "idp.db-wal", []
    for _ in range(4):
        (health,) = await kernel.health()
        assert health.ok
        sizes.append(log.stat().st_size)
    assert sizes == sorted(set(sizes)), "SQLite writes nothing for a value that is there already"
    await kernel.close()


@pytest.mark.parametrize("largest_file", [100_000, 300_000, 1_000_000])
async def test_a_disk_that_takes_no_more_loses_nothing_acknowledged(tmp_path: Path, largest_file: int) -> None:
    path = tmp_path / "idp.db"
    with running("serving_process", str(path), str(largest_file)) as process:
        said, complaints = process.communicate(timeout=PATIENCE)
    assert complaints == ""
    lines = said.splitlines()
    assert lines[-1] == "closed"
    refused = [line for line in lines if line.startswith("refused ")]
    assert len(refused) == 8
    assert all("no room left" in line for line in refused)
    acknowledged = [line for line in lines[:-1] if line not in refused]
    assert acknowledged[-1] == "user afterwards"
    assert await missing(path, acknowledged) == []
