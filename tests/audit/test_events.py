from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from idp.audit.events import Recorder
from idp.audit.floods import MOST_A_MINUTE, OMITTED
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
    async def record(self, *_events: Event) -> None:
        raise StoreUnavailableError("disk full")

    async def recent(self, *, limit: int, transaction_id: str | None = None) -> list[Event]:
        assert limit or transaction_id
        return []


async def test_an_event_that_cannot_be_kept_is_still_logged_and_the_caller_told() -> None:
    lines: list[MutableMapping[str, Any]] = []
    with pytest.raises(StoreUnavailableError):
        await Recorder(_FullDisk(), log_into(lines)).record(EVENT)
    assert len(lines) == 1


async def test_a_noted_event_is_logged_at_once_and_stored_in_company(clock: FakeClock) -> None:
    lines: list[MutableMapping[str, Any]] = []
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into(lines))
    for _ in range(3):
        await recorder.note(EVENT)
    assert len(lines) == 3
    assert list(await events.recent(limit=9)) == []
    await recorder.keep_noted()
    assert list(await events.recent(limit=9)) == [EVENT] * 3
    await recorder.keep_noted()
    assert len(await events.recent(limit=9)) == 3


async def test_what_was_noted_is_stored_by_itself(clock: FakeClock) -> None:
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into([]))
    await recorder.note(EVENT)
    assert recorder._keeping is not None
    await recorder._keeping
    assert list(await events.recent(limit=9)) == [EVENT]


async def test_a_flood_of_notes_waits_for_the_store(clock: FakeClock) -> None:
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into([]))
    for _ in range(513):
        await recorder.note(EVENT)
    assert len(await events.recent(limit=9)) == 1


async def test_noted_events_that_cannot_be_stored_are_said_in_the_log() -> None:
    lines: list[MutableMapping[str, Any]] = []
    recorder = Recorder(_FullDisk(), log_into(lines))
    await recorder.note(EVENT)
    await recorder.keep_noted()
    assert lines[-1] == {"event": "events not stored", "count": 1, "reason": "StoreUnavailableError"}


def failure(at: int = 1_800_000_000, kind: str = "CLIENT_LOGIN_ERROR", user: str | None = None) -> Event:
    return Event(type=kind, at=at, realm="bank", transaction_id="tx", user_id=user, error="e", address="192.0.2.1")


async def test_a_flood_of_failures_of_nobody_leaves_bounded_rows_and_their_number(clock: FakeClock) -> None:
    lines: list[MutableMapping[str, Any]] = []
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into(lines))
    for _ in range(MOST_A_MINUTE + 70):
        await recorder.record(failure())
    await recorder.record(failure(kind="LOGIN_ERROR"))
    assert len(await events.recent(limit=10_000)) == MOST_A_MINUTE + 1
    assert len(lines) == MOST_A_MINUTE + 71, "each has its line"
    await recorder.record(failure(at=1_800_000_060))
    newest = await events.recent(limit=2)
    assert newest[0] == failure(at=1_800_000_060)
    assert (newest[1].type, newest[1].detail, newest[1].address) == ("CLIENT_LOGIN_ERROR", {OMITTED: "70"}, None)


async def test_what_concerns_a_user_is_kept_in_any_flood(clock: FakeClock) -> None:
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into([]))
    for _ in range(MOST_A_MINUTE + 7):
        await recorder.record(failure(user="ana"))
        await recorder.record(EVENT)
    assert len(await events.recent(limit=10_000)) == 2 * (MOST_A_MINUTE + 7)


async def test_what_was_left_out_is_told_when_the_provider_ends(clock: FakeClock) -> None:
    events = KernelStore(MemoryKernel(clock), clock).realm("bank").events
    recorder = Recorder(events, log_into([]))
    for _ in range(MOST_A_MINUTE + 3):
        await recorder.note(failure())
    await recorder.close()
    assert (await events.recent(limit=1))[0].detail == {OMITTED: "3"}
    assert len(await events.recent(limit=10_000)) == MOST_A_MINUTE + 1
