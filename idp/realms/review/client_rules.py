"""Rules about what a client may do beyond what it needs, and where it lets answers and calls go."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from idp.model.client import Client
from idp.model.finding import Finding
from idp.realms.files.reading import escaped
from idp.realms.representation import realm as file
from idp.realms.review.lifetimes import OFFLINE
from idp.realms.values import error, warning

_LONGEST_ACCESS_TOKEN = 900
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WEB = frozenset({"http", "https"})
_FETCHED = ("jwks.url", "backchannel.logout.url", "ciba.backchannel.client.notification.endpoint", "request.uris")


def client_review(found: file.Realm, written: file.Client, client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is unwise about one client; one that is switched off does no harm."""
    if not client.enabled:
        return
    yield from _tokens(found, client, pointer)
    for position, address in enumerate(client.redirect_uris):
        yield from _redirect(address, f"{pointer}/redirectUris/{position}")
    for position, origin in enumerate(written.web_origins):
        yield from _origin(origin, f"{pointer}/webOrigins/{position}")
    for key in _FETCHED:
        for address in written.attributes.get(key, "").split("##"):
            yield from _fetched(address, f"{pointer}/attributes/{escaped(key)}")


def _tokens(found: file.Realm, client: Client, pointer: str) -> Iterator[Finding]:
    logs_people_in = client.standard_flow or client.implicit_flow
    has_roles = found.roles.realm or any(found.roles.client.values())
    if client.full_scope_allowed and logs_people_in and has_roles:
        problem = f"Tokens of “{client.client_id}” carry every role of the customer, whatever it is for."
        repair = "Set false, and map the roles that the application needs."
        yield warning("C-FULL-SCOPE", f"{pointer}/fullScopeAllowed", problem, repair)
    if client.access_token_lifespan is not None and client.access_token_lifespan > _LONGEST_ACCESS_TOKEN:
        problem = f"An access token of “{client.client_id}” lives longer than 15 minutes."
        yield warning("L-CLIENT-TOKEN", f"{pointer}/attributes/access.token.lifespan", problem, "Set 300.")
    bound = client.sender.dpop_bound or client.sender.certificate_bound
    if client.public and logs_people_in and client.use_refresh_tokens and not bound and not found.revoke_refresh_token:
        problem = f"Refresh tokens of the public client “{client.client_id}” are neither renewed at each use nor bound."
        repair = "Set the realm's revokeRefreshToken to true, or the client's dpop.bound.access.tokens."
        yield warning("T-PUBLIC-REFRESH", pointer, problem, repair)
    if logs_people_in and OFFLINE in client.default_scopes:
        problem = f"Every login of “{client.client_id}” gives a refresh token that outlives the logout."
        repair = "Make offline_access an optional scope."
        yield warning("C-OFFLINE-DEFAULT", f"{pointer}/defaultClientScopes", problem, repair)


def _redirect(address: str, pointer: str) -> Iterator[Finding]:
    parts = _split(address)
    if parts is None or not parts.scheme:
        return  # C-REDIRECT says so
    if parts.scheme in _WEB and "*" in parts.netloc:
        problem = f"“{address}” leaves the host open: in Keycloak a stranger's host fits it, here none does."
        yield error("C-REDIRECT-HOST", pointer, problem, "Write the whole address.")
    if "@" in parts.netloc:
        problem = f"“{address}” has a user before its host: people read it as another host than it is."
        yield warning("C-REDIRECT-USER", pointer, problem, "Remove what stands before the @.")
    if parts.scheme not in {*_WEB, "javascript", "data"} and "." not in parts.scheme:
        problem = f"Any application on the phone may claim “{parts.scheme}:” too, and get the code."
        yield warning("C-REDIRECT-SCHEME", pointer, problem, "Use an https link, or a domain of yours backwards.")


def _origin(origin: str, pointer: str) -> Iterator[Finding]:
    if origin in {"+", "*"}:
        return
    parts = _split(origin)
    if parts is None or parts.scheme not in _WEB:
        return
    if parts.path or parts.query or parts.fragment:
        problem = f"“{origin}” is no origin: browsers send none with a path, so it never fits."
        yield warning("C-ORIGIN-PATH", pointer, problem, "Write scheme, host and port only.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problem = f"Pages of “{origin}” can be changed on the way, and may read answers of the provider."
        yield warning("C-ORIGIN-HTTP", pointer, problem, "Use https.")


def _fetched(address: str, pointer: str) -> Iterator[Finding]:
    parts = _split(address)
    try:
        number = ipaddress.ip_address((parts and parts.hostname) or "")
    except ValueError:
        return
    if not number.is_global and not number.is_loopback:
        problem = f"The provider itself would call “{address}”, inside of the bank's network."
        yield warning("C-OUTBOUND", pointer, problem, "Name a host by its public name.")


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        parts.hostname  # noqa: B018 - some addresses are refused only when their host is asked for
    except ValueError:
        return None
    return parts
