"""Workers and nodes of a cluster killed, and nodes restarted, in the middle of logins: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from pathlib import Path

import pytest

from tests.faults.soak import ROUNDS, Soak, soak

pytestmark = pytest.mark.anyio


async def test_a_cluster_whose_processes_are_killed_keeps_its_word(tmp_path: Path) -> None:
    """Tried, and it was red: a refresh token is rotated in MongoDB after the answer, unknown to the other node."""
    async with soak(tmp_path) as (customers, _):
        for _ in range(ROUNDS):
            await a_worker_is_killed(customers)
            await a_node_is_killed(customers)
            await every_node_is_restarted(customers)


async def a_worker_is_killed(customers: Soak) -> None:
    node = customers.nodes[0]
    victim = secrets.choice(node.workers())
    async with customers.living() as over:
        os.kill(victim, signal.SIGKILL)
        over.set()
    await customers.settle()  # on the worker that is left, or the one in its place
    assert node.process.poll() is None


async def a_node_is_killed(customers: Soak) -> None:
    node = secrets.choice(customers.nodes)
    async with customers.living() as over:
        await asyncio.to_thread(node.kill)
        over.set()
    await asyncio.gather(*(one.check() for one in customers.customers))  # on the other one
    await asyncio.to_thread(node.start)


async def every_node_is_restarted(customers: Soak) -> None:
    """The restart that nobody notices: not one request may fail."""
    async with customers.living(unharmed=True) as over:
        for node in customers.nodes:
            assert await asyncio.to_thread(node.end) == 0
            await customers.more_logins()
            await asyncio.to_thread(node.start)
        over.set()
    await customers.settle()
