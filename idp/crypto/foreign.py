"""The strict door for tokens that others sign: client assertions, request objects (RFC 7515, RFC 7519, RFC 8725).

Compact form only; the header holds `alg`, `typ` and `kid` and nothing else, so `crit`, `b64`, `jwk`, `jku`, `x5u`,
`x5c`, `zip` and `enc` all end here; JSON without duplicate members; base64url in its one spelling. Reading says nothing
about truth: a token counts after `proves` only, with a key that the caller had registered before.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from idp.crypto.jose import Claims, TokenError, decoded_segment, json_object
from idp.crypto.public_keys import KeySet
from idp.model.clients.assertion import HMAC_SIZE, SecretAlgorithm
from idp.model.secret import Secret
from idp.model.struct import Frozen

LARGEST_FOREIGN_TOKEN = 8 * 1024  # characters
_SEGMENTS = 3
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_HASHES: Mapping[SecretAlgorithm, str] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class UnprovenToken(Frozen, frozen=True, kw_only=True):
    """A well-formed token of which nothing is known to be true yet."""

    algorithm: str
    kid: str | None
    typ: str | None
    """The media type in lower case, without `application/` (RFC 7515 §4.1.9)."""
    claims: Claims
    message: bytes
    signature: bytes


def read_foreign(
    token: str, *, largest: int = LARGEST_FOREIGN_TOKEN, ignored: frozenset[str] = frozenset()
) -> UnprovenToken:
    """Take a token apart; raises `TokenError` and nothing else, whatever the text is.

    `largest` is in characters. `ignored` are header members that may be there and mean nothing to us: the thumbprint of
    a key that is known already, never a key or a way to find one.
    """
    if len(token) > largest or not token.isascii():
        raise TokenError("too long or not ASCII")
    segments = token.encode().split(b".")
    if len(segments) != _SEGMENTS:
        raise TokenError("not a token in compact form")
    header = json_object(decoded_segment(segments[0]))
    if not header.keys() <= _HEADER_MEMBERS | ignored or not all(isinstance(value, str) for value in header.values()):
        raise TokenError("header members other than alg, kid and typ")
    if "alg" not in header:
        raise TokenError("no alg")
    return UnprovenToken(
        algorithm=header["alg"],
        kid=header.get("kid"),
        typ=header["typ"].lower().removeprefix("application/") if "typ" in header else None,
        claims=json_object(decoded_segment(segments[1])),
        message=segments[0] + b"." + segments[1],
        signature=decoded_segment(segments[2]),
    )


def proves_by_key(token: UnprovenToken, keys: KeySet) -> bool:
    """Tell whether the one key that is meant made the signature; raises `TokenError` if no one key is meant."""
    key = keys.find(token.kid, token.algorithm)
    if key is None:
        raise TokenError("no one key of the client fits kid and alg")
    return key.verifies(token.signature, token.message, algorithm=token.algorithm)


def proves_by_secret(token: UnprovenToken, secret: Secret) -> bool:
    """Tell whether the HMAC is right, in constant time; raises `TokenError` if the secret cannot carry it."""
    algorithm = next((name for name in _HASHES if name == token.algorithm), None)
    if algorithm is None:
        raise TokenError("not an HMAC")
    key = secret.reveal().encode()
    if len(key) < HMAC_SIZE[algorithm]:  # RFC 7518 §3.2; an empty key verified anything in CVE-2026-49852
        raise TokenError("the client's secret is too short for the algorithm")
    return hmac.compare_digest(hmac.digest(key, token.message, _HASHES[algorithm]), token.signature)


def seconds_of(claims: Claims, name: str) -> int | None:
    """Return a time (epoch seconds), None where it is left out; raises `TokenError` for anything but a whole number."""
    value = claims.get(name)
    if name in claims and type(value) is not int:
        raise TokenError(f"{name} is not a number of seconds")
    return value


def is_meant_for(claims: Claims, audience: str) -> bool:
    """Tell whether `aud` names an audience, alone or among others (RFC 7519 §4.1.3)."""
    named = claims.get("aud")
    return audience in (named if isinstance(named, list) else [named])
