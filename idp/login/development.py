"""`/dev/…`: the outbox and the demo customers. Served only where the settings use the outbox (development)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idp.web.pages import Pages, RealmView

Messages = Callable[[], Sequence[Any]]
Customers = Callable[[], Awaitable[Sequence[Mapping[str, str]]]]

_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'"


def routes(*, messages: Messages, customers: Customers, pages: Pages) -> list[Route]:
    """Return the development pages. `messages()` are the outbox's, the newest last."""

    async def outbox(_: Request) -> Response:
        view = RealmView(title="Hyrja")
        body = pages.render("dev-outbox.html", locale="en", realm=view, messages=messages())
        return Response(
            body, media_type="text/html", headers={"cache-control": "no-store", "content-security-policy": _POLICY}
        )

    async def outbox_json(_: Request) -> Response:
        return _json(messages())

    async def customers_json(_: Request) -> Response:
        return _json(await customers())

    return [
        Route("/dev/outbox", outbox),
        Route("/dev/outbox.json", outbox_json),
        Route("/dev/customers.json", customers_json),
    ]


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers={"cache-control": "no-store"})
