"""How the key of an encrypted content travels: under RSA-OAEP, or agreed on by ECDH-ES (RFC 7518 §4)."""

from __future__ import annotations

import os
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from idp.crypto.base64url import base64url
from idp.crypto.jose import TokenError, decoded_segment
from idp.model.clients.protection import KeyManagement
from idp.model.struct import Frozen

EncryptingKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
DecryptingKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

OAEP = {
    "RSA-OAEP": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),  # noqa: S303 - §4.3; SHA-1 is safe here
    "RSA-OAEP-256": padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
}
_WRAPPING_KEY = {"ECDH-ES+A128KW": 16, "ECDH-ES+A256KW": 32}  # bytes
_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_EPHEMERAL_MEMBERS = {"kty", "crv", "x", "y"}


class CarriedKey(Frozen, frozen=True, kw_only=True):
    """The key of a content, and what tells it to whoever has the private key."""

    key: bytes
    encrypted: bytes
    parameters: dict[str, Any] = {}
    """More members of the header."""


def carried(algorithm: KeyManagement, public: EncryptingKey, *, encoding: str, size: int) -> CarriedKey:
    """Return a fresh content key of `size` bytes for the content encryption `encoding`, made known to the holder."""
    if isinstance(public, rsa.RSAPublicKey):
        key = os.urandom(size)
        return CarriedKey(key=key, encrypted=public.encrypt(key, OAEP[algorithm]))
    ephemeral = ec.generate_private_key(public.curve)
    shared, parameters = ephemeral.exchange(ec.ECDH(), public), {"epk": _point(ephemeral.public_key())}
    wrapping = _WRAPPING_KEY.get(algorithm)
    if wrapping is None:
        return CarriedKey(key=_derived(shared, encoding, size), encrypted=b"", parameters=parameters)
    key = os.urandom(size)
    encrypted = aes_key_wrap(_derived(shared, algorithm, wrapping), key)
    return CarriedKey(key=key, encrypted=encrypted, parameters=parameters)


def recovered(
    algorithm: KeyManagement,
    private: DecryptingKey,
    encrypted: bytes,
    parameters: dict[str, Any],
    *,
    encoding: str,
    size: int,
) -> bytes:
    """Return the content's key; raises `TokenError`.

    A key that was not encrypted to us is replaced by a random one, so that it fails where a forged content fails, and
    nobody learns which of the two it was (RFC 7516 §11.5).
    """
    if isinstance(private, rsa.RSAPrivateKey):
        try:
            found = private.decrypt(encrypted, OAEP[algorithm])
        except ValueError:
            found = b""
        return found if len(found) == size else os.urandom(size)
    shared = private.exchange(ec.ECDH(), _ephemeral(parameters.get("epk"), private.curve))
    parties = _bytes(parameters, "apu"), _bytes(parameters, "apv")
    wrapping = _WRAPPING_KEY.get(algorithm)
    if wrapping is None:
        if encrypted:  # §4.6: the segment is empty, or two texts would be one token
            raise TokenError("an agreed key is not sent")
        return _derived(shared, encoding, size, *parties)
    try:
        found = aes_key_unwrap(_derived(shared, algorithm, wrapping, *parties), encrypted)
    except (InvalidUnwrap, ValueError):
        found = b""
    return found if len(found) == size else os.urandom(size)


def _derived(shared: bytes, algorithm: str, size: int, party_u: bytes = b"", party_v: bytes = b"") -> bytes:
    """§4.6.2: Concat KDF with SHA-256; what the key is for goes into it, so it is good for nothing else."""
    public = (size * 8).to_bytes(4)
    other = b"".join(len(part).to_bytes(4) + part for part in (algorithm.encode(), party_u, party_v)) + public
    return ConcatKDFHash(hashes.SHA256(), size, other).derive(shared)


def _point(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers, size = public.public_numbers(), (public.curve.key_size + 7) // 8
    return {
        "kty": "EC",
        "crv": _NAMES[public.curve.name],
        "x": base64url(numbers.x.to_bytes(size)),
        "y": base64url(numbers.y.to_bytes(size)),
    }


def _ephemeral(member: object, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    """Return the sender's point, which must be one of our key's own curve.

    A point of another curve would betray our private key piece by piece (invalid curve attack, RFC 7516 §11, RFC 8725
    §3.4); `cryptography` refuses every point that is not on the curve we name.
    """
    if not isinstance(member, dict) or member.keys() != _EPHEMERAL_MEMBERS:
        raise TokenError("epk is no public point")
    if member["kty"] != "EC" or member["crv"] != _NAMES[curve.name]:
        raise TokenError("epk is of another curve than our key")
    size = (curve.key_size + 7) // 8
    x, y = _bytes(member, "x"), _bytes(member, "y")
    if len(x) != size or len(y) != size:  # RFC 7518 §6.2.1.2: the full size; one point has one spelling
        raise TokenError("a coordinate of epk has a wrong length")
    try:
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise TokenError("epk is not a point of its curve") from None


def _bytes(members: dict[str, Any], name: str) -> bytes:
    text = members.get(name, "")
    if not isinstance(text, str) or not text.isascii():
        raise TokenError(f"{name} is not base64url")
    return decoded_segment(text.encode())
