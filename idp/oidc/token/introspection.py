"""POST /realms/{realm}/protocol/openid-connect/token/introspect (RFC 7662, RFC 9701)."""

from __future__ import annotations

import re
from typing import Any

from idp.crypto.jose import Claims, TokenError
from idp.model.client import Client
from idp.model.user import User
from idp.oidc.claims.book import claim_book
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.clients.protection import protected
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.parameters import form_parameters
from idp.oidc.possession.resource import confirmation_of, token_type_of
from idp.oidc.provider import Provider
from idp.oidc.token.liveness import LiveToken, facts_of, live_access, live_refresh
from idp.oidc.token.tokens import read_access_token, read_refresh_token
from idp.web.http import Reply, Request, json_reply, token_reply

_EVENT = "INTROSPECT_TOKEN_ERROR"
_TOKEN_TYPE = "token-introspection+jwt"  # noqa: S105 - a media type, not a secret
_TOKEN_MEDIA_TYPE = f"application/{_TOKEN_TYPE}"
_REFUSED_QUALITY = re.compile(r"q=0(\.0*)?")
_INACTIVE: dict[str, Any] = {"active": False}
_MEMBERS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "jti",
    "azp",
    "client_id",
    "act",
    "sid",
    "acr",
    "scope",
    "cnf",
    "authorization_details",
)


async def introspect(provider: Provider, request: Request, body: bytes) -> Reply:
    """Tell a confidential client whether a token of its own counts; raises `OAuthError`.

    A success is a debug line of the log and no stored event: a resource server asks at every request of its own.
    """
    form = form_parameters(request, body)
    client = await authenticate_client(provider, request, form)
    if client.public:
        # RFC 7662 §2.1: some authorization is required, or anybody could try out tokens here.
        raise OAuthError(ErrorCode.INVALID_CLIENT, "The client must authenticate.").during(
            _EVENT, client_id=client.client_id
        )
    if "token" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: token.").during(
            _EVENT, client_id=client.client_id
        )
    answer = await _answer(provider, client, form["token"])
    provider.log.debug("introspected", client_id=client.client_id, active=answer["active"])
    return await _signed(provider, client, answer) if _wants_token(request) else json_reply(answer)


def _wants_token(request: Request) -> bool:
    """Tell whether the caller asks for a token (RFC 9701 §4); everybody else gets JSON (RFC 7662 §2.2)."""
    for part in (request.header("accept") or "").lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type == _TOKEN_MEDIA_TYPE:
            return not any(_REFUSED_QUALITY.fullmatch(parameter) for parameter in parameters)
    return False


async def _signed(provider: Provider, client: Client, answer: dict[str, Any]) -> Reply:
    """Answer a token that the caller can keep and show to others (RFC 9701 §5).

    What it says of the token stands in a claim of its own, so that it never passes for the token itself (§8.1).
    """
    claims = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "iat": provider.now(),
        "token_introspection": answer,
    }
    text = await protected(provider, client, claims, typ=_TOKEN_TYPE, protection=client.introspection)
    return token_reply(text, (b"content-type", _TOKEN_MEDIA_TYPE.encode()))


async def _answer(provider: Provider, client: Client, token: str) -> dict[str, Any]:
    # The hint (§2.1) saves nothing here: the kind stands in the token's header.
    access = _read(read_access_token, provider, token)
    if access is not None:
        live = await live_access(provider, access) if _may_know(client, access) else None
        return _INACTIVE if live is None else _active_access(provider, access, live)
    refresh = _read(read_refresh_token, provider, token)
    # A refresh token is between its client and us; nobody else has a use for it.
    user = await live_refresh(provider, refresh) if refresh is not None and refresh["azp"] == client.client_id else None
    if refresh is None or user is None:
        return _INACTIVE
    return _active(refresh, client, user) | {"client_id": refresh["azp"]}


def _may_know(client: Client, claims: Claims) -> bool:
    """The token's own client, or one that the token is meant for (RFC 7662 §4): for others it is not active.

    Keycloak tells any confidential client of the realm about any token; a bank's applications need not trust each
    other that far.
    """
    names = {client.client_id, *client.resources}
    return client.client_id == claims["client_id"] or not names.isdisjoint(_audience(claims))


def _active_access(provider: Provider, claims: Claims, live: LiveToken) -> dict[str, Any]:
    """Answer what the realm's mappers tell a resource server; what the protocol says comes last and wins."""
    book = provider.derived(claim_book)
    in_effect = book.in_effect(live.client, claims["scope"], live.granted)
    released = book.released(live.client, in_effect, live.user, facts_of(claims))
    kind = token_type_of(confirmation_of(claims))  # RFC 9449 §6.2, RFC 8705 §3.2
    answer = {**released.claims("introspection"), **_active(claims, live.client, live.user), "token_type": kind}
    more = released.audience("introspection")
    if more and claims["client_id"] in _audience(claims):  # not where it was asked for certain resources (RFC 8707)
        answer["aud"] = list(dict.fromkeys((*_audience(claims), *more)))
    return answer


def _audience(claims: Claims) -> list[str]:
    return claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]


def _active(claims: Claims, client: Client, user: User) -> dict[str, Any]:
    """Answer what the protocol says of a token that was given to the client."""
    known = {name: claims[name] for name in _MEMBERS if name in claims}
    # The name to log in by is the same everywhere: clients with pairwise subjects could compare their customers by it
    # (Core §8.1). Where they may know it all the same, a mapper says so.
    named = {} if client.pairwise is not None else {"username": user.username}
    return {"active": True, **named, **known}


def _read(reader: Any, provider: Provider, token: str) -> Claims | None:
    try:
        claims: Claims = reader(provider, token)
    except TokenError:
        return None
    return claims
