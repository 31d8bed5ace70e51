"""Health and metrics of a node with several workers on MongoDB and Redis, while those are well and while they hang."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.deployment import REALM, Deployment, Process
from tests.cli.test_serve_management import managed
from tests.patience import PATIENCE
from tests.stores.mongodb import MongoServer
from tests.stores.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
ASKED = 40


class Node:
    """A deployment on servers of its own, two processes serving, and its management port."""

    def __init__(self, folder: Path, mongodb: MongoServer, redis: RedisServer) -> None:
        self.mongodb = mongodb
        self.redis = redis
        self.deployment = Deployment(folder)
        self.address = managed(self.deployment)
        self.deployment.change(
            f'path = "{folder / "store" / "hyrja.sqlite"}"',
            f'mongodb_url = "{mongodb.url("hyrja")}"\nredis_url = "{redis.url}"',
        )
        self.deployment.change("[store]", "workers = 2\ndrain_seconds = 1\n[store]")
        self.process: Process

    def ready(self) -> tuple[int, Any]:
        answer = httpx.get(f"{self.address}/health/ready", timeout=PATIENCE)
        return answer.status_code, answer.json()

    def becomes(self, wanted: Callable[[], bool]) -> bool:
        """Wait for what is true a moment later: what other workers count is up to a second old."""
        deadline = time.monotonic() + PATIENCE
        while not wanted() and time.monotonic() < deadline:
            time.sleep(0.05)
        return wanted()

    def metric(self, name: str) -> float:
        """Return the sum of a metric over all of its labels."""
        text = httpx.get(f"{self.address}/metrics", timeout=PATIENCE).text
        return sum(float(value) for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    folders = [tmp_path / name for name in ("mongodb", "redis", "idp")]
    for folder in folders:
        folder.mkdir()
    with contextlib.ExitStack() as undo:
        mongodb, redis = MongoServer(folders[0]), RedisServer(folders[1])
        for server in (mongodb, redis):
            undo.callback(server.kill)
            undo.callback(server.thaw)
        node = Node(folders[2], mongodb, redis)
        with node.deployment.serving() as node.process:
            assert node.becomes(lambda: node.metric("hyrja_workers") == 2)
            yield node


def test_whichever_worker_is_asked_answers_for_all_also_after_each_was_replaced(node: Node) -> None:
    certs = f'hyrja_request_seconds_count{{endpoint="certs",realm="{REALM}",status="2xx"}}'
    for _ in range(ASKED):
        address = f"{node.deployment.origin}/realms/{REALM}/protocol/openid-connect/certs"
        assert httpx.get(address, headers={"connection": "close"}, timeout=PATIENCE).status_code == 200
    assert node.becomes(lambda: node.metric(certs) == ASKED)
    assert all(node.metric(certs) == ASKED for _ in range(10)), "each of them says the same"
    assert node.metric('hyrja_store_seconds_count{.*part="mongodb",verb="commit"}') > 0
    assert node.metric("hyrja_ready") == 2
    node.process.send(signal.SIGHUP)
    log = node.deployment.log
    while '"workers replaced"' not in log.read_text(encoding="utf-8"):
        _, told = node.ready()  # on a busy machine the stores may be late, which is another matter
        assert told["status"] in {"ready", "unavailable"}, "a worker that is replaced does not speak for the node"
    assert node.becomes(lambda: node.metric("hyrja_workers") == 2)
    assert node.metric(certs) == ASKED
    assert node.becomes(lambda: node.ready()[0] == 200)


def test_a_part_of_the_store_that_hangs_is_told_by_its_name_until_it_is_back(node: Node) -> None:
    status, told = node.ready()
    assert (status, told["status"]) == (200, "ready")
    assert {name: part["ok"] for name, part in told["parts"].items()} == {"mongodb": True, "redis": True}
    for part in ("redis", "mongodb"):  # on one machine: a moment has passed between the question and its answer
        assert 0 < node.metric(f'hyrja_store_clock_skew_seconds{{part="{part}"}}') < PATIENCE
    for name, server in (("redis", node.redis), ("mongodb", node.mongodb)):
        server.freeze()
        status, told = node.ready()
        assert status == 503
        assert not told["parts"].pop(name)["ok"]
        assert all(part["ok"] for part in told["parts"].values()), json.dumps(told)
        assert httpx.get(f"{node.address}/health/live", timeout=PATIENCE).status_code == 200
        server.thaw()
        assert node.becomes(lambda: node.ready()[0] == 200)
