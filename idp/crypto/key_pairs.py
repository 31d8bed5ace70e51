"""One algorithm, one kind of key pair: how it is made, kept, loaded, published, and how it signs and verifies."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import assert_never

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from idp.crypto.base64url import base64url
from idp.model.client import SigningAlgorithm
from idp.model.policies.keys import EncryptionFamily

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]

_RSA_BITS = 2048
_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()
_PSS = padding.PSS(padding.MGF1(_SHA256), salt_length=_SHA256.digest_size)  # RFC 7518 §3.5: as long as the digest
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ECDH-ES": "secp256r1"}
_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_HASHES = {"ES384": hashlib.sha384, "EdDSA": hashlib.sha512}


async def generated(algorithm: SigningAlgorithm | EncryptionFamily) -> PrivateKey:
    """Make a key pair; RSA's primes are looked for off the event loop."""
    match algorithm:
        case "ES256" | "ECDH-ES":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "RS256" | "PS256" | "RSA-OAEP":
            return await asyncio.to_thread(rsa.generate_private_key, public_exponent=65537, key_size=_RSA_BITS)
        case _:
            assert_never(algorithm)


def pkcs8(key: PrivateKey) -> bytes:
    """Return a key as it is kept (sealed, by whoever keeps it)."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def loaded(document: bytes) -> PrivateKey:
    """Load a key of our own; raises `ValueError`."""
    # From a sealed (authenticated) value: checking its primes again would cost 40 ms.
    key = serialization.load_der_private_key(document, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("A kept signing key is of an unknown kind.")  # noqa: TRY004 - a damaged value, not a wrong call
    return key


def check_kind(algorithm: SigningAlgorithm | EncryptionFamily, key: PrivateKey) -> None:
    """Raise `ValueError` if the algorithm is not one of this kind of key (RFC 8725 §3.1)."""
    match key:
        case rsa.RSAPrivateKey():
            fits = algorithm in {"RS256", "PS256", "RSA-OAEP"}
        case ed25519.Ed25519PrivateKey():
            fits = algorithm == "EdDSA"
        case _:
            fits = _CURVES.get(algorithm) == key.curve.name
    if not fits:
        raise ValueError(f"{algorithm} is not an algorithm of this kind of key.")


def signing(algorithm: SigningAlgorithm, key: PrivateKey) -> Sign:
    """Return what makes JWS signatures (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1)."""
    if isinstance(key, rsa.RSAPrivateKey):
        scheme = _PSS if algorithm == "PS256" else _PKCS1
        return lambda message: key.sign(message, scheme, _SHA256)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    ecdsa, size = _ecdsa(key)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ecdsa))
        return r.to_bytes(size) + s.to_bytes(size)

    return sign


def verifying(algorithm: SigningAlgorithm, private: PrivateKey) -> Verify:
    """Return what tells whether a signature is this key's; it never raises."""
    check = _check(algorithm, private)

    def verifies(signature: bytes, message: bytes) -> bool:
        try:
            check(signature, message)
        except InvalidSignature:
            return False
        return True

    return verifies


def _check(algorithm: SigningAlgorithm, private: PrivateKey) -> Callable[[bytes, bytes], None]:
    if isinstance(private, rsa.RSAPrivateKey):
        modulus, scheme = private.public_key(), _PSS if algorithm == "PS256" else _PKCS1
        return lambda signature, message: modulus.verify(signature, message, scheme, _SHA256)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.public_key().verify
    point, (ecdsa, size) = private.public_key(), _ecdsa(private)

    def check(signature: bytes, message: bytes) -> None:
        if len(signature) != 2 * size:  # RFC 7518 §3.4: exactly; one signature has one spelling
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        point.verify(encode_dss_signature(r, s), message, ecdsa)

    return check


def public_members(private: PrivateKey) -> dict[str, str]:
    """Return the required members of the public JWK, and nothing private (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2)."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(private.public_key().public_bytes_raw())}
    point, (_, size) = private.public_key().public_numbers(), _ecdsa(private)
    return {
        "kty": "EC",
        "crv": _NAMES[private.curve.name],
        "x": base64url(point.x.to_bytes(size)),
        "y": base64url(point.y.to_bytes(size)),
    }


def thumbprint(members: dict[str, str]) -> str:
    """RFC 7638 §3: the required members, sorted, without white space."""
    return base64url(hashlib.sha256(msgspec.json.encode(dict(sorted(members.items())))).digest())


def half_hash(value: str, *, algorithm: str) -> str:
    """Return the left half of a value's digest, by the hash of the ID token's own algorithm.

    OpenID Connect Core §3.1.3.6 (at_hash), §3.3.2.11 (c_hash). Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
    """
    digest = _HASHES.get(algorithm, hashlib.sha256)(value.encode()).digest()
    return base64url(digest[: len(digest) // 2])


def _ecdsa(key: ec.EllipticCurvePrivateKey) -> tuple[ec.ECDSA, int]:
    """Return the scheme of a curve, and how many bytes a number of it has."""
    wide = key.curve.name == "secp384r1"
    return ec.ECDSA(hashes.SHA384() if wide else _SHA256), 48 if wide else 32


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))
