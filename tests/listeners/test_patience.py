"""Requests that never arrive: the connection is dropped, whichever door and parser; others are left alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idp.listeners.patience import LARGEST_REQUEST
from tests import certificates
from tests.listeners.conftest import World
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
SHORT = 0.3  # seconds, where the request never arrives
LONG = 1.5  # seconds, where one has to arrive within them on a machine that has other things to do
WHOLE = b"GET /big?1 HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # what is tested here knows nothing of the loop


@pytest.fixture(params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest) -> str:
    if request.param == "httptools":
        pytest.importorskip("httptools", reason="httptools is not on every platform")
    return str(request.param)


@pytest.fixture
async def hurried(tmp_path: Path, parser: str) -> AsyncIterator[World]:
    world = World(tmp_path, certificates.server(), request_seconds=SHORT, parser=parser)
    async with world.serving():
        yield world


@pytest.fixture
async def patient(tmp_path: Path, parser: str) -> AsyncIterator[World]:
    world = World(tmp_path, certificates.server(), request_seconds=LONG, parser=parser)
    async with world.serving():
        yield world


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return True
    return reader.at_eof()


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HT", id="half a line"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: localhost\r\n", id="half the headers"),
        pytest.param(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n1", id="half the body"),
    ],
)
async def test_a_request_that_does_not_arrive_ends_its_connection(hurried: World, begun: bytes) -> None:
    reader, writer = await hurried.streams(hurried.context())
    writer.write(begun)
    assert await ended(reader)
    writer.close()


async def test_the_second_request_has_no_more_time_than_the_first(patient: World) -> None:
    reader, writer = await patient.streams(patient.context())
    writer.write(WHOLE)
    await reader.readuntil(b"\r\n\r\nx")
    writer.write(b"GET")  # and from now on uvicorn's own limit for idle connections is off
    assert await ended(reader)
    writer.close()


async def test_the_ordinary_door_waits_no_longer(hurried: World) -> None:
    reader, writer = await hurried.streams(hurried.context(), port=hurried.ordinary_port)
    writer.write(b"GET / HT")
    assert await ended(reader)
    writer.close()


async def test_a_byte_now_and_then_buys_no_time(hurried: World) -> None:
    reader, writer = await hurried.streams(hurried.context())
    end = asyncio.create_task(ended(reader))
    while not end.done():
        writer.write(b"G")  # of a method that never ends
        await asyncio.sleep(SHORT / 20)
    assert end.result()
    writer.close()


async def test_a_request_that_has_arrived_may_be_answered_for_as_long_as_it_takes(patient: World) -> None:
    reader, writer = await patient.streams(patient.context())
    writer.write(b"GET /slow?%d HTTP/1.1\r\nhost: localhost\r\n\r\n" % (LONG * 1.3 * 1000))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


ENDLESS = [
    pytest.param(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ", b"a" * 16384, id="a header"),
    pytest.param(b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"x: a\r\n" * 2048, id="headers"),
    pytest.param(b"GET /", b"a" * 16384, id="an address"),
    pytest.param(WHOLE + b"GET / HTTP/1.1\r\nx: ", b"a" * 16384, id="the second one's header"),
    pytest.param(
        b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        b"x: a\r\n" * 2048,
        id="trailers",
    ),
]


@pytest.mark.parametrize(("begun", "more"), ENDLESS)
async def test_a_request_without_end_fills_no_memory(tmp_path: Path, parser: str, begun: bytes, more: bytes) -> None:
    world = World(tmp_path, certificates.server(), parser=parser)
    async with world.serving():
        reader, writer = await world.streams(world.context())
        end = asyncio.create_task(ended(reader))
        writer.write(begun)
        for _ in range(2 * LARGEST_REQUEST // len(more)):
            if end.done():
                break
            with contextlib.suppress(ConnectionError):
                writer.write(more)
                await writer.drain()
            await asyncio.sleep(0)
        assert await end
        writer.close()


async def test_many_requests_of_one_connection_are_not_one_large_one(tmp_path: Path, parser: str) -> None:
    world = World(tmp_path, certificates.server(), parser=parser)
    body = b"a" * 60_000
    async with world.serving():
        reader, writer = await world.streams(world.context())
        for _ in range(8):
            writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body))
            await writer.drain()
            writer.write(body)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.close()
