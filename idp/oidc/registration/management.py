"""GET, PUT and DELETE …/clients-registrations/openid-connect/{client_id} (RFC 7592), by registration access token."""

from __future__ import annotations

from typing import Any

import msgspec

from idp.crypto.digest import digest, same
from idp.model.clients.registration import RegisteredClient
from idp.oidc.provider import Provider
from idp.oidc.registration.admission import Admission, bearer_token, throttled, token_refused
from idp.oidc.registration.endpoint import answer, described, new_secret, read_json, record_event
from idp.oidc.registration.metadata import invalid_metadata, read_metadata
from idp.oidc.registration.registrations import origin_of
from idp.realms.policies.conditions import Change
from idp.realms.representation import realm as file
from idp.web.http import NO_STORE, Reply, Request, json_reply

# RFC 7592 §2.2: what the client cannot choose.
_OURS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


async def read_client(provider: Provider, request: Request, _body: bytes) -> Reply:
    """Answer what is registered (RFC 7592 §2.1); raises `OAuthError`."""
    record, token = await _own(provider, request)
    return json_reply(answer(provider, provider.registrations.unsealed(record), record, token))


async def update_client(provider: Provider, request: Request, body: bytes) -> Reply:
    """Replace what is registered, and the registration access token with it (RFC 7592 §2.2); raises `OAuthError`."""
    await throttled(provider, request)
    record, _ = await _own(provider, request)
    before = provider.registrations.unsealed(record)
    document = read_json(request, body)
    _check_own(document, before)
    client = await described(
        provider,
        read_metadata(document),
        _admission(provider, request, record),
        client_id=record.client_id,
        secret=before.secret or new_secret(provider),
    )
    token = provider.random_text()
    changed = msgspec.structs.replace(record, sealed=provider.registrations.sealed(client), token_digest=digest(token))
    if not await provider.stores.registered_clients.replace(changed):
        raise token_refused(provider, "another update was first, and took the token with it")
    await provider.registrations.follow()
    await record_event(provider, request, "CLIENT_UPDATE", record)
    return json_reply(answer(provider, client, record, token))


async def delete_client(provider: Provider, request: Request, _body: bytes) -> Reply:
    """Remove the client; its codes, sessions and tokens are worth nothing from then on (RFC 7592 §2.3)."""
    record, _ = await _own(provider, request)
    if not await provider.stores.registered_clients.remove(record.client_id):
        raise token_refused(provider, "somebody else removed the client meanwhile")
    await provider.registrations.follow()
    await record_event(provider, request, "CLIENT_DELETE", record)
    return Reply(204, b"", NO_STORE)


async def _own(provider: Provider, request: Request) -> tuple[RegisteredClient, str]:
    """Return the client whose registration access token was sent, and the token.

    A client that is not there and a token of another one get the same answer: ids are not to be tried.
    """
    token = bearer_token(request)
    if not token:
        raise token_refused(provider, "no registration access token")
    record = await provider.stores.registered_clients.get(request.path.rpartition("/")[2])
    if record is None or not same(record.token_digest, digest(token)):
        raise token_refused(provider, "no such client, or not its registration access token")
    return record, token


def _check_own(document: dict[str, Any], before: file.Client) -> None:
    if document.get("client_id") != before.client_id:
        raise invalid_metadata("client_id must be the client's own.")
    for name in _OURS:
        if name in document:
            raise invalid_metadata(f"{name} must not be sent.")
    secret = document.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and before.secret and same(secret, before.secret)):
        raise invalid_metadata("client_secret must be the present one.")


def _admission(provider: Provider, request: Request, record: RegisteredClient) -> Admission:
    """Hold the update to what the registration was held to, so that nobody leaves a policy by a detour."""
    rules, trusted = provider.realm().registration, record.initial_token is not None
    return Admission(
        restrictions=rules.authenticated if trusted else rules.anonymous,
        changes=(Change(context="ByRegistrationAccessToken", address=request.remote_address), origin_of(record)),
        trusted=trusted,
    )
