"""The bank's site: two segments, each with internet banking and cards, behind one door to the street."""

from __future__ import annotations

import logging
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cards import Cards
from doors import Door
from edge import STATIC, NoTraceback, OwnPostsOnly, SecurityHeaders, security_headers
from internet_banking import InternetBanking
from pages import Pages, language_cookie
from relying_party import LoginRefused, ProviderUnreachable, Registration, RelyingParty
from sessions import Sessions, SessionStore
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions import Clock
    from settings import Settings
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger("bank")

SEGMENTS = ("small-business", "sme-corporate")
"""The bank's segments; each is a realm of the provider under the same name."""

_KNOWN_REASON = re.compile(r"[a-z_]{1,40}")


def bank(settings: Settings, *, clock: Clock) -> Starlette:
    """The whole application, ready to serve."""
    pages = Pages(settings)
    store = SessionStore(settings.store)
    site = _Site(pages, {name: _door(name, "internet-banking", settings, clock) for name in SEGMENTS})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    application = Starlette(
        routes=[*site.routes(settings, clock), Mount(STATIC.rstrip("/"), StaticFiles(directory=_here("static")))],
        middleware=[
            Middleware(SecurityHeaders, headers=security_headers(settings)),
            Middleware(NoTraceback, apologise=site.apologise),
            Middleware(OwnPostsOnly, origin=settings.bank_url, refuse=site.refuse_foreign_post),
            Middleware(Sessions, store=store, cookie=_session_cookie(settings), secure=settings.https, clock=clock),
        ],
        exception_handlers={
            HTTPException: site.not_here,
            LoginRefused: site.login_refused,
            ProviderUnreachable: site.provider_unreachable,
        },
        lifespan=lifespan,
    )
    application.state.language_cookie = language_cookie(settings.port)
    return application


class _Site:
    """What belongs to no segment: the first page, and the pages about what went wrong."""

    def __init__(self, pages: Pages, doors: dict[str, Door]) -> None:
        self._pages = pages
        self._doors = doors

    def routes(self, settings: Settings, clock: Clock) -> list[BaseRoute]:
        """The first page, then each segment's two applications."""
        routes: list[BaseRoute] = [Route("/", self.first_page)]
        for segment, door in self._doors.items():
            routes += InternetBanking(segment, door=door, pages=self._pages, clock=clock).routes()
            routes += Cards(
                segment,
                door=_door(segment, "cards", settings, clock),
                neighbour=door.party.registration,
                pages=self._pages,
                clock=clock,
            ).routes()
        return routes

    async def first_page(self, request: Request) -> Response:
        """The two entrances; also where a logout at the provider comes back to."""
        for door in self._doors.values():
            if "state" in request.query_params and await door.party.has_left(request):
                return self._pages.show(request, "front.html", notice="logged-out")
        return self._pages.show(request, "front.html")

    async def login_refused(self, request: Request, refused: Exception) -> Response:
        """The provider said no, or its answer did not stand up to examination."""
        assert isinstance(refused, LoginRefused)
        # The reason may come from the address bar: neither the page nor the log repeats what is not a code word.
        reason = refused.reason if _KNOWN_REASON.fullmatch(refused.reason) else "unknown"
        log.warning("%s: login refused, %s", request.url.path, reason)
        kind = reason if reason in {"access_denied", "mismatching_state", "invalid_grant"} else "login-refused"
        return self._pages.problem(request, kind, status=400, again=_way_back(request))

    async def provider_unreachable(self, request: Request, silent: Exception) -> Response:
        """No conversation with the provider; trying again may help."""
        log.error("%s: provider unreachable, %s", request.url.path, silent)
        response = self._pages.problem(request, "unreachable", status=503, again=_way_back(request))
        response.headers["Retry-After"] = "5"
        return response

    async def not_here(self, request: Request, wrong: Exception) -> Response:
        """No such page, or not by this method."""
        assert isinstance(wrong, HTTPException)
        response = self._pages.problem(request, "not-found", status=wrong.status_code, again="/")
        response.headers.update(wrong.headers or {})
        return response

    def refuse_foreign_post(self, request: Request) -> Response:
        """A form that another site sent."""
        return self._pages.problem(request, "foreign", status=403, again="/")

    def apologise(self, request: Request) -> Response:
        """A bug of ours."""
        return self._pages.problem(request, "bug", status=500, again="/")


def _door(segment: str, client_id: str, settings: Settings, clock: Clock) -> Door:
    home, callback = {
        "internet-banking": (f"/{segment}/home", f"/{segment}/callback"),
        "cards": (f"/{segment}/cards", f"/{segment}/cards/callback"),
    }[client_id]
    registration = Registration(realm=segment, client_id=client_id, callback=callback)
    party = RelyingParty(registration, settings=settings, clock=clock)
    return Door(party, home=home, settings=settings, clock=clock)


def _way_back(request: Request) -> str:
    """Where "try again" leads: to a fresh beginning, never to an address that was used up."""
    match request.url.path.strip("/").split("/"):
        case [segment, "cards", *_]:
            return f"/{segment}/cards"
        case [segment, "refresh"]:
            return f"/{segment}/received"
        case [segment, *_] if segment in SEGMENTS:
            return f"/{segment}/login"
        case _:
            return "/"


def _session_cookie(settings: Settings) -> str:
    # `__Host-`: no sibling subdomain can plant the cookie. With the port, since browsers share cookies between ports.
    return f"{'__Host-' if settings.https else ''}bank-{settings.port}"


def _here(folder: str) -> Path:
    return Path(__file__).parent / folder
