"""One realm as its pages see it, and one visit of a browser to it."""

from __future__ import annotations

from functools import cached_property
from typing import get_args
from urllib.parse import parse_qsl, urlencode

from idp.crypto.digest import digest
from idp.flows.tabs import Tabs
from idp.flows.versions.published import PublishedRealm
from idp.model.client import Client
from idp.model.realm import Realm
from idp.oidc.authorization.endpoint import AuthorizationEndpoint, Browser
from idp.oidc.provider import Provider
from idp.web.cookies import CookieName, cookie_name
from idp.web.http import Request
from idp.web.locales import Locales
from idp.web.pages import Pages, RealmView


class Desk:
    """Everything that the pages of one realm need."""

    def __init__(
        self,
        *,
        provider: Provider,
        published: PublishedRealm,
        tabs: Tabs,
        authorization: AuthorizationEndpoint,
        pages: Pages,
        https: bool,
    ) -> None:
        self.provider = provider
        self.published = published
        self.tabs = tabs
        self.authorization = authorization
        self.pages = pages
        self.https = https
        names: tuple[CookieName, ...] = get_args(CookieName)
        self._cookie_names = {name: cookie_name(provider.base_url, name, provider.name) for name in names}
        self._views: tuple[Realm, dict[str, RealmView]] | None = None
        self._remembers: tuple[Realm, bool] | None = None

    @property
    def realm(self) -> Realm:
        """The present configuration."""
        return self.published.realm()

    @property
    def remembers_devices(self) -> bool:
        """Tell whether any flow of the realm asks whether a device shall be remembered."""
        realm = self.realm
        if self._remembers is None or self._remembers[0] is not realm:
            asks = (line.authenticator == "trust-device" for flow in realm.flows.values() for line in flow.executions)
            self._remembers = (realm, any(asks))
        return self._remembers[1]

    def view(self, locale: str) -> RealmView:
        """Return what a page shows of the realm: the same object for as long as the realm is the same."""
        realm = self.realm
        if self._views is None or self._views[0] is not realm:
            self._views = (realm, {})
        views = self._views[1]
        if locale not in views:  # one of the realm's: whatever else a browser asks for was negotiated before
            views[locale] = RealmView.of(realm, locale)
        return views[locale]

    def cookie_name(self, name: CookieName) -> str:
        """Return a cookie's name."""
        return self._cookie_names[name]

    def way_back(self, client: Client | None) -> str:
        """Return where a person comes back to an application: its home, or else where it begins a login for us.

        OpenID Connect Core §4: the address that the client registered for that, with our name as `iss`.
        """
        if client is None or client.base_url or not client.display.initiate_login_uri:
            return client.base_url if client is not None else ""
        begins = client.display.initiate_login_uri
        return f"{begins}{'&' if '?' in begins else '?'}{urlencode({'iss': self.provider.issuer})}"

    def address(self, path: str) -> str:
        """Return the whole address of a path below the realm, from configuration and never from the request."""
        return f"{self.provider.issuer}/{path}"


class Visit:
    """What one request brought."""

    def __init__(self, desk: Desk, request: Request, *, fresh_browser: str, body: bytes = b"", alias: str = "") -> None:
        """`fresh_browser` becomes the browser's cookie, if it has none yet; `alias` is what the path itself names."""
        self.desk = desk
        self.request = request
        self.body = body
        self.alias = alias
        known = request.cookie(desk.cookie_name("browser"))
        self.is_new = not known
        self.browser_cookie = known or fresh_browser
        """The cookie that ties logins to this browser."""
        self.session_cookie = request.cookie(desk.cookie_name("session"))
        self.remote_address = request.remote_address or ""
        """The client's network address (behind a trusted proxy: the one it named)."""

    @cached_property
    def browser(self) -> Browser:
        """The browser as the authorization endpoint knows it: a store never holds the cookie itself."""
        return Browser(id=digest(self.browser_cookie), session_cookie=self.session_cookie, address=self.remote_address)

    @property
    def path(self) -> str:
        """The path of the request."""
        return self.request.path

    @cached_property
    def asked(self) -> list[tuple[str, str]]:
        """Every parameter of the address, in order. Nothing is refused here: our own pages ask by a known few."""
        query = self.request.query.decode("latin-1")
        if "%" in query or "+" in query:
            return parse_qsl(query, keep_blank_values=True)
        return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the address; of several with one name the last counts."""
        return dict(self.asked)

    @property
    def language_chosen(self) -> str | None:
        """The language that was pressed on one of our pages; most addresses are not even taken apart for it."""
        return self.query.get("kc_locale") if b"kc_locale" in self.request.query else None

    def locale(self, ui_locales: tuple[str, ...] = ()) -> str:
        """Choose the language of this visit."""
        realm = self.desk.realm
        return Locales.negotiate(
            query=self.language_chosen,
            ui_locales=ui_locales,
            cookie=self.request.cookie(self.desk.cookie_name("locale")),
            accept_language=self.request.header("accept-language") or "",
            supported=realm.locales,
            default=realm.default_locale,
        )
