"""POST /realms/{realm}/protocol/openid-connect/ext/par/request (RFC 9126)."""

from __future__ import annotations

import msgspec

from idp.crypto.digest import digest
from idp.model.client import Client
from idp.model.clients.request_object import PushedRequest
from idp.oidc import cors
from idp.oidc.authorization.demands import check_pushed_demands
from idp.oidc.authorization.target import UnsafeRequestError, find_target
from idp.oidc.budgets import spend_pushed_request
from idp.oidc.clients.authentication import authenticate_client
from idp.oidc.clients.sender import JKT_PARAMETER, pushed_key
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.parameters import form_with_lists
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import REPEATABLE, Asked, checked_request
from idp.oidc.requests.resolved import REFERENCE, with_object
from idp.web.http import Reply, Request, json_reply

_EVENT = "PUSHED_AUTHORIZATION_REQUEST"
_CREATED = 201
_REFERENCE_BYTES = 32
_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
_LONGEST_LOGIN = 3 * 3600  # seconds: how long after its end a request may still be answered by a login begun in time


async def push(provider: Provider, request: Request, body: bytes) -> Reply:
    """Keep a client's checked request and return the reference to it; raises `OAuthError`."""
    form, lists = form_with_lists(request, body, REPEATABLE)
    client = await authenticate_client(provider, request, form)
    try:
        await spend_pushed_request(provider, client, request.remote_address)
        given = {name: value for name, value in form.items() if name not in _CREDENTIALS}
        given["client_id"] = client.client_id  # the one that was proven; whoever names another was refused
        asked = await _checked(provider, request, client, Asked(parameters=given, resources=lists["resource"]))
    except OAuthError as refused:
        raise refused.during(f"{_EVENT}_ERROR", client_id=client.client_id) from refused
    lifespan = client.rules.pushed_lifespan(provider.realm().lifespans.pushed_request)
    reference = REFERENCE + provider.random_text(_REFERENCE_BYTES)
    expires_at = provider.now() + lifespan
    kept = PushedRequest(
        client_id=client.client_id,
        parameters=dict(asked.parameters),
        resources=asked.resources,
        expires_at=expires_at,
    )
    await provider.stores.pushed_requests.put(digest(reference), kept, kept_until=expires_at + _LONGEST_LOGIN)
    provider.log.debug("pushed", client_id=client.client_id)
    return cors.shared(json_reply({"request_uri": reference, "expires_in": lifespan}, _CREATED), request, client)


async def _checked(provider: Provider, request: Request, client: Client, given: Asked) -> Asked:
    """Return what is asked for, if the authorization endpoint would accept it (RFC 9126 §2.1)."""
    if "request_uri" in given.parameters:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "A pushed request has no request_uri.")
    asked = await with_object(provider, client, given, is_pushed=True)
    check_pushed_demands(asked.parameters, client.rules)
    key = await pushed_key(provider, request, client, asked.parameters)
    if key:
        asked = msgspec.structs.replace(asked, parameters={**asked.parameters, JKT_PARAMETER: key})
    try:
        found, target = find_target(provider.realm(), asked.parameters, issuer=provider.issuer)
    except UnsafeRequestError as unsafe:
        # Nobody is at a browser here: the client itself is told, and nothing is sent to the address (§2.3).
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The redirect_uri is not valid.", detail=unsafe.detail) from None
    checked_request(provider, found, target, asked)
    return asked
