"""Several processes on several nodes, over MongoDB and Redis: restarted, replaced and killed while customers log in."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cluster import Cluster, cluster
from tests.cli.serving.test_serve import Bank, login_page
from tests.patience import until
from tests.stories.rearranged import FORM, PASSWORD, forms, settled

pytestmark = pytest.mark.anyio
USERNAME = "arta.hoxha"
BY_PASSWORD = settled(forms(FORM))
"""A code of a soft token is good for one login in three seconds, which would bound the load."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def whole_login(deployment: Cluster) -> None:
    """Log in, redeem the code, refresh twice, over a new connection each time: any node may be the one that answers."""
    bank = Bank(deployment)
    browser = await login_page(deployment, bank)
    await browser.submit("kc-form-login", username=USERNAME, password=PASSWORD)
    assert browser.has_left, browser.shown.message
    answer = await bank.redeem(browser.answer["code"])
    for _ in range(2):
        assert answer.status_code == 200, answer.text
        answer = await bank.refresh(answer.json()["refresh_token"])
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def customers(deployment: Cluster, *, many: int) -> AsyncIterator[Callable[[], int]]:
    """Let so many customers log in again and again; any login that fails fails the test. Tells how many were done."""
    done, going = 0, True

    async def keep_logging_in() -> None:
        nonlocal done
        while going:
            await whole_login(deployment)
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(many):
            group.create_task(keep_logging_in())
        try:
            yield lambda: done
        finally:
            going = False


async def more_logins(done: Callable[[], int], *, at_least: int = 2) -> None:
    """Wait for some whole logins from now on."""
    before = done()
    await until(lambda: done() >= before + at_least)


def lines(deployment: Cluster, event: str) -> list[dict[str, Any]]:
    every = [json.loads(line) for line in deployment.log.read_text(encoding="utf-8").splitlines() if line[0] == "{"]
    return [line for line in every if line["event"] == event]


async def test_no_login_fails_while_two_nodes_are_restarted_one_after_the_other(tmp_path: Path) -> None:
    async with cluster(tmp_path, edit=BY_PASSWORD) as (deployment, nodes):
        async with customers(deployment, many=2) as done:
            await more_logins(done)
            for node in nodes:
                assert await asyncio.to_thread(node.end) == 0
                await more_logins(done)
                await asyncio.to_thread(node.start)
                await more_logins(done)
        await until(lambda: len(lines(deployment, "worker serves")) == 8)


async def test_no_login_fails_while_the_workers_of_a_node_are_replaced_or_killed(tmp_path: Path) -> None:
    async with cluster(tmp_path, edit=BY_PASSWORD) as (deployment, nodes):
        first, other = nodes
        assert await asyncio.to_thread(other.end) == 0  # nobody else is there to stand in
        async with customers(deployment, many=2) as done:
            await more_logins(done)
            before = {line["pid"] for line in lines(deployment, "worker serves")}
            first.process.send_signal(signal.SIGHUP)
            await until(lambda: len(lines(deployment, "workers replaced")) == 1)
            await more_logins(done)
        serving = [line["pid"] for line in lines(deployment, "worker serves")]
        assert len(serving) == 6
        os.kill(serving[-1], signal.SIGKILL)
        await until(lambda: len(lines(deployment, "worker serves")) == 7)
        await whole_login(deployment)
        assert not before & set(serving[-2:])
        health = await asyncio.to_thread(first.asked)
        assert (health.returncode, json.loads(health.stdout)["status"]) == (0, "ready")
        assert await asyncio.to_thread(first.end) == 0
