"""Client authentication by a signed assertion: private_key_jwt and client_secret_jwt.

RFC 7523 §3, OpenID Connect Core §9, RFC 10070 and FAPI 2.0 Security Profile §5.3.2.1 together; where they differ, the
strictest counts. Nothing the assertion says is believed before its signature: the client it names only tells which
registration (method, algorithms, keys) it has to satisfy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from idp.crypto.digest import digest
from idp.crypto.foreign import UnprovenToken, read_foreign, seconds_of
from idp.crypto.jose import Claims, TokenError
from idp.crypto.public_keys import KeyRefusedError
from idp.model.client import Client
from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS
from idp.oidc.clients.audience import NEW_TYPE, is_for_us
from idp.oidc.clients.keys import check_signature
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.provider import Provider

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
USED = "client-assertion"
_BAD_CREDENTIALS = "Invalid client or invalid client credentials."
# RFC 10070 gives assertions a type of their own; libraries older than it write `JWT`, or nothing.
_TYPES = frozenset({NEW_TYPE, "jwt", None})
_AHEAD = 30  # seconds that a client's clock may be ahead: FAPI 2.0 §5.3.2.1 accepts 10 and refuses more than 60


async def asserted_client(provider: Provider, form: Mapping[str, str]) -> Client:
    """Return the client that the form's assertion proves; raises `OAuthError` (`invalid_client`, `invalid_request`)."""
    client: Client | None = None
    try:
        token = _read(form)
        client = await _named(provider, token.claims, form)
        await _check_proof(provider, client, token)
        await _check_claims(provider, client, token)
    except (TokenError, KeyRefusedError) as error:
        raise OAuthError(
            ErrorCode.INVALID_CLIENT,
            _BAD_CREDENTIALS,
            detail=f"client assertion: {error}",
            event="CLIENT_LOGIN_ERROR",
            # Only of a client that exists: whoever invents names must not be able to fill the store (see `routes`).
            trace=Trace(client_id=None if client is None else client.client_id),
        ) from None
    return client


def _read(form: Mapping[str, str]) -> UnprovenToken:
    # RFC 7521 §4.2: both parameters, and this type.
    if "client_assertion" not in form or "client_assertion_type" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "client_assertion and client_assertion_type belong together.")
    if form["client_assertion_type"] != ASSERTION_TYPE:
        raise TokenError("unknown client_assertion_type")
    token = read_foreign(form["client_assertion"])
    if token.typ not in _TYPES:
        # A request object or a DPoP proof is signed with the same key (RFC 9101 §10.8, RFC 8725 §3.11).
        raise TokenError("wrong typ")
    return token


async def _named(provider: Provider, claims: Claims, form: Mapping[str, str]) -> Client:
    """Return the enabled client that the assertion says it is; RFC 7523 §3 (2): `sub` is the `client_id`."""
    name = claims.get("sub")
    client = None
    if isinstance(name, str):
        client = provider.client(name) or await provider.just_registered(name)
    if client is None or client.public or client.authentication not in {"client-jwt", "client-secret-jwt"}:
        raise TokenError("no such enabled client that proves itself by assertion")
    if form.get("client_id", name) != name:  # RFC 7521 §4.2
        raise TokenError("client_id names another client")
    return client


async def _check_proof(provider: Provider, client: Client, token: UnprovenToken) -> None:
    # The registration says which algorithms there are; a public key never becomes an HMAC key (RFC 8725 §3.1).
    by_secret = client.authentication == "client-secret-jwt"
    known: tuple[str, ...] = SECRET_ALGORITHMS if by_secret else PUBLIC_KEY_ALGORITHMS
    registered = client.assertion.algorithm
    if token.algorithm not in known or (registered is not None and token.algorithm != registered):
        raise TokenError("the algorithm is not the client's")
    if not client.rules.permits(token.algorithm):  # FAPI 2.0 Security Profile §5.4.1: RS256 among others
        raise TokenError("the algorithm is not one that the client's policy permits")
    await check_signature(provider, client, token)


async def _check_claims(provider: Provider, client: Client, token: UnprovenToken) -> None:
    claims = token.claims
    if claims.get("iss") != client.client_id:
        raise TokenError("iss is not the client")
    if not is_for_us(provider, client, claims.get("aud"), typ=token.typ):
        raise TokenError("aud is not the issuer identifier")
    times = check_times(claims, now=provider.now(), longest=client.assertion.longest_life)
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not token_id:
        raise TokenError("jti is missing")  # OpenID Connect Core §9
    # Once for this client: another's choice of names must not be able to spend it. Only what is otherwise right is
    # remembered, so nobody else can either (CVE-2020-5300, CVE-2020-15222).
    used, ttl = digest(f"{client.client_id}\n{token_id}"), times.expires_at - provider.now()
    if not await provider.stores.first_use.first_use(USED, used, ttl=ttl, usable_since=times.usable_since):
        raise TokenError("jti was used before")


class Usable(NamedTuple):
    """From when to when something signed is good, by the clocks that we accept (epoch seconds)."""

    usable_since: int
    expires_at: int


def check_times(claims: Claims, *, now: int, longest: int) -> Usable:
    """Check `exp`, `iat` and `nbf` (RFC 7523 §3 (4) to (6)); return from when to when it is good."""
    expires_at = seconds_of(claims, "exp")
    if expires_at is None:
        raise TokenError("exp is missing")
    if now >= expires_at:
        raise TokenError("expired")
    issued_at, not_before = seconds_of(claims, "iat"), seconds_of(claims, "nbf")
    if (issued_at or 0) > now + _AHEAD or (not_before or 0) > now + _AHEAD:
        raise TokenError("not valid yet")
    if expires_at - (now if issued_at is None else issued_at) > longest:
        raise TokenError("it lives longer than the client's may")
    return Usable(expires_at - longest if issued_at is None else issued_at - _AHEAD, expires_at)
