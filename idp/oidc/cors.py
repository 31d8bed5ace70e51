"""Cross-origin requests of browser applications: exactly the origins that a client registered (clients.md 1)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from idp.model.client import Client
from idp.oidc.provider import Provider
from idp.web.http import Header, Reply, Request

_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Accept, X-Requested-With, DPoP"),
    (b"access-control-max-age", b"3600"),
)
_VARY: Header = (b"vary", b"Origin")
ANY_ORIGIN: Header = (b"access-control-allow-origin", b"*")


def origins_of(client: Client) -> frozenset[str]:
    """Return the origins a client's pages may come from; `+` stands for those of its redirect addresses.

    Keycloak's `*` is not honoured here: these answers carry tokens, and are read with credentials.
    """
    return frozenset(_origins(client))


def allows(client: Client | None, request: Request) -> bool:
    """Tell whether the request comes from a page of the client."""
    origin = request.header("origin")
    return origin is not None and client is not None and origin in origins_of(client)


def shared(reply: Reply, request: Request, client: Client | None) -> Reply:
    """Let the page read the reply if its origin is one of the client's."""
    origin = request.header("origin")
    if origin is None:
        return reply.with_headers(_VARY)
    return reply.with_headers(*_allow(origin), _VARY) if allows(client, request) else reply.with_headers(_VARY)


def shared_refusal(reply: Reply, request: Request, provider: Provider) -> Reply:
    """Let a page of any client read a refusal: it tells no secret, and its client may not be known."""
    return reply.with_headers(*_allow_any_client(provider, request), _VARY)


def preflight(provider: Provider, request: Request) -> Reply:
    """Answer a browser that asks before it sends (Fetch Standard §4.8).

    The real request will name its client; this one does not, so any enabled client's origin may go on.
    """
    allowed = _allow_any_client(provider, request)
    return Reply(204, b"", (*allowed, *_PREFLIGHT, _VARY) if allowed else (_VARY,))


def _allow_any_client(provider: Provider, request: Request) -> tuple[Header, ...]:
    origin = request.header("origin")
    return _allow(origin) if origin is not None and origin in provider.derived(_known_origins) else ()


def _known_origins(provider: Provider) -> frozenset[str]:
    clients = (client for client in provider.realm().every_client if client.enabled)
    return frozenset(origin for client in clients for origin in origins_of(client))


def _origins(client: Client) -> Iterator[str]:
    for origin in client.web_origins:
        if origin == "+":
            yield from filter(None, map(_origin, client.redirect_uris))
        elif origin != "*":
            yield origin.rstrip("/")


def _origin(address: str) -> str | None:
    """Return the origin of a redirect address as a browser writes it, or None where there is none."""
    try:
        parts = urlsplit(address.rstrip("*"))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in {None, default} else f"{parts.scheme}://{host}:{port}"


def _allow(origin: str) -> tuple[Header, ...]:
    return (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        # A page must be able to see which nonce its next proof needs (RFC 9449 §8), and why a token is refused.
        (b"access-control-expose-headers", b"DPoP-Nonce, WWW-Authenticate"),
    )
