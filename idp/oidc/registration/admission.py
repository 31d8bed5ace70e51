"""Who may register a client, and within which bounds (RFC 7591 §3, §5; Keycloak's client registration policies)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from idp.crypto.digest import digest
from idp.flows.networks import subscriber_of
from idp.model.clients.registration import InitialToken, Restrictions
from idp.model.struct import Frozen
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import invalid_metadata
from idp.realms.clients.display import TRANSLATIONS
from idp.realms.policies.conditions import Change
from idp.realms.representation import realm as file
from idp.web.http import Request

_HOUR = 3600  # seconds
_ADDRESSES = (
    "logoUri",
    "policyUri",
    "tosUri",
    "login.initiate.uri",
    "sector.identifier.uri",
    "jwks.url",
    "backchannel.logout.url",
    "frontchannel.logout.url",
    "ciba.backchannel.client.notification.endpoint",
)
_ADDRESS_LISTS = ("post.logout.redirect.uris", "request.uris")


class Admission(Frozen, frozen=True, kw_only=True):
    """One who may register: within which bounds, and with which initial access token, if any.

    `trusted` is who came with one, now or when the client was registered. Client policies judge each of the `changes`.
    """

    restrictions: Restrictions
    changes: tuple[Change, ...]
    trusted: bool = False
    token_key: str | None = None
    token: InitialToken | None = None


async def throttled(provider: Provider, request: Request) -> None:
    """Count what makes us work and call others; raises `OAuthError` (429) when an address has had its share."""
    limit = provider.realm().registration.an_hour
    subscriber = subscriber_of(request.remote_address)
    if not await provider.stores.throttle.hit("client-registration", subscriber, limit=limit, window=_HOUR):
        raise OAuthError(
            ErrorCode.TEMPORARILY_UNAVAILABLE,
            "Too many registrations.",
            status=429,
            headers=((b"retry-after", str(_HOUR).encode()),),
        )


async def admitted(provider: Provider, request: Request) -> Admission:
    """Return who wants to register; raises `OAuthError` (`invalid_token`, `access_denied`)."""
    rules, address = provider.realm().registration, request.remote_address
    token = bearer_token(request)
    if token is not None:
        key = digest(token)
        initial = await provider.stores.initial_tokens.get(key)
        if initial is None:
            raise token_refused(provider, "no such initial access token, or it is used up")
        change = Change(context="ByInitialAccessToken", address=address)
        admission = Admission(
            restrictions=rules.authenticated, changes=(change,), trusted=True, token_key=key, token=initial
        )
    elif rules.open or rules.anonymous.from_trusted_host:
        change = Change(context="ByAnonymous", address=address)
        admission = Admission(restrictions=rules.anonymous, changes=(change,))
    else:
        raise token_refused(provider, "no initial access token")
    _check_sender(address, admission.restrictions)
    return admission


def bearer_token(request: Request) -> str | None:
    """Return the token of the header (RFC 6750 §2.1); None if there is no header, "" if it carries none."""
    header = request.header("authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def token_refused(provider: Provider, detail: str) -> OAuthError:
    """Return one answer for every token that opens nothing here: unknown, used up, expired, another client's."""
    challenge = f'Bearer realm="{provider.name}", error="invalid_token"'.encode()
    return OAuthError(
        ErrorCode.INVALID_TOKEN,
        "A valid access token for client registration is required.",
        detail=detail,
        status=401,
        headers=((b"www-authenticate", challenge),),
    )


def check_restrictions(restrictions: Restrictions, client: file.Client) -> None:
    """Check the client against the realm's registration policies; raises `OAuthError`."""
    if restrictions.addresses_at_trusted_hosts:
        for address in _addresses(client):
            if not _is_trusted(urlsplit(address).hostname or "", restrictions.trusted_hosts):
                raise invalid_metadata("An address is not at a trusted host.", detail=address)
    if restrictions.mappers is not None:
        used = {mapper.protocol_mapper for mapper in client.protocol_mappers}
        if not used <= restrictions.mappers:
            raise invalid_metadata("subject_type pairwise is not allowed here.")


def scopes_offered(
    restrictions: Restrictions, *, known: Iterable[str], default: tuple[str, ...], optional: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the scopes that a client may register for: the realm's own, or those that a policy names."""
    own = (*default, *optional)
    if restrictions.scopes is None:
        return own
    kept = own if restrictions.default_scopes else ()
    return (*kept, *(name for name in known if name in restrictions.scopes and name not in kept))


def _check_sender(address: str | None, restrictions: Restrictions) -> None:
    if restrictions.from_trusted_host and not _is_trusted(address or "", restrictions.trusted_hosts):
        description = "Clients are not registered from this address."
        raise OAuthError(ErrorCode.ACCESS_DENIED, description, detail=f"sender {address}", status=403)


def _addresses(client: file.Client) -> Iterable[str]:
    yield from client.redirect_uris
    yield from (client.attributes[name] for name in _ADDRESSES if name in client.attributes)
    for name in _ADDRESS_LISTS:
        yield from filter(None, client.attributes.get(name, "").split("##"))
    if client.base_url:
        yield client.base_url
    # RFC 7591 §2.2: in each language an address of its own; the logo of one stands on the consent page too.
    translations: dict[str, str] = msgspec.json.decode(client.attributes.get(TRANSLATIONS, "{}"))
    yield from (text for name, text in translations.items() if not name.startswith("client_name#"))


def _is_trusted(host: str, trusted: tuple[str, ...]) -> bool:
    """Tell whether a host is one of those trusted: the same name, below a `*.name`, or in a network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower()
        return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in trusted)
    return any(network is not None and address in network for network in map(_network, trusted))


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(host)
    except ValueError:
        return None
