"""The strict door for DPoP proofs (RFC 9449 §4.2): a JWT that brings its own key, and proves to hold it.

The only token whose header may say with which key to verify it: the key is not believed to be anybody's, it is what is
proven. So the key must be public, of a strong type, and fit the algorithm. Nothing else in the header means anything
here: what is not known is ignored (RFC 7515 §4), unless the sender insists on being understood (`crit`, §4.1.11).
"""

from __future__ import annotations

from typing import Any

from idp.crypto.jose import Claims, TokenError, decoded_segment, json_object
from idp.crypto.public_keys import ForeignKey, KeyRefusedError, read_public_key, thumbprint
from idp.model.struct import Frozen

# FAPI 2.0 Security Profile §5.4.1 leaves PS256, ES256 and EdDSA; ES384 is as strong. No RS256, and nothing symmetric.
PROOF_ALGORITHMS = ("ES256", "ES384", "PS256", "EdDSA")
LARGEST_PROOF = 8 * 1024  # characters
_TYPE = "dpop+jwt"
_SEGMENTS = 3


class DpopProof(Frozen, frozen=True, kw_only=True):
    """A proof whose signature is right; whether it was made for this request is still to be checked."""

    jkt: str
    """The RFC 7638 thumbprint of the key."""
    algorithm: str
    token_id: str
    method: str
    address: str
    issued_at: int
    not_before: int | None = None
    expires_at: int | None = None
    nonce: str | None = None
    access_hash: str | None = None
    """`ath`: the digest of the access token that it goes with."""


def read_proof(text: str) -> DpopProof:
    """Read a proof and verify its signature; raises `TokenError` and nothing else, whatever the text is."""
    if len(text) > LARGEST_PROOF or not text.isascii():
        raise TokenError("too long or not ASCII")
    segments = text.encode().split(b".")
    if len(segments) != _SEGMENTS:
        raise TokenError("not a token in compact form")  # two proofs in one request also end here: they are one list
    header = json_object(decoded_segment(segments[0]))
    key = _check_signature(header, segments)
    claims = json_object(decoded_segment(segments[1]))
    return DpopProof(
        jkt=thumbprint(key.public),
        algorithm=header["alg"],
        token_id=_text(claims, "jti"),
        method=_text(claims, "htm"),
        address=_text(claims, "htu"),
        issued_at=_seconds(claims, "iat"),
        not_before=_seconds(claims, "nbf") if "nbf" in claims else None,
        expires_at=_seconds(claims, "exp") if "exp" in claims else None,
        nonce=_text(claims, "nonce") if "nonce" in claims else None,
        access_hash=_text(claims, "ath") if "ath" in claims else None,
    )


def _check_signature(header: dict[str, Any], segments: list[bytes]) -> ForeignKey:
    if header.get("typ") != _TYPE:
        # Whatever else the key has signed is no proof of anything now (RFC 8725 §3.11).
        raise TokenError("wrong typ")
    if "crit" in header:
        raise TokenError("critical header members, of which none is known here")
    algorithm = header.get("alg")
    if algorithm not in PROOF_ALGORITHMS:
        raise TokenError("the algorithm is not one for proofs")
    try:
        key = read_public_key(header.get("jwk"))
    except KeyRefusedError as refused:
        raise TokenError(f"jwk: {refused}") from None
    message = segments[0] + b"." + segments[1]
    if not key.verifies(decoded_segment(segments[2]), message, algorithm=algorithm):
        raise TokenError("bad signature")
    return key


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenError(f"{name} is missing or not text")
    return value


def _seconds(claims: Claims, name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:
        raise TokenError(f"{name} is missing or not a number of seconds")
    return value
