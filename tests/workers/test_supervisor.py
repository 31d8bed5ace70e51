"""Several processes of one node: real ones, that are replaced, killed and ended while somebody asks them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from idp.workers.inherited import BEAT
from idp.workers.supervisor import pause_after
from idp.workers.worker import falls_silent
from tests.cli.deployment import ROOT, environment
from tests.patience import PATIENCE
from tests.workers.nodes import appeared, little_node

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_pause_after_failures_grows_and_is_bounded() -> None:
    assert [pause_after(n) for n in (0, 1, 2, 3)] == [0, 0.5, 1, 2]
    assert pause_after(8) == pause_after(10_000) == 30


async def test_all_places_are_filled_and_serve_from_one_port(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        assert len(await node.processes()) == 2


async def test_a_worker_that_dies_is_replaced_and_the_others_serve_on(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        before = await node.processes()
        with contextlib.suppress(httpx.HTTPError):
            await node.ask("/die")
        after = await node.until(lambda found: len(found - before) == 1)
        assert len(before & after) == 1


async def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        before = await node.processes()
        os.kill(min(before), signal.SIGKILL)
        assert len(await node.until(lambda found: len(found - before) == 1) & before) == 1


async def test_a_worker_that_is_frozen_is_killed_and_replaced_and_the_others_serve_meanwhile(tmp_path: Path) -> None:
    async with little_node(tmp_path, silent_seconds=5.0) as node:
        before = await node.processes()
        frozen = min(before)
        os.kill(frozen, signal.SIGSTOP)
        assert await node.ask() != frozen
        await node.until(lambda found: bool(found - before))
        with pytest.raises(ProcessLookupError):
            os.kill(frozen, 0)


async def test_a_worker_that_says_nothing_is_silent_and_one_that_hangs_up_is_not() -> None:
    frozen, gone = asyncio.StreamReader(), asyncio.StreamReader()
    gone.feed_eof()
    assert await falls_silent(frozen, 0.1, look=0.01)
    assert not await falls_silent(gone, 0.1, look=0.01)


async def test_a_supervisor_that_was_stopped_itself_takes_no_worker_for_frozen() -> None:
    reader = asyncio.StreamReader()
    listening = asyncio.create_task(falls_silent(reader, 0.5, look=0.1))
    await asyncio.sleep(0)  # it listens
    time.sleep(1.0)  # noqa: ASYNC251 - the whole process stands still, twice as long as a worker may be silent
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not listening.done(), "it was we who did not listen"
    for _ in range(20):  # a machine that is slow, but not so slow
        reader.feed_data(BEAT)
        await asyncio.sleep(0.05)
    assert not listening.done()
    assert await listening, "and then it hangs all the same"


async def test_replacing_all_refuses_nobody_and_ends_the_former_ones_in_order(tmp_path: Path) -> None:
    async with little_node(tmp_path, drain_seconds=0.3) as node:
        before = await node.processes()
        going = True
        answers: list[int] = []

        async def keep_asking() -> None:
            while going:
                answers.append(await node.ask())

        async def keep_a_connection() -> None:
            async with httpx.AsyncClient(base_url=node.origin, timeout=PATIENCE) as http:
                while going:
                    # RFC 9112 §9.3.1: who was idle for longer than the draining takes asks again on a new connection.
                    with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
                        answers.append(int((await http.get("/")).raise_for_status().text))
                    await asyncio.sleep(0.01)

        asking = [asyncio.create_task(ask()) for ask in (keep_asking, keep_asking, keep_a_connection)]
        slow = await node.begin_slow()
        assert await node.supervisor.replace_all()
        going = False
        await asyncio.gather(*asking)
        assert await slow in before, "what was begun is finished"
        after = await node.processes()
        assert not before & after
        assert before <= node.ended()
        assert set(answers) <= before | after | node.ended()


async def test_workers_that_do_not_start_replace_nobody(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        before = await node.processes()
        (tmp_path / "broken").touch()
        assert not await node.supervisor.replace_all()
        assert await node.processes() == before


async def test_a_node_whose_first_worker_does_not_start_ends_with_its_status(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with little_node(tmp_path) as node:
        assert await asyncio.wait_for(node.running, PATIENCE) == 3


async def test_the_end_waits_for_what_is_being_answered(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        before = await node.processes()
        slow = await node.begin_slow()
        assert await node.end() == 0
        assert await slow in before
        assert node.ended() == before


async def test_nobody_is_connected_to_a_node_where_nobody_would_answer(tmp_path: Path) -> None:
    async with little_node(tmp_path) as node:
        await node.processes()
        (tmp_path / "stubborn").touch()  # the doors are closed then, and the processes are still there
        ending = asyncio.create_task(node.end())
        async with asyncio.timeout(PATIENCE):
            while await node.takes_a_connection():  # noqa: ASYNC110 - other processes make it end
                await asyncio.sleep(0.05)
        assert not node.running.done(), "it was taken as long as the supervisor was there"
        (tmp_path / "stubborn").unlink()
        assert await ending == 0


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async with little_node(tmp_path, end_seconds=1.0) as node:
        await node.processes()
        (tmp_path / "stubborn").touch()
        assert await node.end() == 0
        assert not node.ended()


async def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.workers.little_supervisor", str(tmp_path)]
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - this Python, a module of these tests; it answers at once
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        origin = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        found: set[str] = set()
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            while len(found) < 2:
                found.add((await http.get(origin, headers={"connection": "close"})).text)
        process.kill()
        process.wait(PATIENCE)
    await appeared(tmp_path / "ended", holding=lambda text: set(text.split()) == found)
