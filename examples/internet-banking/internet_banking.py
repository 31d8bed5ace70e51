"""Internet banking of one segment: the official page, the accounts, what the bank received, the logout."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import accounts
import claims
import formats
import logins
from pages import language
from relying_party import ProviderUnreachable
from sessions import give_new_id
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from doors import Door
    from pages import Pages
    from sessions import Clock
    from starlette.requests import Request

log = logging.getLogger("bank")

_LOANS = {
    "small-business": (Decimal(200_000), Decimal(3_000_000)),
    "sme-corporate": (Decimal(20_000_000), Decimal(900_000_000)),
}


class InternetBanking:
    """One segment's internet banking."""

    def __init__(self, segment: str, *, door: Door, pages: Pages, clock: Clock) -> None:
        self._segment = segment
        self._door = door
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[Route]:
        """Every address of this application."""
        below = f"/{self._segment}"
        return [
            Route(below, self.official_page),
            Route(f"{below}/login", self._door.begin, methods=["GET"]),
            Route(f"{below}/callback", self._door.callback, methods=["GET"]),
            Route(f"{below}/home", self.home),
            Route(f"{below}/received", self.received),
            Route(f"{below}/refresh", self.refresh, methods=["POST"]),
            Route(f"{below}/logout", self.logout, methods=["POST"]),
        ]

    async def official_page(self, request: Request) -> Response:
        """The bank's public page for this segment, with **Hyr** at the top right."""
        lowest, highest = _LOANS[self._segment]
        return self._pages.show(
            request,
            "segment.html",
            segment=self._segment,
            low=formats.money(lowest, "ALL"),
            high=formats.money(highest, "ALL"),
        )

    async def home(self, request: Request) -> Response:
        """Accounts and recent movements."""
        login = await self._door.visitor(request)
        if login is None:
            return self._please_log_in()
        today = formats.today(self._clock())
        return self._pages.show(
            request,
            "home.html",
            segment=self._segment,
            customer=login.customer,
            current="home",
            accounts=accounts.accounts(self._segment, login.subject),
            movements=accounts.movements(self._segment, login.subject, today=today),
        )

    async def received(self, request: Request) -> Response:
        """What the provider told the bank, decoded; never a token itself."""
        login = await self._door.visitor(request)
        if login is None:
            return self._please_log_in()
        return self._pages.show(
            request,
            "received.html",
            segment=self._segment,
            customer=login.customer,
            current="received",
            login=login,
            access_claims=claims.of_jwt(login.access_token),
            now=self._clock(),
        )

    async def refresh(self, request: Request) -> Response:
        """Refresh now, because the visitor wants to see it happen."""
        login = await self._door.visitor(request)
        if login is None or login.refresh_token is None:
            return self._please_log_in()
        await self._door.refresh(request, login)
        return RedirectResponse(f"/{self._segment}/received?notice=refreshed", 303)

    async def logout(self, request: Request) -> Response:
        """End the login here first, whatever happens next; then at the provider, which sends back to `/`."""
        login = logins.of(request.session, self._door.party.registration)
        logins.forget(request.session, self._segment)
        give_new_id(request.scope)
        goodbye = RedirectResponse("/?notice=logged-out", 303)
        if login is None:
            return goodbye
        try:
            return await self._door.party.leave(request, login, ui_locales=language(request))
        except ProviderUnreachable as silent:
            log.warning("%s: logged out here only, %s", self._door.party.registration.name, silent)
            return self._pages.problem(request, "logged-out-here-only", status=503, again="/")

    def _please_log_in(self) -> Response:
        return RedirectResponse(f"/{self._segment}?notice=login-needed", 303)
