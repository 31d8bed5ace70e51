"""The keys of a realm: one ES256 and one RS256 pair for tokens, and symmetric keys that never leave the provider.

They are made at the realm's first start, sealed into the store, and loaded once: a key *object* signs in microseconds,
loading an RSA key with its primality check takes as long as a hundred signatures.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from idp.crypto.base64url import base64url
from idp.model.client import SigningAlgorithm
from idp.model.struct import Frozen
from idp.ports import Clock, KeptSecrets, RandomBytes, Sealer

_SIGNING = "signing-keys"
_SYMMETRIC = "symmetric-keys"
_ALGORITHMS: tuple[SigningAlgorithm, ...] = ("ES256", "RS256")
_COORDINATE = 32  # bytes of a P-256 number
_SYMMETRIC_SIZE = 32  # bytes
_ECDSA = ec.ECDSA(hashes.SHA256())
_PKCS1 = padding.PKCS1v15()
_SHA256 = hashes.SHA256()

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class _KeptKey(Frozen, frozen=True, kw_only=True):
    algorithm: SigningAlgorithm
    pkcs8: bytes
    created_at: int


class SigningKey:
    """A key pair with the one algorithm it is used with; `kid` is its RFC 7638 thumbprint."""

    __slots__ = ("_private", "_public", "algorithm", "created_at", "jwk", "kid")

    def __init__(self, algorithm: SigningAlgorithm, private: PrivateKey, *, created_at: int) -> None:
        members = _public_members(private)
        self.algorithm: SigningAlgorithm = algorithm
        self.kid = _thumbprint(members)
        self.created_at = created_at
        self.jwk = {**members, "kid": self.kid, "use": "sig", "alg": algorithm}
        self._private = private
        self._public = private.public_key()

    def sign(self, message: bytes) -> bytes:
        """Return the JWS signature: r ‖ s for ES256 (RFC 7518 §3.4), PKCS #1 v1.5 for RS256."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(message, _PKCS1, _SHA256)
        r, s = decode_dss_signature(self._private.sign(message, _ECDSA))
        return r.to_bytes(_COORDINATE) + s.to_bytes(_COORDINATE)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature is this key's."""
        try:
            if isinstance(self._public, rsa.RSAPublicKey):
                self._public.verify(signature, message, _PKCS1, _SHA256)
                return True
            if len(signature) != 2 * _COORDINATE:
                return False
            r, s = int.from_bytes(signature[:_COORDINATE]), int.from_bytes(signature[_COORDINATE:])
            self._public.verify(encode_dss_signature(r, s), message, _ECDSA)
        except InvalidSignature:
            return False
        return True


class SymmetricKey:
    """An HS256 key of our own for tokens that only we read back. It is in no published key set."""

    __slots__ = ("_secret", "kid")

    algorithm = "HS256"

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _SYMMETRIC_SIZE:  # RFC 7518 §3.2; an empty key verified anything in CVE-2026-49852
            raise ValueError("An HS256 key has at least 32 bytes.")
        self._secret = secret
        # Of a label and the key, so that the id says nothing about other uses of the same bytes.
        self.kid = base64url(hashlib.sha256(b"hyrja kid" + secret).digest()[:12])

    def sign(self, message: bytes) -> bytes:
        """Return the HMAC."""
        return hmac.digest(self._secret, message, "sha256")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the HMAC is right, in constant time."""
        return hmac.compare_digest(signature, self.sign(message))


class SigningKeys:
    """The keys of one realm at work."""

    __slots__ = ("_by_kid", "_current", "_jwks", "code_key", "refresh_key", "refresh_signer")

    def __init__(self, keys: Iterable[SigningKey], *, refresh_key: bytes, code_key: bytes) -> None:
        oldest_first = sorted(keys, key=lambda key: (key.created_at, key.kid))
        self._by_kid = {key.kid: key for key in oldest_first}
        self._current = {key.algorithm: key for key in oldest_first}  # the newest of each algorithm signs
        self._jwks = msgspec.json.encode({"keys": [key.jwk for key in reversed(oldest_first)]})
        self.refresh_key = refresh_key
        self.code_key = code_key
        self.refresh_signer = SymmetricKey(refresh_key)

    def jwks(self) -> bytes:
        """Return the published key set (RFC 7517 §5), already encoded."""
        return self._jwks

    def signer(self, algorithm: SigningAlgorithm) -> SigningKey:
        """Return the key that signs with an algorithm now."""
        return self._current[algorithm]

    def public(self, kid: str) -> SigningKey | None:
        """Find a published key; refresh and code keys are never found here."""
        return self._by_kid.get(kid)

    def refresh(self, kid: str) -> SymmetricKey | None:
        """Find the key of refresh tokens."""
        return self.refresh_signer if kid == self.refresh_signer.kid else None


async def open_signing_keys(
    secrets: KeptSecrets, sealer: Sealer, *, realm: str, clock: Clock, random: RandomBytes
) -> SigningKeys:
    """Load a realm's keys, making those it does not have yet.

    Raises `ValueError` if a kept key does not open: serving on with new keys would silently end every session.
    """
    keys = [await _signing_key(secrets, sealer, algorithm, realm=realm, clock=clock) for algorithm in _ALGORITHMS]
    return SigningKeys(
        [key for several in keys for key in several],
        refresh_key=await _symmetric_key(secrets, sealer, "refresh", realm=realm, random=random),
        code_key=await _symmetric_key(secrets, sealer, "code", realm=realm, random=random),
    )


async def _signing_key(
    secrets: KeptSecrets, sealer: Sealer, algorithm: SigningAlgorithm, *, realm: str, clock: Clock
) -> list[SigningKey]:
    kept = await _kept_signing_keys(secrets, sealer, algorithm, realm=realm)
    if kept:
        return kept
    key = await _generated(algorithm)
    document = msgspec.msgpack.encode(_KeptKey(algorithm=algorithm, pkcs8=_pkcs8(key), created_at=int(clock())))
    secret_id = f"{algorithm}-1"
    sealed = sealer.seal(document, purpose=_purpose(realm, _SIGNING, secret_id))
    # Another node may be first; its key counts then, and ours is forgotten before it signed anything.
    await secrets.keep(_SIGNING, secret_id, sealed)
    return await _kept_signing_keys(secrets, sealer, algorithm, realm=realm)


async def _kept_signing_keys(
    secrets: KeptSecrets, sealer: Sealer, algorithm: SigningAlgorithm, *, realm: str
) -> list[SigningKey]:
    sealed = await secrets.all(_SIGNING)
    documents = [
        msgspec.msgpack.decode(sealer.unseal(value, purpose=_purpose(realm, _SIGNING, secret_id)), type=_KeptKey)
        for secret_id, value in sealed.items()
        if secret_id.startswith(f"{algorithm}-")
    ]
    return [SigningKey(kept.algorithm, _loaded(kept.pkcs8), created_at=kept.created_at) for kept in documents]


async def _symmetric_key(secrets: KeptSecrets, sealer: Sealer, use: str, *, realm: str, random: RandomBytes) -> bytes:
    secret_id = f"{use}-1"
    purpose = _purpose(realm, _SYMMETRIC, secret_id)
    kept = (await secrets.all(_SYMMETRIC)).get(secret_id)
    if kept is None:
        await secrets.keep(_SYMMETRIC, secret_id, sealer.seal(random(_SYMMETRIC_SIZE), purpose=purpose))
        kept = (await secrets.all(_SYMMETRIC))[secret_id]
    return sealer.unseal(kept, purpose=purpose)


async def _generated(algorithm: SigningAlgorithm) -> PrivateKey:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return await asyncio.to_thread(rsa.generate_private_key, public_exponent=65537, key_size=2048)


def _purpose(realm: str, kind: str, secret_id: str) -> str:
    return f"realm/{realm}/{kind}/{secret_id}"


def _pkcs8(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _loaded(pkcs8: bytes) -> PrivateKey:
    # Our own key from a sealed (authenticated) value: checking its primes again would cost 40 ms.
    key = serialization.load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("A kept signing key is of an unknown kind.")  # noqa: TRY004 - a damaged value, not a wrong call
    return key


def _public_members(private: PrivateKey) -> dict[str, str]:
    """Return the required members of the public JWK, and nothing private (RFC 7517 §4, RFC 7518 §6)."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    point = private.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url(point.x.to_bytes(_COORDINATE)),
        "y": base64url(point.y.to_bytes(_COORDINATE)),
    }


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


def _thumbprint(members: dict[str, str]) -> str:
    """RFC 7638 §3: the required members, sorted, without white space."""
    return base64url(hashlib.sha256(msgspec.json.encode(dict(sorted(members.items())))).digest())
