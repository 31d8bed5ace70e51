"""POST /realms/{realm}/clients-registrations/openid-connect (RFC 7591 §3, OpenID Registration §3)."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from idp.crypto.digest import digest
from idp.crypto.jose import TokenError, json_value
from idp.model.clients.registration import RegisteredClient, Restrictions
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.metadata.discovery import metadata as provider_metadata
from idp.oidc.provider import Provider
from idp.oidc.registration.admission import (
    Admission,
    admitted,
    check_restrictions,
    scopes_offered,
    throttled,
    token_refused,
)
from idp.oidc.registration.completion import Offer, check_sector, completed
from idp.oidc.registration.metadata import (
    ClientMetadata,
    invalid_metadata,
    read_document,
    read_metadata,
    written,
)
from idp.oidc.registration.representation import client_of_metadata, metadata_of_client
from idp.ports import UnfetchableError
from idp.realms.representation import realm as file
from idp.web.http import Reply, Request, json_reply

_LARGEST_SECTOR = 64 * 1024  # bytes
_SECRET_BYTES = 48  # 64 characters: enough for HS512 too (RFC 7518 §3.2)
_BY_SECRET = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})
_ID_TOKEN_ALGORITHM = "id.token.signed.response.alg"  # noqa: S105 - the name of an attribute, not a secret
_SIGNED = ("id_token_signed_response_alg", "userinfo_signed_response_alg", "request_object_signing_alg")


async def register(provider: Provider, request: Request, body: bytes) -> Reply:
    """Register a client; raises `OAuthError`."""
    await throttled(provider, request)
    admission = await admitted(provider, request)
    metadata = read_metadata(read_json(request, body))
    client = await described(
        provider, metadata, admission, client_id=_new_client_id(provider), secret=new_secret(provider)
    )
    token = provider.random_text()
    record = RegisteredClient(
        client_id=client.client_id,
        sealed=provider.registrations.sealed(client),
        token_digest=digest(token),
        registered_at=provider.now(),
        initial_token=admission.token.id if admission.token is not None else None,
    )
    await _keep(provider, record, admission)
    await record_event(provider, request, "CLIENT_REGISTER", record)
    return json_reply(answer(provider, client, record, token), 201)


async def described(
    provider: Provider, asked: ClientMetadata, admission: Admission, *, client_id: str, secret: str
) -> file.Client:
    """Return the representation of a client that may be registered; raises `OAuthError`."""
    restrictions = admission.restrictions
    default, optional = provider.registrations.scopes()
    scopes = provider.realm().client_scopes
    offered = scopes_offered(restrictions, known=scopes, default=default, optional=optional)
    offer = Offer(
        supported=provider.derived(provider_metadata),
        scopes=tuple(name for name in offered if scopes[name].in_token_scope),
        trusted=admission.trusted,
    )
    metadata = completed(asked, offer)
    if metadata.sector_identifier_uri is not None:
        check_sector(await _sector(provider, metadata.sector_identifier_uri), metadata.redirect_uris)
    client = client_of_metadata(
        metadata,
        client_id=client_id,
        secret=secret if _needs_secret(metadata) else None,
        default_scopes=tuple(name for name in default if not scopes[name].in_token_scope),
        pinned=asked.token_endpoint_auth_method is not None,
    )
    return _with_default_algorithm(_judged(provider, _restricted(client, restrictions), admission))


def answer(provider: Provider, client: file.Client, record: RegisteredClient, token: str) -> dict[str, Any]:
    """Return the client information response (RFC 7591 §3.2.1, RFC 7592 §3)."""
    secret = {} if client.secret is None else {"client_secret": client.secret, "client_secret_expires_at": 0}
    return {
        "client_id": client.client_id,
        **secret,
        "client_id_issued_at": record.registered_at,
        "registration_access_token": token,
        "registration_client_uri": f"{provider.endpoint('registration')}/{client.client_id}",
        **written(metadata_of_client(client)),
    }


def read_json(request: Request, body: bytes) -> dict[str, Any]:
    """Return the members of the body, which must be JSON by its own word (RFC 7591 §3.1)."""
    if (request.header("content-type") or "").partition(";")[0].strip().lower() != "application/json":
        raise invalid_metadata("The body must be application/json.")
    return dict(read_document(body))


def new_secret(provider: Provider) -> str:
    """Return a new client secret."""
    return provider.random_text(_SECRET_BYTES)


async def record_event(provider: Provider, request: Request, event: str, record: RegisteredClient) -> None:
    """Record who did what to which client."""
    await provider.record(
        event,
        transaction_id=provider.random_text(9),
        client_id=record.client_id,
        address=request.remote_address,
        detail={"registered_by": record.initial_token or "anonymous"},
    )


def _new_client_id(provider: Provider) -> str:
    """Return a random UUID: no client may choose an id that could be somebody's `sub` (RFC 9700 §4.15)."""
    return str(uuid.UUID(bytes=provider.random(16), version=4))


def _needs_secret(metadata: ClientMetadata) -> bool:
    by_secret = metadata.token_endpoint_auth_method in _BY_SECRET
    return by_secret or any((getattr(metadata, name) or "").startswith("HS") for name in _SIGNED)


async def _sector(provider: Provider, address: str) -> object:
    description = "The document at sector_identifier_uri cannot be read."
    if provider.outbound is None:
        raise invalid_metadata(description, detail="no address is ever called here")
    try:
        # The strict reader: a document of nothing but brackets is a refusal, too.
        return json_value(await provider.outbound.fetch(address, largest=_LARGEST_SECTOR))
    except (UnfetchableError, TokenError) as error:
        raise invalid_metadata(description, detail=str(error)) from None


def _restricted(client: file.Client, restrictions: Restrictions) -> file.Client:
    check_restrictions(restrictions, client)
    return msgspec.structs.replace(
        client,
        consent_required=restrictions.consent_required,
        full_scope_allowed=restrictions.full_scope,
        enabled=restrictions.enabled,
    )


def _with_default_algorithm(client: file.Client) -> file.Client:
    """OpenID Registration §2: it is RS256, whatever the realm's own is; unless a policy has said something else."""
    return msgspec.structs.replace(client, attributes={_ID_TOKEN_ALGORITHM: "RS256", **client.attributes})


def _judged(provider: Provider, client: file.Client, admission: Admission) -> file.Client:
    """Hold the client to the rules of the file's clients and to the client policies; return it as these want it."""
    for change in admission.changes:
        registered = provider.registrations.judged(client, change)
        for violation in registered.violations:
            raise OAuthError(ErrorCode(violation.code), violation.problem, detail=violation.place)
        client = registered.representation
    return client


async def _keep(provider: Provider, record: RegisteredClient, admission: Admission) -> None:
    """Use up the initial token and store the client; of two who come for its last use, one is refused."""
    if admission.token_key is not None and not await provider.stores.initial_tokens.take(admission.token_key):
        raise token_refused(provider, "the initial access token was used up meanwhile")
    if not await provider.stores.registered_clients.create(record, most=admission.restrictions.most_clients):
        description = "No more clients are registered here."
        raise OAuthError(ErrorCode.ACCESS_DENIED, description, detail="max-clients is reached", status=403)
    await provider.registrations.follow()
