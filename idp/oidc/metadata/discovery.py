"""Discovery (OpenID Connect Discovery 1.0 §4, RFC 8414): what really works here, under registered names only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS, ClientAuthenticator
from idp.model.policies.keys import JWKS_LIFETIME
from idp.model.realm import Realm
from idp.oidc.authorization.response import JWT_MODE, RESPONSE_MODES, RESPONSE_TYPES
from idp.oidc.claims.book import claims_supported
from idp.oidc.cors import ANY_ORIGIN
from idp.oidc.grants.jwt_bearer import JWT_BEARER
from idp.oidc.grants.password import PASSWORD
from idp.oidc.metadata import authorization_requests, decoupled, possession, protected_answers, registration, sessions
from idp.oidc.provider import Provider
from idp.oidc.token.endpoint import GRANTS
from idp.web.http import JSON, Header, Reply, Request

# Clients may keep it for minutes; a new key is published well before it signs.
CACHED: Header = (b"cache-control", f"public, max-age={JWKS_LIFETIME}".encode())
# The registered names of each method (RFC 8414 §2).
_METHODS: dict[ClientAuthenticator, tuple[str, ...]] = {
    "client-secret": ("client_secret_basic", "client_secret_post"),
    "client-secret-jwt": ("client_secret_jwt",),
    "client-jwt": ("private_key_jwt",),
    "client-x509": ("tls_client_auth", "self_signed_tls_client_auth"),
}
_SIGNED: dict[ClientAuthenticator, tuple[str, ...]] = {
    "client-jwt": PUBLIC_KEY_ALGORITHMS,
    "client-secret-jwt": SECRET_ALGORITHMS,
}


async def discovery(provider: Provider, _request: Request, _body: bytes) -> Reply:
    """Answer the realm's metadata."""
    return configuration(provider)


def configuration(provider: Provider) -> Reply:
    """Return the answer: one object for as long as nothing in it changes."""
    return provider.derived(_reply)


def metadata(provider: Provider) -> dict[str, Any]:
    """Return the realm's metadata: each part says what it can do, under names that are registered."""
    document: dict[str, Any] = {}
    for part in _PARTS:
        document |= part(provider)
    return document | possession.aliases(provider, document)


def _core(provider: Provider) -> dict[str, Any]:
    realm = provider.realm()
    document: dict[str, Any] = {
        "issuer": provider.issuer,
        "authorization_endpoint": provider.endpoint("auth"),
        "token_endpoint": provider.endpoint("token"),
        "userinfo_endpoint": provider.endpoint("userinfo"),
        "jwks_uri": provider.endpoint("certs"),
        "end_session_endpoint": provider.endpoint("logout"),
        "revocation_endpoint": provider.endpoint("revoke"),
        "introspection_endpoint": provider.endpoint("introspect"),
        "scopes_supported": _scopes(realm),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": [*RESPONSE_MODES, JWT_MODE],
        # One page serves them all: it fits a pop-up and is made for a phone first.
        "display_values_supported": ["page", "popup", "touch"],
        "grant_types_supported": [*_grants(realm), "implicit"],
        "subject_types_supported": ["public", "pairwise"],
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": _claims(realm),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": list(realm.locales),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
        "claims_parameter_supported": True,
    }
    if realm.acr_levels:
        document["acr_values_supported"] = sorted(realm.acr_levels, key=lambda acr: (realm.acr_levels[acr], acr))
    return document


def _client_authentication(provider: Provider) -> dict[str, Any]:
    """Tell the methods that the realm's flow for clients accepts, and no other."""
    accepted = provider.realm().client_authenticators
    proven = [name for method, names in _METHODS.items() if method in accepted for name in names]
    methods = [*proven, *(["none"] if "client-secret" in accepted else [])]  # as `Realm.accepts` says
    document: dict[str, Any] = {
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": proven,
    }
    algorithms = [name for method, names in _SIGNED.items() if method in accepted for name in names]
    if algorithms:  # RFC 8414 §2: required where a method signs; one list for each endpoint
        for endpoint in ("token", "revocation", "introspection"):
            document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = algorithms
    return document


_PARTS: tuple[Callable[[Provider], dict[str, Any]], ...] = (
    _core,
    _client_authentication,
    authorization_requests.metadata,
    protected_answers.metadata,
    possession.metadata,
    registration.metadata,
    decoupled.metadata,
    sessions.metadata,
)


def _grants(realm: Realm) -> list[str]:
    """RFC 9700 §2.4: the password grant is for clients that cannot do without, and is not offered to others."""
    clients = (*realm.clients.values(), *realm.registered.values())
    offered = any(client.password_grant for client in clients)
    left_out = {*(() if offered else (PASSWORD,)), *(() if realm.assertion_issuers else (JWT_BEARER,))}
    return [grant for grant in GRANTS if grant not in left_out]


def _scopes(realm: Realm) -> list[str]:
    return ["openid", *(scope.name for scope in realm.client_scopes.values() if scope.in_metadata)]


def _claims(realm: Realm) -> list[str]:
    of_the_login = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "azp",
        "at_hash",
        "c_hash",
        "s_hash",
        "sid",
    ]
    return [*of_the_login, *claims_supported(realm)]


def _reply(provider: Provider) -> Reply:
    return Reply(200, msgspec.json.encode(metadata(provider)), (JSON, CACHED, ANY_ORIGIN))
