"""The one strict door for tokens that we sign ourselves (RFC 7515, RFC 7519, RFC 8725).

Compact form only. The key is one of *ours*, found by `kid`, and the key alone says the algorithm; `typ` must be the one
that the caller names, so no kind of token passes for another; the header holds `alg`, `kid` and `typ` and nothing else.
Every Python JOSE library had verification holes in 2025-26 (bank.md §1 item 4); each of them has a test here by name.
"""

from __future__ import annotations

import json
import math
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn, Protocol

import msgspec

from idp.crypto.base64url import encoded_segment
from idp.model.struct import Frozen

LARGEST_TOKEN = 16 * 1024  # characters
_LARGEST_HEADER = 512  # characters of the encoded segment; ours have about 110
_SEGMENTS = 3
_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEADER_MEMBERS = {"alg", "kid", "typ"}

Claims = dict[str, Any]


class TokenError(Exception):
    """A token is not acceptable. The text is private detail for the log, never for the one who presented it."""


class Signer(Protocol):
    """A key of ours that can sign; `algorithm` and `kid` stand in the header of what it signs."""

    @property
    def kid(self) -> str:
        """The key's id."""

    @property
    def algorithm(self) -> str:
        """The only algorithm the key is ever used with."""

    def sign(self, message: bytes) -> bytes:
        """Return the JWS signature."""


class Verifier(Protocol):
    """The verifying half of a key of ours."""

    @property
    def algorithm(self) -> str:
        """The only algorithm the key is ever used with."""

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature is this key's; never raises."""


class _Header(Frozen, frozen=True, kw_only=True):
    alg: str
    kid: str
    typ: str


def mint(key: Signer, *, typ: str, claims: Mapping[str, object]) -> str:
    """Sign claims into a compact token of the given `typ`."""
    message = _header_segment(key.algorithm, key.kid, typ) + b"." + encoded_segment(msgspec.json.encode(claims))
    return (message + b"." + encoded_segment(key.sign(message))).decode()


def unsecured(claims: Mapping[str, object], *, typ: str) -> str:
    """Return claims with no signature at all (RFC 7519 §6). Nothing of ours ever accepts one."""
    header = msgspec.json.encode({"alg": "none", "typ": typ})
    return (encoded_segment(header) + b"." + encoded_segment(msgspec.json.encode(claims)) + b".").decode()


def verify(
    token: str,
    *,
    keys: Callable[[str], Verifier | None],
    typ: str | tuple[str, ...],
    issuer: str,
    now: int | None,
) -> Claims:
    """Return the claims of a token that is ours, of that `typ`, from that issuer and not expired at `now`.

    `keys` finds a key of our own set by its id. `now=None` accepts an expired token (an `id_token_hint`). Raises
    `TokenError` and nothing else, whatever the text is.
    """
    if len(token) > LARGEST_TOKEN or not token.isascii():
        raise TokenError("too long or not ASCII")
    segments = token.encode().split(b".")
    if len(segments) != _SEGMENTS:
        raise TokenError("not a token in compact form")
    header = _header(segments[0])
    _check_type(header.typ, (typ,) if isinstance(typ, str) else typ)
    _check_signature(segments, header, keys)
    claims = json_object(decoded_segment(segments[1]))
    _check_claims(claims, issuer=issuer, now=now)
    return claims


@lru_cache(maxsize=64)
def _header_segment(algorithm: str, kid: str, typ: str) -> bytes:
    return encoded_segment(msgspec.json.encode({"alg": algorithm, "kid": kid, "typ": typ}))


@lru_cache(maxsize=256)  # bounded, and each entry is small: whoever sends odd headers cannot fill the memory
def _header(segment: bytes) -> _Header:
    if len(segment) > _LARGEST_HEADER:
        raise TokenError("header too long")
    members = json_object(decoded_segment(segment))
    # An allow-list: `crit`, `b64`, `jwk`, `jku`, `x5u`, `x5c`, `enc`, `zip` all end here (CVE-2026-27962, -2025-59420).
    if members.keys() != _HEADER_MEMBERS or not all(isinstance(value, str) for value in members.values()):
        raise TokenError("header members other than alg, kid and typ")
    return _Header(**members)


def _check_type(found: str, accepted: tuple[str, ...]) -> None:
    """Compare media types without regard to case, with or without `application/` (RFC 7515 §4.1.9)."""
    short = found.lower().removeprefix("application/")
    if short not in {typ.lower() for typ in accepted}:
        raise TokenError(f"wrong typ, expected {' or '.join(accepted)}")


def _check_signature(segments: list[bytes], header: _Header, keys: Callable[[str], Verifier | None]) -> None:
    key = keys(header.kid)
    if key is None:
        raise TokenError("signed with no key of ours")
    # The key decides, the header may only agree: no `none`, no RS256-to-HS256 confusion (RFC 8725 §3.1).
    if header.alg != key.algorithm:
        raise TokenError("algorithm is not the key's")
    if not key.verifies(decoded_segment(segments[2]), segments[0] + b"." + segments[1]):
        raise TokenError("bad signature")


def _check_claims(claims: Claims, *, issuer: str, now: int | None) -> None:
    # A list that contains the issuer is not the issuer (CVE-2026-75509).
    if claims.get("iss") != issuer:
        raise TokenError("another issuer")
    expires_at = claims.get("exp")
    if type(expires_at) is not int:
        raise TokenError("exp is missing or not a number of seconds")
    if now is not None and now >= expires_at:
        raise TokenError("expired")
    if type(claims.get("iat")) is not int:
        raise TokenError("iat is missing or not a number of seconds")


def decoded_segment(segment: bytes) -> bytes:
    """Return the bytes of a segment in its only spelling; raises `TokenError`."""
    try:
        raw = a2b_base64(segment.translate(_STANDARD) + b"=" * (-len(segment) % 4))
    except ValueError:
        raise TokenError("not base64url") from None
    # One text for one value: padding, stray bits and ignored characters would let one token have many spellings,
    # and a list of revoked or used tokens would miss all but one (CVE-2026-62995).
    if encoded_segment(raw) != segment:
        raise TokenError("not canonical base64url")
    return raw


def json_object(raw: bytes) -> Claims:
    """Return the members of a JSON object, each of which stands there once; raises `TokenError`."""
    value = json_value(raw)
    if not isinstance(value, dict):
        raise TokenError("not a JSON object")
    return value


def json_value(raw: bytes) -> Any:
    """Return any JSON value in whose objects each member stands once, of whole characters; raises `TokenError`."""
    try:
        value = _strict_json.decode(raw.decode())
        if b"\\u" in raw:
            # Half of a surrogate pair, which only an escape can spell (RFC 8259 §8.2): whoever sent one as its `jti`
            # would make us stumble over it where it is digested or stored.
            json.dumps(value, ensure_ascii=False).encode()
    except TokenError:
        raise
    except (ValueError, RecursionError):
        raise TokenError("not JSON") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Claims:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two parsers may read a duplicate differently, and one of them decides what was signed (RFC 8725 §2.4).
        raise TokenError("duplicate JSON member")
    return members


def _no_constant(_: str) -> NoReturn:
    raise TokenError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise TokenError("a number is too large")  # it would be written again as null: not what was signed
    return number


_strict_json = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
