"""One TLS connection: the network on one side, an HTTP protocol on the other, pyOpenSSL between two buffers.

A plain asyncio protocol, so that it runs on every event loop. The HTTP protocol is made when the handshake is done, and
sees a transport that differs from TCP's in nothing but where the bytes go. Whoever does not finish the handshake in
time, or speaks something else than TLS, is dropped and has cost one buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

HANDSHAKE_SECONDS = 10.0
LINGER_SECONDS = 2.0
_PIECE = 64 * 1024  # bytes that are read from OpenSSL at once
_LARGEST_WRITE = 1024 * 1024  # bytes that OpenSSL is given at once

Build = Callable[[tuple[str, ...]], asyncio.Protocol]
"""Makes the protocol inside, given the client's certificate and those it sent with it, as PEM."""


class TlsProtocol(asyncio.Protocol):
    """The outer protocol. `waiting` holds it as long as its handshake lasts, so that a server that ends finds it."""

    def __init__(
        self,
        context: SSL.Context,
        build: Build,
        *,
        waiting: set[TlsProtocol],
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()
        self._build = build
        self._waiting = waiting
        self._handshake_seconds = handshake_seconds
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._inside: TlsTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake, but not for long."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by what it does, not by its class
        self._waiting.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._handshake_seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        """Give what came to OpenSSL, and on to whom it is for."""
        if self._transport.is_closing() or (self._inside is not None and self._inside.is_closing()):
            return  # nobody is left to read it
        self._connection.bio_write(data)
        if self._inside is None and not self._shaken():
            return
        assert self._inside is not None
        self._inside.read()

    def eof_received(self) -> bool:
        """End: nothing can be half open here (`uvicorn` closes at the end of a plain stream, too)."""
        if self._inside is not None:
            self._inside.protocol.eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell it inside."""
        self._settled()
        if self._inside is not None:
            self._inside.protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell it inside: what is written there goes straight into the buffer that is full."""
        if self._inside is not None:
            self._inside.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell it inside."""
        if self._inside is not None:
            self._inside.protocol.resume_writing()

    def abort(self) -> None:
        """Drop the connection."""
        self._settled()
        self._transport.abort()

    def _shaken(self) -> bool:
        """Go on with the handshake; tell whether it is done."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            flush(self._connection, self._transport)
            return False
        except SSL.Error:
            flush(self._connection, self._transport)  # the alert that says why
            self._transport.close()
            return False
        flush(self._connection, self._transport)
        self._settled()
        protocol = self._build(_presented(self._connection))
        self._inside = TlsTransport(self._connection, self._transport, protocol)
        protocol.connection_made(self._inside)
        return True

    def _settled(self) -> None:
        self._waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class TlsTransport(asyncio.Transport):
    """What the protocol inside writes to: encrypted, and handed to the network at once.

    So the network's own buffer is the only one, and its marks (`pause_writing`) hold for the plain bytes too.
    """

    def __init__(self, connection: SSL.Connection, network: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self._connection = connection
        self._network = network
        self._paused = False
        self._closing = False

    def read(self) -> None:
        """Hand on what can be decrypted, until the protocol has enough."""
        while not self._paused and not self.is_closing():
            try:
                data = self._connection.recv(_PIECE)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:  # the client said that it is done
                self.protocol.eof_received()
                self.close()
                return
            except SSL.Error:
                self.abort()
                return
            self.protocol.data_received(data)
        if not self.is_closing():
            flush(self._connection, self._network)  # answers of TLS itself, to a change of keys for instance

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self.is_closing():
            return
        view = memoryview(data)
        try:
            for start in range(0, len(view), _LARGEST_WRITE):
                self._connection.sendall(bytes(view[start : start + _LARGEST_WRITE]))
                flush(self._connection, self._network)
        except SSL.Error:  # nothing is encrypted any more, so nothing is sent
            self.abort()

    def close(self) -> None:
        """Say that nothing follows, and close when everything is sent and the client has closed too.

        It is given a moment for that: many answer the end of TLS with their own, and a socket that is closed already
        would answer with a reset, which takes from a slow reader what it has not read yet.
        """
        if self._closing:
            return
        self._closing = True
        try:
            self._connection.shutdown()
            flush(self._connection, self._network)
        except SSL.Error:
            self._network.close()  # it has failed already; there is nobody to say it to
            return
        if self._network.is_closing() or not self._network.can_write_eof():
            self._network.close()
            return
        if self._paused:
            self._network.resume_reading()
        self._network.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._network.close)

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._network.abort()

    def is_closing(self) -> bool:
        """Tell whether nothing more is read or written."""
        return self._closing or self._network.is_closing()

    def pause_reading(self) -> None:
        """Hold back what comes."""
        self._paused = True
        self._network.pause_reading()

    def resume_reading(self) -> None:
        """Go on, first with what was held back."""
        if self._paused and not self.is_closing():
            self._paused = False
            self._network.resume_reading()
            asyncio.get_running_loop().call_soon(self.read)

    def is_reading(self) -> bool:
        """Tell whether what comes is handed on."""
        return not self._paused and not self.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection; that there is an `sslcontext` makes it https."""
        return self._connection.get_context() if name == "sslcontext" else self._network.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another protocol in the place."""
        self.protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol inside."""
        return self.protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of the network's buffer."""
        self._network.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return how much waits to be sent."""
        return self._network.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        """Nothing can be half open."""
        return False


def flush(connection: SSL.Connection, network: asyncio.Transport) -> None:
    """Send what OpenSSL has to say."""
    while True:
        try:
            network.write(connection.bio_read(_PIECE))
        except SSL.WantReadError:
            return


def _presented(connection: SSL.Connection) -> tuple[str, ...]:
    """Return the client's certificate and those that came with it, as PEM; none if it sent none."""
    own = connection.get_peer_certificate(as_cryptography=True)
    if own is None:
        return ()
    others = connection.get_peer_cert_chain(as_cryptography=True) or []
    chain = [own, *(other for other in others if other != own)]
    return tuple(certificate.public_bytes(Encoding.PEM).decode() for certificate in chain)
