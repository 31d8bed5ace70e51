"""Both doors with real TLS, on both event loops: what is spoken, what arrives, and what does no harm."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.listeners.patience import LARGEST_REQUEST
from idp.listeners.tls import asking_context
from idp.listeners.tls_protocol import TlsProtocol
from tests import certificates
from tests.certificates import RSA_KEY, SERVER_AUTH, Holder, authority, issued
from tests.listeners.conftest import World
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.anyio
OLD = certificates.BEGINNING - dt.timedelta(days=365)
CA = authority()
MIDDLE = authority("CN=Middle,O=Bank", by=CA)


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(issued(), id="self-signed, EC"),
        pytest.param(issued(key=RSA_KEY), id="self-signed, RSA"),
        pytest.param(issued(by=CA), id="of an authority"),
        pytest.param(issued(begins=OLD, days=1), id="expired"),
        pytest.param(issued(usage=SERVER_AUTH), id="for servers only"),
        pytest.param(issued(usage=None), id="for anything"),
    ],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_clients_certificate_arrives_whatever_it_is(
    world: World, holder: Holder, version: ssl.TLSVersion
) -> None:
    context = world.context(holder)
    context.minimum_version = context.maximum_version = version
    async with httpx.AsyncClient(verify=context, timeout=PATIENCE) as http:
        told = (await http.get(f"https://localhost:{world.port}/")).json()
    assert (told["chain"], told["scheme"], told["client"]) == ([holder.pem], "https", "127.0.0.1")


async def test_those_that_vouch_for_it_arrive_with_it(world: World) -> None:
    holder = issued(by=MIDDLE)
    async with world.http(holder) as http:
        assert (await http.get("/")).json()["chain"] == [holder.pem, MIDDLE.pem]


async def test_who_has_no_certificate_is_served(world: World) -> None:
    async with world.http() as http:
        assert (await http.get("/")).json()["chain"] == []


async def test_the_ordinary_door_asks_for_none(world: World) -> None:
    async with world.http(issued(), port=world.ordinary_port) as http:
        told = (await http.get("/")).json()
        assert (told["chain"], told["scheme"]) == (None, "https")


@pytest.mark.parametrize("door", ["asking", "ordinary"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_older_versions_are_refused(world: World, door: str, version: ssl.TLSVersion) -> None:
    context = world.context()
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = version
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await world.streams(context, port=world.ports[door])


@pytest.mark.parametrize("door", ["asking", "ordinary"])
@pytest.mark.parametrize(
    "suite", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-SHA"]
)
async def test_other_suites_are_refused(world: World, door: str, suite: str) -> None:
    context = world.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await world.streams(context, port=world.ports[door])


@pytest.mark.parametrize("door", ["asking", "ordinary"])
@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
async def test_the_good_suites_are_spoken(world: World, door: str, suite: str) -> None:
    context = world.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    _, writer = await world.streams(context, port=world.ports[door])
    assert writer.get_extra_info("cipher")[0] == suite
    writer.close()


async def test_a_server_with_an_rsa_key_speaks_the_rsa_suites(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server(RSA_KEY))
    async with world.serving():
        context = world.context(issued(key=RSA_KEY))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        for port in (world.port, world.ordinary_port):
            _, writer = await world.streams(context, port=port)
            assert writer.get_extra_info("cipher")[0].startswith("ECDHE-RSA-AES")
            writer.close()


async def test_a_connection_is_kept_and_its_certificate_stays(world: World) -> None:
    holder = issued()
    reader, writer = await world.streams(world.context(holder))
    for _ in range(3):
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        assert holder.pem.splitlines()[1].encode() in body
    writer.close()


async def test_large_bodies_pass_both_ways(world: World) -> None:
    async with world.http(issued()) as http:
        size = LARGEST_REQUEST - 10_000
        assert (await http.post("/", content=b"y" * size)).json()["size"] == size
        assert len((await http.get(f"/big?{size}")).content) == size


def slowly(world: World, size: int, *, more: bytes = b"") -> int:
    """Ask for a large answer, read it in small pieces, and return how much came."""
    plain = socket.create_connection(("127.0.0.1", world.port), PATIENCE)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    with world.context(issued()).wrap_socket(plain, server_hostname="localhost") as secure:
        request = b"GET /big?%d HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % size
        secure.sendall(request + more)
        head = b""
        while b"\r\n\r\n" not in head:
            head += secure.recv(1)
        received = 0
        while data := secure.recv(20_000):
            received += len(data)
        return received


async def test_a_client_that_reads_slowly_gets_everything(world: World) -> None:
    assert await asyncio.to_thread(slowly, world, 5_000_000) == 5_000_000


async def test_what_a_client_sends_too_much_does_not_cost_it_the_answer(world: World) -> None:
    assert await asyncio.to_thread(slowly, world, 300_000, more=b"x" * 200_000) == 300_000


async def test_a_request_in_pieces_is_a_request(world: World) -> None:
    reader, writer = await world.streams(world.context())
    for piece in (b"GET", b" / HT", b"TP/1.1\r\nho", b"st: localhost\r\n", b"\r\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_pipelined_requests_are_answered_in_their_order(world: World) -> None:
    reader, writer = await world.streams(world.context())
    ask = b"GET /big?%d HTTP/1.1\r\nhost: localhost\r\n%b\r\n"
    writer.write(ask % (100_000, b"") + ask % (1, b"") + ask % (2, b"connection: close\r\n"))
    answer = await reader.read(-1)
    assert [answer.index(b"content-length: %d\r\n" % size) for size in (100_000, 1, 2)] == sorted(
        answer.index(b"content-length: %d\r\n" % size) for size in (100_000, 1, 2)
    )
    writer.close()


async def test_an_end_of_what_is_sent_ends_the_connection(world: World) -> None:
    reader, writer = await world.streams(world.context())
    writer.transport.abort()
    reader, writer = await world.streams()  # plain TCP that ends before it has said anything
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert await still_serving(world)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"\x16\x03\x01" + b"\xff" * 600,
        b"\x00" * 5000,
        b"\x15\x03\x03\x00\x02\x02\x28",
    ],
)
async def test_garbage_is_dropped_and_does_no_harm(world: World, garbage: bytes) -> None:
    reader, writer = await world.streams()
    writer.write(garbage)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), PATIENCE)
    assert reader.at_eof()
    writer.close()
    assert await still_serving(world)
    assert not world.server._waiting


async def test_garbage_within_a_connection_is_dropped(world: World) -> None:
    context = world.context()
    client = socket.create_connection(("127.0.0.1", world.port), PATIENCE)
    secure = await asyncio.to_thread(context.wrap_socket, client, server_hostname="localhost")
    plain = socket.socket(fileno=secure.detach())
    await asyncio.to_thread(plain.sendall, b"\x17\x03\x03\x00\x20" + b"\x00" * 32)
    plain.settimeout(PATIENCE)
    while await asyncio.to_thread(_read, plain):
        pass
    plain.close()
    assert await still_serving(world)


def _read(plain: socket.socket) -> bytes:
    try:
        return plain.recv(1000)
    except ConnectionError:
        return b""


async def test_many_unfinished_handshakes_do_not_keep_others_out(world: World) -> None:
    waiting = [await world.streams() for _ in range(50)]
    for _, writer in waiting:
        writer.write(b"\x16\x03\x01")
    assert await still_serving(world)
    for _, writer in waiting:
        writer.close()


async def test_a_handshake_that_takes_too_long_is_given_up(world: World) -> None:
    waiting: set[TlsProtocol] = set()
    context = asking_context(world.files)

    def built() -> TlsProtocol:
        return TlsProtocol(context, lambda _: asyncio.Protocol(), waiting=waiting, handshake_seconds=0.05)

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(built, "127.0.0.1", 0)
    reader, writer = await world.streams(port=listener.sockets[0].getsockname()[1])
    writer.write(b"\x16")
    assert await asyncio.wait_for(_end(reader), PATIENCE)
    assert not waiting
    writer.close()
    listener.close()


async def test_a_server_ends_although_handshakes_are_not_finished(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server())
    async with world.serving():
        reader, writer = await world.streams()
        await until(lambda: world.server._waiting)
    assert await asyncio.wait_for(_end(reader), PATIENCE)
    writer.close()


async def _end(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_a_request_in_progress_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    world = World(tmp_path, certificates.server())
    async with world.serving():
        reader, writer = await world.streams(world.context())
        writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n1")
        await until(lambda: world.server.server_state.tasks)
        world.server.should_exit = True
        writer.write(b"2")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def still_serving(world: World) -> bool:
    async with world.http() as http:
        answer: Any = (await http.get("/")).json()
        return bool(answer["scheme"] == "https")
