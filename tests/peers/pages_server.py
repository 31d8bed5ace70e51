"""The pages of browser applications, on an origin of their own, with the libraries that npm has brought."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.examples.serving import serving
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
    with serving(pages(exam), exam.pages_port, tls=(exam.certificate, exam.folder / "server.key")):
        yield f"https://localhost:{exam.pages_port}"
