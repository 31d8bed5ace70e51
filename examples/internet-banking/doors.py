"""The way into one application of the bank: begin a login, come back from it, and stay."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import logins
import pages
from relying_party import LoginRefused, ProviderUnreachable
from sessions import give_new_id
from starlette.responses import RedirectResponse, Response

if TYPE_CHECKING:
    from relying_party import Login, RelyingParty
    from sessions import Clock
    from settings import Settings
    from starlette.requests import Request

log = logging.getLogger("bank")


class Door:
    """One relying party's login, seen from the browser. `home` is where a customer arrives."""

    def __init__(self, party: RelyingParty, *, home: str, settings: Settings, clock: Clock) -> None:
        self.party = party
        self.home = home
        self._settings = settings
        self._clock = clock

    async def begin(self, request: Request) -> Response:
        """Start the login at the provider."""
        if request.method == "GET" and request.headers.get("host") != self._settings.host:
            # The cookie must belong to the host that the provider sends the browser back to: whoever typed
            # 127.0.0.1 for localhost would otherwise lose the login on the way.
            return RedirectResponse(self._settings.bank_url + request.url.path, 303)
        return await self.party.begin(request, ui_locales=pages.language(request))

    async def callback(self, request: Request) -> Response:
        """Finish the login, under a new session id (session fixation), and go where nothing is re-sent."""
        login = await self.party.finish(request)
        give_new_id(request.scope)
        logins.keep(request.session, self.party.registration, login, now=self._clock())
        return RedirectResponse(self.home, 303)

    async def visitor(self, request: Request) -> Login | None:
        """Who is logged in here, with an access token that is good for a while; None: nobody (any more)."""
        now = self._clock()
        logins.forget_the_idle(request.session, now=now, idle_seconds=self._settings.idle_seconds)
        login = logins.of(request.session, self.party.registration)
        if login is None or not login.about_to_expire(now):
            return login
        try:
            return await self.refresh(request, login)
        except LoginRefused as refused:
            log.warning("%s: login ended by the provider, %s", self.party.registration.name, refused.reason)
            return None
        except ProviderUnreachable as silent:
            # The bank's own pages need no token: the customer goes on, and the next page tries again.
            log.warning("%s: refresh postponed, %s", self.party.registration.name, silent)
            return login

    async def refresh(self, request: Request, login: Login) -> Login:
        """Exchange the refresh token and remember the result; a refusal ends the login here too."""
        try:
            fresh = await self.party.refresh(login)
        except LoginRefused:
            logins.forget(request.session, self.party.registration.realm)
            give_new_id(request.scope)
            raise
        logins.keep(request.session, self.party.registration, fresh, now=self._clock())
        return fresh
