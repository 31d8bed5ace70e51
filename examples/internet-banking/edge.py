"""What every answer of the bank carries, and what no request may do: three small pure-ASGI middlewares."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from settings import Settings
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("bank")

STATIC = "/static/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def security_headers(settings: Settings) -> dict[str, str]:
    """The headers of every answer."""
    provider = urlsplit(settings.idp_url)
    headers = {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "style-src 'self'",
                "img-src 'self'",
                # The logout form is redirected to the provider, and browsers apply this to the redirect too.
                f"form-action 'self' {provider.scheme}://{provider.netloc}",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Not `no-referrer`: that would turn the Origin of our own forms into `null` (Fetch §3.1).
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers


class SecurityHeaders:
    """Adds the headers; pages are never stored, so that "back" after a logout shows nothing."""

    def __init__(self, app: ASGIApp, *, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = "no-cache" if scope["path"].startswith(STATIC) else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(self._headers)
                answer.setdefault("Cache-Control", caching)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class OwnPostsOnly:
    """Refuses a POST that another site's page made (CSRF); SameSite=Lax cookies are the other half."""

    def __init__(self, app: ASGIApp, *, origin: str, refuse: Callable[[Request], Response]) -> None:
        self._app = app
        self._origin = origin
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is safe or ours."""
        if scope["type"] != "http" or scope["method"] in _SAFE or self._is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        log.warning("%s %s: refused, it comes from another site", scope["method"], scope["path"])
        await self._refuse(Request(scope))(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        # Both are set by the browser itself and cannot be set by a page. Browsers send Origin with each POST
        # (Fetch §3.1), so a request with neither is no browser's and carries nobody's cookies against his will.
        origin = headers.get("origin")
        if origin is not None:
            return origin == self._origin
        return headers.get("sec-fetch-site", "same-origin") == "same-origin"


class NoTraceback:
    """Turns a bug into a friendly page and one line in the log, without the exception's text.

    The text of a foreign exception may quote a token; its type and place may not.
    """

    def __init__(self, app: ASGIApp, *, apologise: Callable[[Request], Response]) -> None:
        self._app = app
        self._apologise = apologise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; apologise if that fails before the answer has begun."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as bug:  # noqa: BLE001 - the outermost place: anything that gets here is a bug.
            log.error("%s %s: %s", scope.get("method"), scope.get("path"), _place(bug))  # noqa: TRY400 - one line.
            if not begun and scope["type"] == "http":
                await self._apologise(Request(scope))(scope, receive, send)


def _place(bug: BaseException) -> str:
    frames = traceback.extract_tb(bug.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(bug).__name__ + where
