"""POST /realms/{realm}/protocol/openid-connect/ext/ciba/auth (OpenID Connect CIBA Core §7)."""

from __future__ import annotations

from idp.crypto.digest import digest
from idp.crypto.jose import TokenError
from idp.model.client import Client
from idp.model.oauth import NO_TERMS
from idp.model.pending import PendingAuthorization
from idp.model.user import User
from idp.oidc.authorization.request import granted_scope
from idp.oidc.budgets import may_disturb
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.clients.subject import user_of
from idp.oidc.decoupled.backchannel_request import BackchannelRequest, read_request
from idp.oidc.decoupled.message import tell_customer
from idp.oidc.decoupled.notification import sealed_token
from idp.oidc.decoupled.tickets import authentication_request_id, ticket_of
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.parameters import form_with_lists
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import REPEATABLE
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.terms.asked_terms import asked_terms
from idp.oidc.token.tokens import read_id_token_hint
from idp.web.http import Reply, Request, json_reply

_FORBIDDEN = 403
_TICKET_BYTES = 24


async def backchannel_authentication(provider: Provider, request: Request, body: bytes) -> Reply:
    """Ask a customer for a client; raises `OAuthError`."""
    form, lists = form_with_lists(request, body, REPEATABLE)
    client = await authenticate_client(provider, request, form)
    try:
        if client.public or not client.backchannel.enabled:
            raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not ask customers.")  # noqa: TRY301 - one event for every refusal
        asked = await read_request(provider, client, form, lists["resource"])
        user = await _asked_user(provider, client, asked)
        pending, ticket = await _begun(provider, client, user, asked)
    except OAuthError as refused:
        raise refused.during("BACKCHANNEL_AUTHENTICATION_ERROR", client_id=client.client_id) from refused
    await provider.record(
        "BACKCHANNEL_AUTHENTICATION",
        transaction_id=pending.transaction_id,
        user_id=user.id,
        client_id=client.client_id,
        address=request.remote_address,
        detail={"scope": " ".join(pending.scope), "binding_message": pending.binding_message},
    )
    await tell_customer(provider, client, user, pending, ticket)
    answer = {
        "auth_req_id": authentication_request_id(provider, pending.salt),
        "expires_in": pending.expires_at - pending.created_at,
        "interval": pending.interval,
    }
    return json_reply(answer)


async def _asked_user(provider: Provider, client: Client, asked: BackchannelRequest) -> User:
    """Return the customer whom the hint names.

    One answer for a name that nobody has and for a customer who may not log in (§13): whether somebody is locked is
    nobody's business (CVE-2026-9798).
    """
    by_name = asked.hint == "login_hint"
    user_id = await _by_name(provider, asked.hinted) if by_name else await _by_token(provider, client, asked)
    user = None if user_id is None else await may_go_on(provider, user_id)
    if user is None:
        detail = "nobody has that name, or may not log in"
        raise OAuthError(ErrorCode.UNKNOWN_USER_ID, "The customer is not known.", detail=detail)
    if not await may_disturb(provider, user.id):
        raise OAuthError(
            ErrorCode.ACCESS_DENIED,
            "The customer was asked too often.",
            status=_FORBIDDEN,
            trace=Trace(client_id=client.client_id, user_id=user.id),
        )
    return user


async def _by_name(provider: Provider, name: str) -> str | None:
    user = await provider.stores.users.by_username(name)
    if user is None and provider.realm().login_with_email:
        user = await provider.stores.users.by_email(name)
    return None if user is None else user.id


async def _by_token(provider: Provider, client: Client, asked: BackchannelRequest) -> str | None:
    try:
        claims = read_id_token_hint(provider, asked.hinted)
    except TokenError as error:
        detail = f"id_token_hint: {error}"
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The id_token_hint is not valid.", detail=detail) from None
    audience = claims.get("aud")
    # Another client's ID token would let this one find out who its users are.
    if client.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The id_token_hint is not valid.", detail="another client's")
    return await user_of(provider, client, claims)


async def _begun(
    provider: Provider, client: Client, user: User, asked: BackchannelRequest
) -> tuple[PendingAuthorization, str]:
    """Store the request; return it with the ticket that leads the customer to it."""
    policy, now = provider.realm().pending, provider.now()
    salt, ticket = provider.random_text(16), provider.random_text(_TICKET_BYTES)
    details = asked.asked.parameters.get("authorization_details")
    token = asked.notification_token
    pending = PendingAuthorization(
        key=digest(authentication_request_id(provider, salt)),
        ticket=ticket_of(provider, "backchannel", ticket),
        kind="backchannel",
        client_id=client.client_id,
        transaction_id=provider.random_text(12),
        scope=granted_scope(asked.scope, client),
        created_at=now,
        # A client may give its customer less time than the realm does, never more.
        expires_at=now + min(asked.requested_expiry or policy.backchannel_lifespan, policy.backchannel_lifespan),
        interval=policy.backchannel_interval,
        terms=asked_terms(provider, client, NO_TERMS, asked.asked.resources, details),
        acr_values=asked.acr_values,
        user_id=user.id,
        binding_message=asked.binding_message,
        salt=salt,
        notification_token=sealed_token(provider, token) if token else b"",
    )
    if not await provider.stores.pending.create(pending):
        raise ValueError("two tickets of 192 random bits are the same")
    return pending, ticket
