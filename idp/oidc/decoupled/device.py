"""POST /realms/{realm}/protocol/openid-connect/auth/device (RFC 8628 §3.1 and §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from idp.crypto.digest import digest
from idp.model.client import Client
from idp.model.oauth import NO_TERMS
from idp.model.pending import PendingAuthorization
from idp.oidc import cors
from idp.oidc.authorization.request import granted_scope
from idp.oidc.budgets import spend_device_request
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.decoupled.tickets import new_user_code, ticket_of
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.parameters import form_with_lists
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import REPEATABLE
from idp.oidc.terms.asked_terms import asked_terms
from idp.web.http import Reply, Request, json_reply

_CODE_BYTES = 32
_MOST_DRAWS = 10  # of a user code; the second already is as good as never needed


async def device_authorization(provider: Provider, request: Request, body: bytes) -> Reply:
    """Give a device its two codes; raises `OAuthError`."""
    form, lists = form_with_lists(request, body, REPEATABLE)
    client = await authenticate_client(provider, request, form)  # §3.1: as at the token endpoint
    try:
        answer, pending = await _begun(provider, client, form, lists["resource"], request.remote_address)
    except OAuthError as refused:
        raise refused.during("OAUTH2_DEVICE_AUTH_ERROR", client_id=client.client_id) from refused
    await provider.record(
        "OAUTH2_DEVICE_AUTH",
        transaction_id=pending.transaction_id,
        client_id=client.client_id,
        address=request.remote_address,
        detail={"scope": " ".join(pending.scope)},
    )
    return cors.shared(json_reply(answer), request, client)


async def _begun(
    provider: Provider, client: Client, form: Mapping[str, str], resources: tuple[str, ...], address: str | None
) -> tuple[dict[str, object], PendingAuthorization]:
    if not client.device.enabled:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    await spend_device_request(provider, client.client_id, address)
    policy, now = provider.realm().pending, provider.now()
    lifespan = client.device.code_lifespan or policy.device_lifespan
    device_code = provider.random_text(_CODE_BYTES)
    pending = PendingAuthorization(
        key=digest(device_code),
        ticket="",
        kind="device",
        client_id=client.client_id,
        transaction_id=provider.random_text(12),
        scope=granted_scope(form.get("scope", ""), client),
        created_at=now,
        expires_at=now + lifespan,
        interval=client.device.polling_interval or policy.device_interval,
        terms=asked_terms(provider, client, NO_TERMS, resources, form.get("authorization_details")),
        acr_values=client.default_acr_values,
    )
    user_code = await _kept(provider, pending)
    address_of_person = provider.endpoint("verification")
    answer: dict[str, object] = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": address_of_person,
        "verification_uri_complete": f"{address_of_person}?{urlencode({'user_code': user_code})}",
        "expires_in": lifespan,
        "interval": pending.interval,
    }
    return answer, pending


async def _kept(provider: Provider, pending: PendingAuthorization) -> str:
    """Store the request under a user code that no other waiting request has, and return it."""
    for _ in range(_MOST_DRAWS):
        user_code = new_user_code(provider.random)
        ticketed = msgspec.structs.replace(pending, ticket=ticket_of(provider, "device", user_code))
        if await provider.stores.pending.create(ticketed):
            return user_code
    raise OAuthError(ErrorCode.SERVER_ERROR, "Try again.", detail="no free user code", status=500)
