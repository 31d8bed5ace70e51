"""The keys of a realm at work: key pairs for tokens, and symmetric keys that never leave the provider.

A key *object* signs in microseconds, loading an RSA key with its primality check takes as long as a hundred signatures:
so they are loaded once, and a set of them is replaced as a whole (`idp.crypto.kept_keys`), never changed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import get_args

import msgspec

from idp.crypto.base64url import base64url
from idp.crypto.decryption_keys import DecryptionKey, DecryptionKeys
from idp.crypto.key_pairs import PrivateKey, check_kind, public_members, signing, thumbprint, verifying
from idp.model.client import SigningAlgorithm

SYMMETRIC_SIZE = 32  # bytes


class SigningKey:
    """A key pair with the one algorithm it is used with; `kid` is its RFC 7638 thumbprint.

    One that does not sign (any more, or yet) is published all the same, and verifies.
    """

    __slots__ = ("_private", "_sign", "_verifies", "algorithm", "created_at", "jwk", "kid", "signs")

    def __init__(
        self, algorithm: SigningAlgorithm, private: PrivateKey, *, created_at: int, signs: bool = True
    ) -> None:
        check_kind(algorithm, private)
        members = public_members(private)
        self.algorithm: SigningAlgorithm = algorithm
        self.kid = thumbprint(members)
        self.created_at = created_at
        self.signs = signs
        self.jwk = {**members, "kid": self.kid, "use": "sig", "alg": algorithm}
        self._private = private
        self._sign = signing(algorithm, private)
        self._verifies = verifying(algorithm, private)

    def sign(self, message: bytes) -> bytes:
        """Return the JWS signature."""
        return self._sign(message)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature is this key's."""
        return self._verifies(signature, message)


class SymmetricKey:
    """An HS256 key of our own for tokens that only we read back. It is in no published key set."""

    __slots__ = ("_secret", "kid")

    algorithm = "HS256"

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SYMMETRIC_SIZE:  # RFC 7518 §3.2; an empty key verified anything in CVE-2026-49852
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
    """The keys of one realm at work, at one moment. `code_key` is the realm's for as long as it lives."""

    __slots__ = (
        "_by_kid",
        "_current",
        "_decryption",
        "_jwks",
        "_refresh",
        "algorithms",
        "code_key",
        "decrypts",
        "refresh_key",
        "refresh_signer",
    )

    def __init__(
        self,
        keys: Iterable[SigningKey],
        *,
        refresh_key: bytes,
        code_key: bytes,
        other_refresh_keys: Iterable[bytes] = (),
        decryption: Iterable[DecryptionKey] = (),
    ) -> None:
        oldest_first = sorted(keys, key=lambda key: (key.created_at, key.kid))
        self._by_kid = {key.kid: key for key in oldest_first}
        # The newest of each algorithm signs.
        self._current = {key.algorithm: key for key in oldest_first if key.signs}
        self._decryption = DecryptionKeys(decryption)
        self.decrypts = self._decryption.algorithms
        self._jwks = msgspec.json.encode({"keys": [key.jwk for key in reversed(oldest_first)] + self._decryption.jwks})
        known: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
        self.algorithms = tuple(algorithm for algorithm in known if algorithm in self._current)
        self.refresh_key = refresh_key
        self.code_key = code_key
        self.refresh_signer = SymmetricKey(refresh_key)
        others = (SymmetricKey(secret) for secret in other_refresh_keys)
        self._refresh = {key.kid: key for key in (*others, self.refresh_signer)}

    def jwks(self) -> bytes:
        """Return the published key set (RFC 7517 §5), already encoded."""
        return self._jwks

    def signer(self, algorithm: SigningAlgorithm) -> SigningKey:
        """Return the key that signs with an algorithm now; `algorithms` are those that there is one of."""
        return self._current[algorithm]

    def public(self, kid: str) -> SigningKey | None:
        """Find a published key; refresh and code keys are never found here."""
        return self._by_kid.get(kid)

    def decryptor(self, kid: str | None, algorithm: str) -> DecryptionKey | None:
        """Find the key that something is encrypted to; `decrypts` are the algorithms that there is one of."""
        return self._decryption.find(kid, algorithm)

    def refresh(self, kid: str) -> SymmetricKey | None:
        """Find a key of refresh tokens."""
        return self._refresh.get(kid)
