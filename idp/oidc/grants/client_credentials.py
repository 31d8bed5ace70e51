"""The client credentials grant (RFC 6749 §4.4): a client acts for itself, as its service account.

There is no person and no session, so there is no ID token and no refresh token (§4.4.3; Keycloak makes one only where
an attribute asks for it). The scopes that are about a person (`openid`, `offline_access`) are not granted.
"""

from __future__ import annotations

import uuid
from functools import lru_cache

from idp.model.client import Client
from idp.model.oauth import NO_TERMS, Authorization
from idp.model.user import User
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.provider import Provider
from idp.oidc.terms.asked_terms import asked_terms

_ACCOUNTS = uuid.UUID("6f9f4d0c-6d0e-5c0e-9d3b-2f5b8d3a7c11")
"""The namespace of service accounts' ids. Never changed: resource servers know a client by the id."""
_ABOUT_A_PERSON = frozenset({"openid", "offline_access"})


async def authorize_client(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Grant the client what it may do for itself; raises `OAuthError`."""
    # A public client has proven nothing (§4.4: confidential clients only). A disabled one has not come this far: it
    # does not exist for `authenticate_client` (CVE-2025-64521).
    if client.public or not client.service_account:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    account = await service_account(provider, client)
    if not account.enabled:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    authorization = Authorization(
        client_id=client.client_id,
        user_id=account.id,
        sid=None,
        transaction_id=provider.random_text(16),
        scope=_scope(client, asked.form.get("scope", "").split()),
        auth_time=None,
        acr=None,
        amr=(),
        terms=asked_terms(provider, client, NO_TERMS, asked.resources, asked.form.get("authorization_details")),
        confirmation=asked.confirmation,
    )
    return Granted(authorization=authorization, user=account)


async def service_account(provider: Provider, client: Client) -> User:
    """Return the user that a client is when it acts for itself; nobody can log in as it.

    One that Keycloak's file brought along is in the store, with its id, which resource servers know, and its roles. It
    is known by what the file said of it and not by its name, which anybody may have chosen. Otherwise it is in no store
    and its id is derived, so that it is the same on every node and after every restart, and can be no customer's (RFC
    9700 §4.15): those are random, or a version 4 UUID of a realm file.
    """
    name = f"service-account-{client.client_id}"
    brought = await provider.stores.users.by_username(name)
    if brought is not None and brought.service_account_of == client.client_id:
        return brought
    return User(id=_account_id(f"{provider.name}/{name}"), username=name, created_at=0)


@lru_cache(maxsize=1024)
def _account_id(name: str) -> str:
    return str(uuid.uuid5(_ACCOUNTS, name))


def _scope(client: Client, asked: list[str]) -> tuple[str, ...]:
    """Return what is granted: as at the authorization endpoint, without what only a person can give (RFC 6749 §3.3)."""
    may = client.scopes - _ABOUT_A_PERSON
    granted = [scope for scope in (*asked, *client.default_scopes) if scope in may]
    return tuple(dict.fromkeys(granted))
