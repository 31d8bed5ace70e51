"""POST /realms/{realm}/protocol/openid-connect/revoke (RFC 7009)."""

from __future__ import annotations

from idp.crypto.jose import Claims, TokenError
from idp.model.client import Client
from idp.model.oauth import RefreshFamily
from idp.model.session import UserSession
from idp.oidc import cors
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.parameters import form_parameters
from idp.oidc.provider import Provider
from idp.oidc.sessions.user_sessions import leave_session
from idp.oidc.token.liveness import REVOKED
from idp.oidc.token.tokens import family_of, read_access_token, read_refresh_token
from idp.web.http import NO_STORE, Reply, Request

_EVENT = "REVOKE_GRANT"


async def revoke(provider: Provider, request: Request, body: bytes) -> Reply:
    """Revoke a token of the client; raises `OAuthError` for a bad request, never for a bad token (§2.2)."""
    form = form_parameters(request, body)
    client = await authenticate_client(provider, request, form)
    if "token" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: token.").during(
            f"{_EVENT}_ERROR", client_id=client.client_id
        )
    await _revoked(provider, request, client, form["token"])
    return cors.shared(Reply(200, b"", NO_STORE), request, client)


async def _revoked(provider: Provider, request: Request, client: Client, token: str) -> None:
    # The hint (§2.1) saves nothing here: the kind stands in the token's header.
    try:
        claims = read_refresh_token(provider, token)
    except TokenError:
        await _revoke_access(provider, request, client, token)
        return
    await _revoke_refresh(provider, request, client, claims)


async def _revoke_refresh(provider: Provider, request: Request, client: Client, claims: Claims) -> None:
    """End the whole grant: the family, and with the client's share of the session its access tokens (§2.1).

    A token that was rotated out names its family as well, and ends it.
    """
    family_id = family_of(claims["jti"])
    # Another client's token: no effect, and the same answer, so that nothing can be learnt.
    if family_id is None or claims["azp"] != client.client_id:
        return
    family = await provider.stores.refresh_families.get(family_id)
    if family is None or not await provider.stores.refresh_families.end(family_id):
        return
    await leave_session(provider, family.sid, client.client_id)
    await _record(provider, request, claims, login=family, kind="refresh_token")


async def _revoke_access(provider: Provider, request: Request, client: Client, token: str) -> None:
    try:
        claims = read_access_token(provider, token)
    except TokenError:
        return  # unknown, expired or damaged: it is as good as revoked (§2.2)
    if claims["client_id"] != client.client_id:
        return
    # Remembered for as long as the token could have been used.
    lifetime = claims["exp"] - provider.now()
    if await provider.stores.first_use.first_use(REVOKED, claims["jti"], ttl=lifetime):
        await _record(provider, request, claims, login=await _login_of(provider, claims), kind="access_token")


async def _login_of(provider: Provider, claims: Claims) -> UserSession | RefreshFamily | None:
    """Return the login behind an access token, as far as anything of it is left; a client's own token has none."""
    family_id = family_of(claims["jti"])
    family = await provider.stores.refresh_families.get(family_id) if family_id is not None else None
    if family is None and "sid" not in claims:
        return None
    return family or await provider.stores.user_sessions.get(claims["sid"])


async def _record(
    provider: Provider, request: Request, claims: Claims, *, login: UserSession | RefreshFamily | None, kind: str
) -> None:
    await provider.record(
        _EVENT,
        transaction_id=claims["jti"] if login is None else login.transaction_id,
        # Of the login: the token may have one client's name for the user (Core §8.1).
        user_id=claims["sub"] if login is None else login.user_id,
        client_id=claims["azp"],
        sid=claims.get("sid"),
        address=request.remote_address,
        detail={"token": kind},
    )
