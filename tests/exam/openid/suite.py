"""The examiner's own server: what a relying party publishes, and what it is sent. By https, on the machine."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.peers.provider import Examined


class Suite:
    """Documents by path, fetched by the provider, and logout tokens, posted by it."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.documents: dict[str, tuple[str, str]] = {}
        self.posted: list[tuple[str, str, dict[str, str]]] = []
        """Path, content type and form of what was posted here."""

    @property
    def callback(self) -> str:
        """Where browsers are sent; nothing is ever served there."""
        return f"{self.origin}/test/a/hyrja/callback"

    def publish(self, path: str, text: str, content_type: str = "application/json") -> str:
        """Serve a document from now on; the address."""
        self.documents[path] = (text, content_type)
        return f"{self.origin}{path}"

    async def answer(self, request: Request) -> Response:
        """Serve what is published; take what is posted."""
        if request.method == "POST":
            form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
            self.posted.append((request.url.path, request.headers.get("content-type", ""), form))
            return Response(status_code=200)
        text, content_type = self.documents.get(request.url.path, ("", ""))
        return Response(text, media_type=content_type) if content_type else Response(status_code=404)


@contextlib.contextmanager
def served(provider: Examined) -> Iterator[Suite]:
    """Serve on the provider's certificate, which it believes itself."""
    suite = Suite(f"https://localhost:{provider.pages_port}")
    routes = [Route("/{path:path}", suite.answer, methods=["GET", "POST"])]
    options: dict[str, Any] = {"log_config": None, "access_log": False, "ws": "none", "loop": "asyncio"}
    config = uvicorn.Config(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=provider.pages_port,
        ssl_certfile=str(provider.certificate),
        ssl_keyfile=str(provider.folder / "server.key"),
        timeout_graceful_shutdown=2,
        **options,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the examiner's server stopped before it had begun"
            time.sleep(0.005)
        yield suite
    finally:
        server.should_exit = True
        thread.join()
