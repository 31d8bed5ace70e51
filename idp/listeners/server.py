"""The HTTP server behind one door or two: uvicorn, with a second listener that asks for client certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Literal

import uvicorn
from OpenSSL import SSL

from idp.listeners.patience import REQUEST_SECONDS, bounded_requests
from idp.listeners.tls_protocol import TlsProtocol
from idp.model.struct import Frozen
from idp.web.http import Application, Receive, Scope, Send


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
        parser: Literal["auto", "h11", "httptools"] = "auto",
    ) -> None:
        config = uvicorn.Config(
            application,
            # Our own middleware takes addresses from trusted proxies, and nothing else.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=10,
            http=parser,
        )
        config.load()
        config.http_protocol_class = bounded_requests(config.http_protocol_class, seconds=request_seconds)
        config.ssl = context
        super().__init__(config)
        self._asking = asking
        self._waiting: set[TlsProtocol] = set()

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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors, wait for requests, but for no handshake."""
        for protocol in list(self._waiting):
            protocol.abort()
        await super().shutdown(sockets)

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
