"""The HTTP server behind one door or two: uvicorn, with a second listener that asks for client certificates."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal

import uvicorn
from OpenSSL import SSL

from idp.listeners.patience import REQUEST_SECONDS, bounded_requests
from idp.listeners.tls_protocol import TlsProtocol
from idp.model.struct import Frozen
from idp.web.http import Application, Receive, Scope, Send

KEEP_ALIVE_SECONDS = 75
HEARING_SECONDS = 0.5
_CLOSE = (b"connection", b"close")


class AskingDoor(Frozen, frozen=True, kw_only=True):
    """A listener where every client is asked for a certificate."""

    listener: socket.socket
    context: SSL.Context


class Server(uvicorn.Server):
    """One uvicorn for all listeners: they share its connections, so that all of them end in order."""

    def __init__(
        self,
        application: Application,
        *,
        context: ssl.SSLContext | None = None,
        asking: AskingDoor | None = None,
        request_seconds: float = REQUEST_SECONDS,
        keep_alive_seconds: int = KEEP_ALIVE_SECONDS,
        drain_seconds: float = 0.0,
        hearing_seconds: float = HEARING_SECONDS,
        parser: Literal["auto", "h11", "httptools"] = "auto",
    ) -> None:
        """`drain_seconds`: how long it goes on serving once it was told to end; `hearing_seconds`: see `_heard`."""
        config = uvicorn.Config(
            application,
            # Our own middleware takes addresses from trusted proxies, and nothing else.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            lifespan="off",
            timeout_keep_alive=keep_alive_seconds,
            timeout_graceful_shutdown=10,
            http=parser,
        )
        config.load()
        config.http_protocol_class = bounded_requests(config.http_protocol_class, seconds=request_seconds)
        config.ssl = context
        super().__init__(config)
        self._asking = asking
        self._waiting: set[TlsProtocol] = set()
        self._drain_seconds = drain_seconds
        self._hearing_seconds = hearing_seconds
        self.on_started: Callable[[], None] = lambda: None
        """Called when it serves."""
        self.on_draining: Callable[[], None] = lambda: None
        """Called when it was told to end. By a signal's handler, maybe."""
        self._end_at: float | None = None
        self.draining = False
        """Whether it was told to end: it serves on for a while, and nobody should begin anything here any more."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors."""
        await super().startup(sockets)
        if self._asking is not None:
            loop = asyncio.get_running_loop()
            context = self._asking.context
            server = await loop.create_server(
                lambda: TlsProtocol(context, self._http, waiting=self._waiting),
                sock=self._asking.listener,
                backlog=self.config.backlog,
            )
            self.servers.append(server)
        self.on_started()

    def end(self, *, at_once: bool = False) -> None:
        """Serve on for the time of draining, asking everybody to go elsewhere, then end; a second call ends at once.

        Proxies need that time to notice. It may be called by a signal's handler: the loop does the rest.
        """
        if at_once or self.draining or not self._drain_seconds:
            self.should_exit = True
        self.draining = True
        self.on_draining()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains; a person at a terminal (SIGINT) is not made to wait. Neither is raised again afterwards."""
        del frame
        self.end(at_once=sig == signal.SIGINT)

    async def on_tick(self, counter: int) -> bool:
        """See, ten times a second, whether it is time to end."""
        if self.draining:
            now = asyncio.get_running_loop().time()
            if self._end_at is None:
                self._end_at = now + self._drain_seconds
                self._ask_to_close()
            self.should_exit = self.should_exit or now >= self._end_at
        return await super().on_tick(counter)

    def _ask_to_close(self) -> None:
        """Answer everything from now on with `Connection: close` (RFC 9112 §9.6), also what is being worked on.

        A connection that is closed while it is idle may meet a request that is under way, and a proxy must not repeat a
        POST by itself: whoever was told by an answer opens a new connection, and loses nothing.
        """
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers.append(_CLOSE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors, wait for requests, but for no handshake."""
        for protocol in list(self._waiting):
            protocol.abort()
        for server in self.servers:
            server.close()
        await self._heard()
        await super().shutdown(sockets)

    async def _heard(self) -> None:
        """Give those whose connection was taken a moment ago the time to say what they want.

        uvicorn would close a connection on which nothing was asked yet. To its client that is a request that failed,
        and one that a proxy must not repeat.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._hearing_seconds
        while loop.time() < until and any(map(_is_unheard, self.server_state.connections)):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)

    def _http(self, presented: tuple[str, ...]) -> asyncio.Protocol:
        """Return an HTTP protocol whose every request carries the certificate of its connection."""
        protocol: Any = self.config.http_protocol_class(  # type: ignore[call-arg] # as uvicorn itself makes it
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )
        protocol.app = with_certificate(protocol.app, presented)
        built: asyncio.Protocol = protocol
        return built


def _is_unheard(connection: Any) -> bool:
    return connection.cycle is None


class ServerBeside(Server):
    """A server in the loop of another one: it ends when it is told to, and leaves signals to the other."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def with_certificate(application: Application, presented: tuple[str, ...]) -> Application:
    """Return the application with a client's certificate in the scope, as the ASGI TLS extension has it."""
    tls = {
        "server_cert": None,
        "client_cert_chain": presented,
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": None,
        "cipher_suite": None,
    }

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**(scope.get("extensions") or {}), "tls": tls}
        await application(scope, receive, send)

    return asked


@contextmanager
def ended_by_signals(server: Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the serving, and nothing more, also before and after the server itself does so.

    SIGTERM's own handler would kill the process before the site is closed, and SIGINT's would interrupt the closing.
    """
    former = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
