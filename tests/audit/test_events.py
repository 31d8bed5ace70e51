from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from idp.audit.events import Recorder
from idp.model.event import Event
from idp.ports import StoreUnavailableError
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
EVENT = Event(type="LOGIN", at=1_800_000_000, realm="bank", transaction_id="tx", user_id="ana", detail={"a": "b"})


def log_into(lines: list[MutableMapping[str, Any]]) -> Any:
    def keep(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        lines.append(dict(line))
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0))


async def test_an_event_is_a_log_line_and_a_stored_row(clock: FakeClock) -> None:
    lines: list[MutableMapping[str, Any]] = []
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    await Recorder(events, log_into(lines)).record(EVENT)
    assert list(await events.recent(limit=9)) == [EVENT]
    assert lines == [
        {
            "event": "event",
            "type": "LOGIN",
            "realm": "bank",
            "transaction_id": "tx",
            "user_id": "ana",
            "detail": {"a": "b"},
        }
    ]


class _FullDisk:
    async def record(self, _event: Event) -> None:
        raise StoreUnavailableError("disk full")

    async def recent(self, *, limit: int, transaction_id: str | None = None) -> list[Event]:
        assert limit or transaction_id
        return []


async def test_an_event_that_cannot_be_kept_is_still_logged_and_the_caller_told() -> None:
    lines: list[MutableMapping[str, Any]] = []
    with pytest.raises(StoreUnavailableError):
        await Recorder(_FullDisk(), log_into(lines)).record(EVENT)
    assert len(lines) == 1
