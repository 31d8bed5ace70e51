"""Kartat, the bank's second application: its own registration at the provider, to show single sign-on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import accounts
import formats
import logins
from starlette.routing import Route

if TYPE_CHECKING:
    from doors import Door
    from pages import Pages
    from relying_party import Registration
    from sessions import Clock
    from starlette.requests import Request
    from starlette.responses import Response


class Cards:
    """One segment's cards; `neighbour` is the registration whose login is shown beside this one's."""

    def __init__(self, segment: str, *, door: Door, neighbour: Registration, pages: Pages, clock: Clock) -> None:
        self._segment = segment
        self._door = door
        self._neighbour = neighbour
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[Route]:
        """Every address of this application."""
        below = f"/{self._segment}/cards"
        return [
            Route(below, self.page),
            Route(f"{below}/callback", self._door.callback, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """The cards; who is not logged in *here* is sent to the provider, which asks only if it must."""
        login = await self._door.visitor(request)
        if login is None:
            return await self._door.begin(request)
        return self._pages.show(
            request,
            "cards.html",
            segment=self._segment,
            customer=login.customer,
            current="cards",
            cards=accounts.cards(self._segment, login.subject, today=formats.today(self._clock())),
            login=login,
            neighbour=logins.of(request.session, self._neighbour),
        )
