"""The keys of a realm that others encrypt to, at work (RFC 7517 §4.2, RFC 7518 §4)."""

from __future__ import annotations

from collections.abc import Iterable

from idp.crypto.key_management import DecryptingKey
from idp.crypto.key_pairs import PrivateKey, check_kind, public_members, thumbprint
from idp.model.clients.protection import KeyManagement
from idp.model.policies.keys import EncryptionFamily

_USES: dict[EncryptionFamily, tuple[KeyManagement, ...]] = {
    "RSA-OAEP": ("RSA-OAEP", "RSA-OAEP-256"),
    "ECDH-ES": ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"),
}


class DecryptionKey:
    """A key pair that others encrypt to; `kid` is its RFC 7638 thumbprint.

    Its kind says what it may be used with, so the published key names no `alg`: one key does for a family whose members
    cannot be played off against each other. One that is not `published` is the former key, which still decrypts.
    """

    __slots__ = ("algorithms", "family", "jwk", "kid", "private", "published")

    def __init__(self, family: EncryptionFamily, private: PrivateKey, *, published: bool) -> None:
        check_kind(family, private)
        members = public_members(private)
        assert isinstance(private, DecryptingKey), "check_kind let no other through"
        self.family: EncryptionFamily = family
        self.algorithms = _USES[family]
        self.private: DecryptingKey = private
        self.kid = thumbprint(members)
        self.published = published
        self.jwk = {**members, "kid": self.kid, "use": "enc"}


class DecryptionKeys:
    """The decryption keys of one realm, at one moment."""

    __slots__ = ("_by_kid", "_current", "algorithms", "jwks")

    def __init__(self, keys: Iterable[DecryptionKey]) -> None:
        kept = tuple(keys)
        self._by_kid = {key.kid: key for key in kept}
        self._current = {algorithm: key for key in kept if key.published for algorithm in key.algorithms}
        self.algorithms = tuple(self._current)
        self.jwks = [key.jwk for key in kept if key.published]

    def find(self, kid: str | None, algorithm: str) -> DecryptionKey | None:
        """Return the key that is meant and may be used so; without `kid`, the published one of the kind."""
        if kid is None:
            return next((key for name, key in self._current.items() if name == algorithm), None)
        key = self._by_kid.get(kid)
        return key if key is not None and algorithm in key.algorithms else None
