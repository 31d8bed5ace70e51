"""The pages of browser applications, on an origin of their own, with the libraries that npm has brought."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.peers.provider import FOLDER, Examined


def pages(exam: Examined) -> Starlette:
    async def known(_: Request) -> Response:
        return JSONResponse(
            {"issuer": exam.issuer, "clientId": "single-page-app", "url": exam.url, "realm": "conformance"}
        )

    def page(name: str) -> Any:
        async def shown(_: Request) -> Response:
            return FileResponse(FOLDER / "pages" / f"{name}.html")

        return shown

    return Starlette(
        routes=[
            Route("/known.json", known),
            Route("/single-page-app", page("single-page-app")),
            Route("/keycloak-js", page("keycloak-js")),
            Mount("/peers", StaticFiles(directory=FOLDER / "node_modules")),
            Mount("/recipes", StaticFiles(directory=FOLDER / "recipes")),
        ]
    )


@contextlib.contextmanager
def served(exam: Examined) -> Iterator[str]:
    """Serve the pages by https on the provider's certificate; the origin."""
    config = uvicorn.Config(
        pages(exam),
        host="127.0.0.1",
        port=exam.pages_port,
        ssl_certfile=str(exam.certificate),
        ssl_keyfile=str(exam.folder / "server.key"),
        log_config=None,
        access_log=False,
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the pages' server stopped before it had begun"
            time.sleep(0.005)
        yield f"https://localhost:{exam.pages_port}"
    finally:
        server.should_exit = True
        thread.join()
