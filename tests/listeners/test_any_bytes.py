"""The TLS door, whatever a stranger sends: dropped or answered by TLS itself, and never a failure of ours."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from idp.listeners.tls import ServerCertificate, asking_context
from idp.listeners.tls_protocol import TlsProtocol
from tests import certificates

RECORD = st.builds(
    lambda kind, body: bytes([kind, 3, 3]) + len(body).to_bytes(2) + body, st.integers(20, 25), st.binary(max_size=300)
)
HELLO = st.builds(
    lambda body: b"\x16\x03\x01" + (len(body) + 4).to_bytes(2) + b"\x01" + len(body).to_bytes(3) + body,
    st.binary(max_size=400),
)


class Network(asyncio.Transport):
    """The network's side: what was sent, and whether it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.over = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return self.over

    def close(self) -> None:
        self.over = True

    def abort(self) -> None:
        self.over = True


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> SSL.Context:
    certificate, key = certificates.server().save(tmp_path_factory.mktemp("tls"), "server")
    return asking_context(ServerCertificate(certificate=certificate, key=key))


@given(st.lists(st.binary(min_size=1, max_size=300) | RECORD | HELLO, max_size=4), st.booleans())
def test_whatever_a_stranger_sends_reaches_no_application(
    context: SSL.Context,
    pieces: list[bytes],
    ends: bool,  # noqa: FBT001 - given by hypothesis
) -> None:
    async def sent() -> None:
        waiting: set[TlsProtocol] = set()

        def build(_presented: tuple[str, ...]) -> asyncio.Protocol:
            raise AssertionError("nobody has shaken hands")

        network, door = Network(), TlsProtocol(context, build, waiting=waiting)
        door.connection_made(network)
        for piece in pieces:
            door.data_received(piece)
        if ends:
            door.eof_received()
        if not network.over:
            assert door in waiting, "its time runs"
            door.abort()
        door.connection_lost(None)
        assert not waiting
        assert len(network.sent) < 64 * 1024, "a stranger's bytes are not multiplied"

    asyncio.run(sent())
