"""POST /realms/{realm}/protocol/openid-connect/token (RFC 6749 §3.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from idp.model.client import Client
from idp.model.struct import Frozen
from idp.oidc import cors
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.clients.protection import encrypt_id_token
from idp.oidc.clients.sender import proven_key
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.grants.authorization_code import authorize_code
from idp.oidc.grants.client_credentials import authorize_client
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.grants.jwt_bearer import JWT_BEARER, authorize_jwt_bearer
from idp.oidc.grants.password import PASSWORD, authorize_password
from idp.oidc.grants.polled import CIBA, DEVICE_CODE, authorize_backchannel, authorize_device
from idp.oidc.grants.refresh_token import authorize_refresh
from idp.oidc.grants.token_exchange import TOKEN_EXCHANGE, authorize_exchange
from idp.oidc.parameters import form_with_lists
from idp.oidc.provider import Provider
from idp.oidc.token.tokens import issue
from idp.web.http import Reply, Request, json_reply

_REPEATABLE = frozenset({"resource", "audience"})


class Grant(Frozen, frozen=True, kw_only=True):
    """A way to earn an authorization, and Keycloak's name for the event; its failure is `<event>_ERROR`.

    `noted`: nobody has logged in, so the event's row may follow a moment after the answer (`Recorder.note`).
    """

    authorize: Callable[[Provider, Client, TokenRequest], Awaitable[Granted]]
    event: str
    noted: bool = False


GRANTS: dict[str, Grant] = {
    "authorization_code": Grant(authorize=authorize_code, event="CODE_TO_TOKEN"),
    "refresh_token": Grant(authorize=authorize_refresh, event="REFRESH_TOKEN"),
    "client_credentials": Grant(authorize=authorize_client, event="CLIENT_LOGIN", noted=True),
    DEVICE_CODE: Grant(authorize=authorize_device, event="OAUTH2_DEVICE_CODE_TO_TOKEN"),
    CIBA: Grant(authorize=authorize_backchannel, event="AUTHREQID_TO_TOKEN"),
    PASSWORD: Grant(authorize=authorize_password, event="PASSWORD_TO_TOKEN"),
    JWT_BEARER: Grant(authorize=authorize_jwt_bearer, event="JWT_BEARER_TO_TOKEN"),
    TOKEN_EXCHANGE: Grant(authorize=authorize_exchange, event="TOKEN_EXCHANGE"),
}


async def token(provider: Provider, request: Request, body: bytes) -> Reply:
    """Exchange a grant for tokens; raises `OAuthError`."""
    # Taken before looked at, counted before checked: each in its turn, and all of it on the disk when the block ends.
    async with provider.stores.together():
        return await _answer(provider, request, body)


async def _answer(provider: Provider, request: Request, body: bytes) -> Reply:
    form, lists = form_with_lists(request, body, _REPEATABLE)
    client = await authenticate_client(provider, request, form)
    grant = _grant(form)
    try:
        asked = TokenRequest(
            form=form,
            resources=lists["resource"],
            audiences=lists["audience"],
            confirmation=await proven_key(provider, request, client),
            address=request.remote_address,
        )
        granted = await grant.authorize(provider, client, asked)
    except OAuthError as refused:
        raise refused.during(f"{grant.event}_ERROR", client_id=client.client_id) from refused
    authorization = granted.authorization
    answer = issue(provider, client, authorization, granted.user)
    answer |= granted.members
    if client.id_token.encrypted is not None:
        await encrypt_id_token(provider, client, answer)
    recorded = (provider.note if grant.noted else provider.record)(
        grant.event,
        transaction_id=authorization.transaction_id,
        user_id=authorization.user_id,
        client_id=client.client_id,
        sid=authorization.sid,
        address=request.remote_address,
        detail={"scope": " ".join(authorization.scope)},
    )
    await recorded
    if granted.keep is not None:
        await granted.keep()
    return cors.shared(json_reply(answer), request, client)


def _grant(form: Mapping[str, str]) -> Grant:
    if "grant_type" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: grant_type.")
    grant = GRANTS.get(form["grant_type"])
    if grant is None:
        raise OAuthError(ErrorCode.UNSUPPORTED_GRANT_TYPE, "Unsupported grant_type.")
    return grant
