"""The one place that chooses a store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from idp.ports import StoreUnavailableError
from idp.settings.tables import Store
from idp.stores.opening import open_store
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_store_in_memory_keeps_nothing_on_the_disk_and_is_another_one_each_time(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = await open_store(Store(path=":memory:"), clock=clock, use="serve")
    assert await first.realm("bank").secrets.keep("signing", "k1", b"one")
    second = await open_store(Store(path=":memory:"), clock=clock, use="serve")
    assert await first.realm("bank").secrets.all("signing") == {"k1": b"one"}
    assert await second.realm("bank").secrets.all("signing") == {}
    assert not any(files or folders for _, folders, files in os.walk(tmp_path))


@pytest.mark.parametrize("use", ["beside", "either"])
async def test_the_command_line_cannot_look_into_the_memory_of_a_server(
    clock: FakeClock, use: Literal["beside", "either"]
) -> None:
    with pytest.raises(StoreUnavailableError, match=":memory:"):
        await open_store(Store(path=":memory:"), clock=clock, use=use)
