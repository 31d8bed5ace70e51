"""Request objects: a client's authorization request as a JWT of its own (RFC 9101, OpenID Connect Core §6).

A request object is signed with the same key as the client's assertions. So neither may pass for the other (RFC 9101
§10.8): an object has no `sub` of the client and the type of an object, if any; an assertion has no `client_id`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from idp.crypto.encryption import decrypted, looks_encrypted
from idp.crypto.foreign import UnprovenToken, is_meant_for, read_foreign, seconds_of
from idp.crypto.jose import Claims, TokenError
from idp.crypto.public_keys import KeyRefusedError
from idp.model.client import Client
from idp.oidc.clients.keys import check_signature
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import REPEATABLE, Asked

LARGEST_OBJECT = 48 * 1024  # characters; it comes in a form or a URL, which are bounded as well
_TYPES = frozenset({"oauth-authz-req+jwt", "jwt", None})  # RFC 9101 §4; libraries older than it write `JWT`, or nothing
_ABOUT_THE_TOKEN = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_AS_JSON = frozenset({"claims", "authorization_details"})  # Core §5.5, RFC 9396 §3: JSON by themselves
_AHEAD = 30  # seconds that a client's clock may be ahead: FAPI 2.0 accepts 10 and refuses more than 60
_HOUR = 3600  # seconds: FAPI 1.0 Advanced §5.2.2 (13), (17); FAPI 2.0 Message Signing §5.3.1


async def read_request_object(provider: Provider, client: Client, text: str) -> Asked:
    """Return the parameters of an object that is proven to be the client's.

    Raises:
        OAuthError: `invalid_request_object`.

    """
    try:
        token = _read(_signed(provider, client, text) if looks_encrypted(text) else _plain(client, text))
        await _check_proof(provider, client, token)
        _check_claims(provider, client, token.claims)
        return parameters_of(token.claims)
    except (TokenError, KeyRefusedError) as error:
        raise OAuthError(
            ErrorCode.INVALID_REQUEST_OBJECT, "The request object is not valid.", detail=f"request object: {error}"
        ) from None


def _plain(client: Client, text: str) -> str:
    if client.request_objects.encrypted:
        raise TokenError("not encrypted")
    return text


def _signed(provider: Provider, client: Client, text: str) -> str:
    """Return the object inside an encrypted one: signed first, then encrypted (RFC 9101 §6.1, Core §6.1)."""
    rules = client.request_objects
    header, content = decrypted(text, provider.keys.decryptor)
    if rules.encryption not in {"", header.alg} or rules.content_encryption not in {"", header.enc}:
        raise TokenError("encrypted by another algorithm than the client's")
    if header.cty not in {"jwt", None} or not content.isascii():
        raise TokenError("no token is inside")
    return content.decode()


def _read(text: str) -> UnprovenToken:
    token = read_foreign(text, largest=LARGEST_OBJECT)
    if token.typ not in _TYPES:
        raise TokenError("wrong typ")
    return token


def parameters_of(claims: Claims) -> Asked:
    """Return claims as the parameters they stand for (RFC 9101 §4); raises `TokenError`."""
    if "request" in claims or "request_uri" in claims:
        raise TokenError("an object inside the object")
    resources: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    for name, value in claims.items():
        if name in _ABOUT_THE_TOKEN:
            continue
        if name in REPEATABLE:
            resources = tuple(_text(name, one) for one in (value if isinstance(value, list) else [value]))
        elif found := _json(name, value) if name in _AS_JSON else _text(name, value):
            parameters[name] = found  # one without a value counts as omitted (RFC 6749 §3.1)
    return Asked(parameters=parameters, resources=resources)


async def _check_proof(provider: Provider, client: Client, token: UnprovenToken) -> None:
    # The registration says which algorithms there are (RFC 8725 §3.1), and whether `none` is one.
    if token.algorithm not in client.request_objects.algorithms:
        raise TokenError("the algorithm is not the client's")
    if token.algorithm != "none":
        await check_signature(provider, client, token)
    elif token.signature:
        raise TokenError("bad signature")


def _check_claims(provider: Provider, client: Client, claims: Claims) -> None:
    if claims.get("iss", client.client_id) != client.client_id:
        raise TokenError("iss is not the client")
    # RFC 9101 §10.8: with this `sub` it could be used as a client assertion, wherever it leaks.
    if claims.get("sub") == client.client_id:
        raise TokenError("sub is the client")
    dated = client.request_objects.dated
    # RFC 9101 §4: the issuer, alone or among others. A request is no credential, so a list does no harm here.
    if (dated or "aud" in claims) and not is_meant_for(claims, provider.issuer):
        raise TokenError("aud is not the issuer")
    longest = client.rules.longest_request or _HOUR
    _check_times(claims, now=provider.now(), dated=dated, longest=longest)


def _check_times(claims: Claims, *, now: int, dated: bool, longest: int) -> None:
    expires_at, not_before, issued_at = (seconds_of(claims, name) for name in ("exp", "nbf", "iat"))
    if expires_at is not None and now >= expires_at:
        raise TokenError("expired")
    if max(not_before or 0, issued_at or 0) > now + _AHEAD:
        raise TokenError("not valid yet")
    if not dated:
        return
    if expires_at is None or not_before is None:
        raise TokenError("exp or nbf is missing")
    if expires_at - not_before > longest or now - not_before > longest:
        raise TokenError("it is good for too long, or too old")


def _text(name: str, value: Any) -> str:
    """Return a parameter's text. Numbers are numbers in JSON (RFC 9101 §4): `max_age`."""
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise TokenError(f"{name} is neither text nor a number")
    return value


def _json(name: str, value: Any) -> str:
    if isinstance(value, str):
        return _text(name, value)
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, OverflowError, RecursionError):
        raise TokenError(f"{name} is not JSON that could be written again") from None
