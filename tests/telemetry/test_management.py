from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from idp.ports import PartHealth
from idp.telemetry.figures import Figures
from idp.telemetry.health import Health, Phase
from idp.telemetry.management import management
from idp.telemetry.metrics import Metrics
from idp.telemetry.tallies import Snapshot
from idp.telemetry.workers import SILENT_LOOKS
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
WELL = PartHealth(part="mongodb", ok=True, clock_ahead=-0.25)
GONE = PartHealth(part="redis", ok=False, reason="does not answer")


class Node:
    """A process whose store is as a test wants it."""

    def __init__(self, *parts: PartHealth, phase: Phase = Phase.SERVING, patience: float = PATIENCE) -> None:
        self.parts: tuple[PartHealth, ...] = parts
        self.asked, self.given_up = 0, False
        self.answers = asyncio.Event()
        self.answers.set()
        self.health = Health(patience=patience)
        self.health.phase = phase
        self.health.ask = self.ask
        self.application = management(self.health, Figures(Metrics()))

    async def ask(self) -> Sequence[PartHealth]:
        self.asked += 1
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return self.parts

    async def get(self, path: str, method: str = "GET") -> httpx.Response:
        transport = httpx.ASGITransport(app=self.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:9000") as http:
            return await http.request(method, path)


async def told(node: Node) -> tuple[int, Any]:
    answer = await node.get("/health/ready")
    return answer.status_code, answer.json()


async def test_a_process_that_answers_is_live_whatever_its_store_does() -> None:
    for phase in Phase:
        answer = await Node(GONE, phase=phase).get("/health/live")
        assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_a_process_that_hangs_is_named_by_the_one_beside_it_which_is_as_ready_as_before(tmp_path: Path) -> None:
    hanging = os.getppid()  # it lives, and shares nothing any more
    (tmp_path / f"{hanging}.json").write_bytes(msgspec.json.encode(Snapshot(process=hanging, families={})))
    figures = Figures(Metrics(), folder=tmp_path)
    node = Node(WELL)
    node.application = management(node.health, figures)
    for _ in range(SILENT_LOOKS):
        figures.share()
    assert "silent_workers" not in (await told(node))[1]
    figures.share()
    status, said = await told(node)
    assert (status, said["status"], said["silent_workers"]) == (200, "ready", [hanging])


async def test_a_node_whose_store_serves_is_ready() -> None:
    assert await told(Node(WELL)) == (200, {"status": "ready", "parts": {"mongodb": {"ok": True}}})


async def test_a_node_is_not_ready_while_a_part_of_its_store_fails_and_says_which() -> None:
    parts = {"mongodb": {"ok": True}, "redis": {"ok": False, "reason": "does not answer"}}
    assert await told(Node(WELL, GONE)) == (503, {"status": "unavailable", "parts": parts})


async def test_a_node_is_not_ready_before_it_serves_and_when_it_drains() -> None:
    assert await told(Node(WELL, phase=Phase.STARTING)) == (503, {"status": "starting", "parts": {}})
    draining = {"status": "draining", "parts": {"mongodb": {"ok": True}}}
    assert await told(Node(WELL, phase=Phase.DRAINING)) == (503, draining)


async def test_a_store_that_does_not_answer_is_told_in_time_and_asked_once() -> None:
    node = Node(WELL, patience=0.01)
    node.answers.clear()
    silent = {"store": {"ok": False, "reason": "did not answer in time"}}
    assert (
        await asyncio.gather(*(told(node) for _ in range(5))) == [(503, {"status": "unavailable", "parts": silent})] * 5
    )
    assert await told(node) == (503, {"status": "unavailable", "parts": silent})
    assert node.asked == 1
    node.answers.set()
    await asyncio.sleep(0)
    assert (await told(node))[0] == 200
    await node.health.close()


async def test_a_question_that_nobody_waits_for_any_more_ends_with_the_node() -> None:
    node = Node(WELL, patience=0.01)
    node.answers.clear()
    await told(node)
    await node.health.close()
    assert node.given_up


async def test_a_driver_that_raises_says_its_kind_and_not_its_text() -> None:
    node = Node(WELL)

    async def ask() -> Sequence[PartHealth]:
        raise OSError("redis://:a-password@redis.bank.example refused")

    node.health.ask = ask
    assert await told(node) == (503, {"status": "unavailable", "parts": {"store": {"ok": False, "reason": "OSError"}}})


async def test_metrics_say_how_each_part_is_and_how_far_its_clock() -> None:
    text = (await Node(WELL, GONE).get("/metrics")).text
    assert 'hyrja_store_ok{part="mongodb"} 1.0' in text
    assert 'hyrja_store_ok{part="redis"} 0.0' in text
    assert 'hyrja_store_clock_skew_seconds{part="mongodb"} 0.25' in text
    assert "hyrja_ready 0.0" in text


async def test_metrics_come_also_when_the_store_does_not_answer() -> None:
    node = Node(WELL, patience=0.01)
    node.answers.clear()
    answer = await node.get("/metrics")
    assert answer.status_code == 200
    assert 'hyrja_store_ok{part="store"} 0.0' in answer.text
    await node.health.close()


async def test_nothing_else_is_there() -> None:
    node = Node(WELL)
    assert (await node.get("/realms/bank/protocol/openid-connect/certs")).status_code == 404
    assert (await node.get("/health/ready", "POST")).status_code == 405
    head = await node.get("/metrics", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["cache-control"] == "no-store"
