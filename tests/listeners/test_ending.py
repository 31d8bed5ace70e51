"""How a server ends: it serves on while it is drained, sends everybody elsewhere, and answers what it has begun."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests import certificates
from tests.listeners.conftest import World
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.anyio
LONG = 600.0  # seconds of draining: whoever waits for that waits for ever here


async def test_a_server_that_drains_answers_old_and_new_connections_and_asks_them_to_close(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(), drain_seconds=LONG)
    async with world.serving(), world.http() as old, world.http(port=world.ordinary_port) as ordinary:
        for http in (old, ordinary):
            assert "connection" not in (await http.get("/")).headers
        world.server.handle_exit(signal.SIGTERM, None)
        await until(lambda: world.server.draining and world.server.config.encoded_headers)
        async with world.http() as new:
            for http in (old, ordinary, new):
                answer = await http.get("/")
                assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        world.server.end()  # a second time: nobody waits any longer


async def test_what_is_being_answered_when_draining_begins_is_answered_with_the_word_to_close(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(), drain_seconds=LONG)
    async with world.serving(), world.http() as http:
        slow = asyncio.create_task(http.get("/slow?500"))
        await until(lambda: world.server.server_state.tasks)
        world.server.end()
        assert (await slow).headers["connection"] == "close"
        world.server.end()


async def test_it_ends_by_itself_when_the_time_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(), drain_seconds=0.2)
    task = asyncio.create_task(world.server.serve(sockets=[world.ordinary]))
    await until(lambda: world.server.started)
    world.server.handle_exit(signal.SIGTERM, None)
    await asyncio.wait_for(task, PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_person_at_the_terminal_and_a_server_without_draining_do_not_wait(
    tmp_path: Path, number: signal.Signals
) -> None:
    drain_seconds = LONG if number == signal.SIGINT else 0.0
    world = World(tmp_path, certificates.server(), drain_seconds=drain_seconds)
    task = asyncio.create_task(world.server.serve(sockets=[world.ordinary]))
    await until(lambda: world.server.started)
    world.server.handle_exit(number, None)
    await asyncio.wait_for(task, PATIENCE)


async def test_a_connection_that_was_just_taken_is_heard_before_the_end(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(), hearing_seconds=LONG)
    async with world.serving():
        reader, writer = await world.streams(world.context(), port=world.ordinary_port)
        await until(lambda: world.server.server_state.connections)
        world.server.end()
        await until(lambda: not any(server.is_serving() for server in world.server.servers))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()


async def test_an_idle_connection_is_kept_for_as_long_as_the_settings_say(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(), keep_alive_seconds=1)
    async with world.serving():
        reader, writer = await world.streams(world.context(), port=world.ordinary_port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        await asyncio.wait_for(reader.read(), PATIENCE)  # to the end: it is closed
        writer.close()
