"""One realm at work: everything an endpoint of that realm may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Required, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlsplit

from structlog.typing import FilteringBoundLogger

from idp.audit.events import Recorder
from idp.crypto.base64url import base64url
from idp.crypto.client_certificates import NO_AUTHORITIES, ClientAuthorities
from idp.crypto.signing_keys import SigningKeys
from idp.flows.assembly import AssembledRealm
from idp.flows.messages.notices import Notices
from idp.model.client import Client
from idp.model.event import Event
from idp.model.realm import Realm
from idp.oidc.clients.remote_keys import RemoteKeySets
from idp.oidc.errands import Errands
from idp.oidc.registration.registrations import Registrations
from idp.oidc.requests.fetches import Fetches
from idp.ports import Clock, Observer, Outbound, RandomBytes, RealmStores, Sealer, SmsSender
from idp.web.http import Request

T = TypeVar("T")
EndpointName = Literal[
    "auth",
    "token",
    "userinfo",
    "certs",
    "logout",
    "revoke",
    "introspect",
    "pushed",
    "device",
    "verification",
    "backchannel",
    "registration",
    "check-session",
]
_PROTOCOL = "protocol/openid-connect"
_PATHS: Mapping[EndpointName, str] = {
    "auth": f"{_PROTOCOL}/auth",
    "token": f"{_PROTOCOL}/token",
    "userinfo": f"{_PROTOCOL}/userinfo",
    "certs": f"{_PROTOCOL}/certs",
    "logout": f"{_PROTOCOL}/logout",
    "revoke": f"{_PROTOCOL}/revoke",
    "introspect": f"{_PROTOCOL}/token/introspect",
    "pushed": f"{_PROTOCOL}/ext/par/request",
    "device": f"{_PROTOCOL}/auth/device",
    "verification": "device",
    "backchannel": f"{_PROTOCOL}/ext/ciba/auth",
    "registration": "clients-registrations/openid-connect",
    "check-session": f"{_PROTOCOL}/login-status-iframe.html",
}
"""Keycloak's addresses, below the issuer."""


class EventMembers(TypedDict, total=False):
    """What is known of an event; only the transaction must be."""

    transaction_id: Required[str]
    user_id: str | None
    client_id: str | None
    sid: str | None
    address: str | None
    error: str | None
    detail: Mapping[str, str] | None


class Provider:
    """An OpenID provider for one realm.

    An endpoint is given its provider and nothing else, so it can reach no other realm's keys, clients or sessions.
    `realm()` returns the published configuration; ask once per request, since publishing may swap it in between.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        stores: RealmStores,
        keys: SigningKeys,
        clock: Clock,
        random: RandomBytes,
        realm: Callable[[], Realm],
        log: FilteringBoundLogger,
        registrations: Registrations,
        sealer: Sealer,
        outbound: Outbound | None = None,
        assembled: Callable[[], AssembledRealm] | None = None,
        mutual_tls_url: str = "",
        client_authorities: ClientAuthorities = NO_AUTHORITIES,
        sms: SmsSender | None = None,
        errands: Errands | None = None,
        notices: Notices | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.mutual_tls_url = mutual_tls_url.rstrip("/")
        """Where clients are asked for a certificate (RFC 8705 §5); empty if nowhere else than at `base_url`."""
        self.client_authorities = client_authorities
        self.issuer = f"{self.base_url}/realms/{name}"
        self.stores = stores
        self.keys = keys  # replaced as a whole by `key_watch`; ask once for each signature
        self.clock = clock
        self.random = random
        self.realm = realm
        self.log: FilteringBoundLogger = log.bind(realm=name)
        self.registrations = registrations
        self.sealer = sealer
        self.sms = sms
        self.notices = notices
        self.errands = errands or Errands(self.log)
        self.outbound = outbound
        self.request_objects = Fetches()
        self.assembled = assembled
        """The present version's flows, for a login without a browser."""
        self.remote_keys = RemoteKeySets(outbound, clock)
        self.recorder = Recorder(stores.events, log, observer)
        self._derived: dict[Callable[[Provider], Any], tuple[Realm, SigningKeys, Mapping[str, Client], Any]] = {}
        self._endpoints = {endpoint: f"{self.issuer}/{path}" for endpoint, path in _PATHS.items()}

    def endpoint(self, name: EndpointName) -> str:
        """Return an endpoint's address; it is built from configuration, never from the request's host."""
        return self._endpoints[name]

    def address_of(self, request: Request) -> str:
        """Return the address that a request was sent to: of our two origins, the one that its `Host` names."""
        host = (request.header("host") or "").lower()
        asked_for_certificate = bool(self.mutual_tls_url) and host == urlsplit(self.mutual_tls_url).netloc.lower()
        origin = self.mutual_tls_url if asked_for_certificate else self.base_url
        return f"{origin}{quote(request.path)}"

    def now(self) -> int:
        """Return the time in whole epoch seconds, as tokens and stores have it."""
        return int(self.clock())

    def client(self, client_id: str) -> Client | None:
        """Return the enabled client of that id."""
        return self.realm().client(client_id)

    async def just_registered(self, client_id: str) -> Client | None:
        """Look again for a client that is not known here: it may have registered itself at another node a moment ago.

        The watch of the registered clients would find it within a second; its first request comes sooner.
        """
        await self.registrations.follow()
        return self.client(client_id)

    def random_text(self, size: int = 32) -> str:
        """Return `size` random bytes as base64url."""
        return base64url(self.random(size))

    def derived(self, build: Callable[[Provider], T]) -> T:
        """Return `build(self)`, kept for as long as configuration, keys and registered clients are the same objects."""
        realm, keys, registered = self.realm(), self.keys, self.registrations.clients.now
        kept = self._derived.get(build)
        if kept is None or kept[0] is not realm or kept[1] is not keys or kept[2] is not registered:
            kept = self._derived[build] = (realm, keys, registered, build(self))
        value: T = kept[3]
        return value

    async def record(self, event_type: str, **members: Unpack[EventMembers]) -> None:
        """Record an event of this realm, now; it is durable when this returns."""
        await self.recorder.record(self._event(event_type, **members))

    async def note(self, event_type: str, **members: Unpack[EventMembers]) -> None:
        """Record an event whose row may follow in a moment (`Recorder.note`)."""
        await self.recorder.note(self._event(event_type, **members))

    def _event(self, event_type: str, **members: Unpack[EventMembers]) -> Event:
        return Event(
            type=event_type,
            at=self.now(),
            realm=self.name,
            transaction_id=members["transaction_id"],
            user_id=members.get("user_id"),
            client_id=members.get("client_id"),
            sid=members.get("sid"),
            address=members.get("address"),
            error=members.get("error"),
            detail=dict(members.get("detail") or {}),
        )
