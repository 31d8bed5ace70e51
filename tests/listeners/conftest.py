"""A server with both doors on real sockets, and an application that tells what reached it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.listeners.server import AskingDoor, Server
from idp.listeners.sockets import listening
from idp.listeners.tls import ServerCertificate, asking_context, ordinary_context
from idp.web.http import Receive, Scope, Send
from tests import certificates
from tests.certificates import Holder
from tests.patience import PATIENCE, until


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not on every platform")
        return "asyncio", {"use_uvloop": True}
    return "asyncio"


class World:
    """The two ports of a running server."""

    def __init__(self, folder: Path, holder: Holder, **options: Any) -> None:
        self.folder = folder
        certificate, key = holder.save(folder, "server")
        self.trusting = certificate
        self.files = ServerCertificate(certificate=certificate, key=key)
        self.ordinary = listening("127.0.0.1", 0)
        self.asking = listening("127.0.0.1", 0)
        self.port: int = self.asking.getsockname()[1]
        self.ordinary_port: int = self.ordinary.getsockname()[1]
        self.ports = {"asking": self.port, "ordinary": self.ordinary_port}
        self.server = Server(
            application,
            context=ordinary_context(self.files),
            asking=AskingDoor(listener=self.asking, context=asking_context(self.files)),
            **options,
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.server.serve(sockets=[self.ordinary]))
        try:
            await until(lambda: self.server.started and len(self.server.servers) == 2)
            yield
        finally:
            self.server.should_exit = True
            await asyncio.wait_for(task, PATIENCE)

    def context(self, holder: Holder | None = None) -> ssl.SSLContext:
        """Return what a client speaks, with a certificate or without."""
        if holder is not None:
            return holder.client_context(self.folder, trusting=self.trusting)
        return ssl.create_default_context(cafile=str(self.trusting))

    def http(self, holder: Holder | None = None, *, port: int | None = None) -> httpx.AsyncClient:
        url = f"https://localhost:{port or self.port}"
        return httpx.AsyncClient(base_url=url, verify=self.context(holder), timeout=PATIENCE)

    async def streams(
        self, context: ssl.SSLContext | None = None, *, port: int | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = None if context is None else "localhost"
        return await asyncio.open_connection("127.0.0.1", port or self.port, ssl=context, server_hostname=name)

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what reached us; `/big` with as many bytes, `/slow` after as many milliseconds as the query says."""
    size, begun = 0, False
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        begun = begun or bool(size)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(int(scope["query_string"]) / 1000)
    if scope["path"] == "/big":
        body = b"x" * int(scope["query_string"])
    else:
        chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain")
        told = {"size": size, "chain": chain, "scheme": scope["scheme"], "client": scope["client"][0]}
        body = json.dumps(told).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, certificates.server())
    async with world.serving():
        yield world
