"""Public keys of others: a client's JWK set or certificate, read strictly (RFC 7517, RFC 7518 §6, RFC 8037).

A key is only what it can do: verify signatures, or have something encrypted to it, with the algorithms of its type, and
both only where its owner has named no use. What we do not accept (symmetric, private, weak or unknown keys) is left out
of the set, with the reason. Everything is done by `cryptography` itself: every Python JOSE library had verification
holes in 2025-26 (bank.md §1 item 4).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, assert_never

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from idp.crypto.base64url import base64url
from idp.crypto.jose import TokenError, decoded_segment, json_object
from idp.crypto.key_management import EncryptingKey
from idp.model.clients.protection import KeyManagement
from idp.model.struct import Frozen

LARGEST_SET = 64 * 1024  # bytes
MOST_KEYS = 32
_SHORTEST_MODULUS = 2048  # bits, RFC 7518 §3.3
_LONGEST_MODULUS = 8192  # bits: a larger one makes each verification a way to keep us busy
_LARGEST_EXPONENT = 2**32 - 1  # as above
_ENCRYPTING = ("encrypt", "wrapKey", "deriveKey", "deriveBits")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class KeyRefusedError(Exception):
    """A key, or a whole set, that is not accepted; the text says why, for an administrator."""


class ForeignKey(Frozen, frozen=True, kw_only=True):
    """One public key that verifies signatures; `kid` is its owner's name for it."""

    public: PublicKey
    algorithms: tuple[str, ...]
    kid: str | None = None

    def verifies(self, signature: bytes, message: bytes, *, algorithm: str) -> bool:
        """Tell whether the signature is this key's under that algorithm; false for one that is not the key's."""
        if algorithm not in self.algorithms:
            return False
        try:
            match self.public:
                case rsa.RSAPublicKey():
                    self._verify_rsa(self.public, signature, message, algorithm)
                case ec.EllipticCurvePublicKey():
                    self._verify_ec(self.public, signature, message)
                case ed25519.Ed25519PublicKey():
                    self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def _verify_rsa(public: rsa.RSAPublicKey, signature: bytes, message: bytes, algorithm: str) -> None:
        if algorithm == "PS256":  # RFC 7518 §3.5: the salt is as long as the hash
            public.verify(signature, message, padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
        else:
            public.verify(signature, message, padding.PKCS1v15(), SHA256())

    @staticmethod
    def _verify_ec(public: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
        size = (public.curve.key_size + 7) // 8
        if len(signature) != 2 * size:  # r ‖ s, RFC 7518 §3.4; anything else is not ours to guess at
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256() if size == _P256_SIZE else SHA384()))


_P256_SIZE = 32  # bytes of a coordinate


class EncryptionKey(Frozen, frozen=True, kw_only=True):
    """One public key that something is encrypted to; it verifies nothing."""

    public: EncryptingKey
    algorithms: tuple[KeyManagement, ...]
    kid: str | None = None
    named: bool = False
    """Its owner says that it is for this (`use`), and not only nothing that forbids it."""


class KeySet(Frozen, frozen=True, kw_only=True):
    """The usable keys of one client, for signatures and for encryption, and why others were left out."""

    keys: tuple[ForeignKey, ...] = ()
    encryption: tuple[EncryptionKey, ...] = ()
    refused: tuple[str, ...] = ()

    def find(self, kid: str | None, algorithm: str) -> ForeignKey | None:
        """Return the one key that is meant; None if there is none, or more than one could be.

        A key is never searched by trying: with a `kid`, the key of that name (or the one nameless key: a certificate
        has no name); without, the only key that the algorithm fits. Two keys of one name may differ in algorithm only
        (FAPI 2.0 Security Profile §5.4).
        """
        fitting = [key for key in self.keys if algorithm in key.algorithms]
        named = [key for key in fitting if key.kid == kid] if kid is not None else fitting
        candidates = named or [key for key in fitting if key.kid is None]
        return candidates[0] if len(candidates) == 1 else None

    def recipient(self, algorithm: str) -> EncryptionKey | None:
        """Return the first key that something may be encrypted to, of those that are said to be for it if any are.

        Its owner has them all (RFC 7517 §5), but may well sign with one of which it has not said what it is for.
        """
        fitting = [key for key in self.encryption if algorithm in key.algorithms]
        return next((key for key in fitting if key.named), fitting[0] if fitting else None)

    def has(self, kid: str | None, algorithm: str) -> bool:
        """Tell whether a key of the algorithm is known, for either use."""
        return self.find(kid, algorithm) is not None or self.recipient(algorithm) is not None


@lru_cache(maxsize=256)
def read_key_set(document: bytes) -> KeySet:
    """Read a JWK set; raises `KeyRefusedError` if it is none, or has no usable key."""
    if len(document) > LARGEST_SET:
        raise KeyRefusedError("the set is larger than 64 KiB")
    try:
        members = json_object(document).get("keys")
    except TokenError as error:
        raise KeyRefusedError(f"the set is unreadable: {error}") from None
    if not isinstance(members, list) or len(members) > MOST_KEYS:
        raise KeyRefusedError(f"“keys” must be a list of at most {MOST_KEYS} keys")
    usable: list[KeySet] = []
    refused: list[str] = []
    for position, jwk in enumerate(members):
        try:
            usable.append(_key(jwk))
        except KeyRefusedError as error:
            refused.append(f"key {position}: {error}")
    if not usable:
        raise KeyRefusedError("; ".join(["no key of the set can be used", *refused]))
    return KeySet(
        keys=tuple(key for one in usable for key in one.keys),
        encryption=tuple(key for one in usable for key in one.encryption),
        refused=tuple(refused),
    )


@lru_cache(maxsize=256)
def read_certificate(text: str) -> KeySet:
    """Read the public key of a certificate (base64 of DER, or PEM); raises `KeyRefusedError`.

    Its dates and issuer are not looked at: it is only the wrapping in which Keycloak keeps a registered key.
    """
    lines = [line.strip() for line in text.strip().splitlines() if not line.startswith("-----")]
    try:
        public = x509.load_der_x509_certificate(base64.b64decode("".join(lines), validate=True)).public_key()
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise KeyRefusedError("it is not an X.509 certificate") from None
    match public:
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | ed25519.Ed25519PublicKey():
            return _usable(public, _algorithms(public), _key_management(public))
        case _:
            raise KeyRefusedError("it has a key of a type that is not supported")


def read_public_key(jwk: Any) -> ForeignKey:
    """Read one JWK that verifies signatures; raises `KeyRefusedError`."""
    keys = _key(jwk).keys
    if not keys:
        raise KeyRefusedError("it is not for signatures")
    return keys[0]


def _key(jwk: Any) -> KeySet:
    """Return the set that one key makes: empty on neither side, or it is refused."""
    if not isinstance(jwk, dict):
        raise KeyRefusedError("it is not an object")
    if _PRIVATE_MEMBERS & jwk.keys():
        # Whoever published it has lost it. And no `oct` key: what is public can be no secret (CVE-2026-114615).
        raise KeyRefusedError("it has private members")
    read = _READERS.get(str(jwk.get("kty")))
    if read is None:
        raise KeyRefusedError("its type is not supported")
    public = read(jwk)
    verifying, encrypting, named = _algorithms(public), _key_management(public), jwk.get("alg")
    if named is not None and named not in (*verifying, *encrypting):
        raise KeyRefusedError(f"its algorithm is not one of {', '.join((*verifying, *encrypting))}")
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise KeyRefusedError("its kid is not text")
    verifies, encrypts = _uses(jwk)
    usable = _usable(
        public,
        tuple(one for one in verifying if verifies and named in (None, one)),
        tuple(one for one in encrypting if encrypts and named in (None, one)),
        kid=kid,
        named=jwk.get("use") == "enc",
    )
    if not usable.keys and not usable.encryption:
        raise KeyRefusedError("it is for neither signatures nor encryption")
    return usable


def _uses(jwk: Mapping[str, Any]) -> tuple[bool, bool]:
    """Tell whether the owner lets a key verify, and whether something may be encrypted to it (RFC 7517 §4.2, §4.3)."""
    use, operations = jwk.get("use"), jwk.get("key_ops")
    if operations is not None and not isinstance(operations, list):
        raise KeyRefusedError("its operations are not a list")
    # A public key for ECDH has no operation of its own: browsers write an empty list.
    encrypts = not operations or any(operation in _ENCRYPTING for operation in operations)
    return use in (None, "sig") and (operations is None or "verify" in operations), use in (None, "enc") and encrypts


def _usable(
    public: PublicKey,
    verifying: tuple[str, ...],
    encrypting: tuple[KeyManagement, ...],
    *,
    kid: str | None = None,
    named: bool = False,
) -> KeySet:
    keys = (ForeignKey(public=public, algorithms=verifying, kid=kid),) if verifying else ()
    if isinstance(public, ed25519.Ed25519PublicKey) or not encrypting:
        return KeySet(keys=keys)
    return KeySet(keys=keys, encryption=(EncryptionKey(public=public, algorithms=encrypting, kid=kid, named=named),))


def algorithms_of(public: object) -> tuple[str, ...]:
    """Return what a public key of whatever type can verify; raises `KeyRefusedError` if that is nothing here."""
    match public:
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | ed25519.Ed25519PublicKey():
            return _algorithms(public)
        case _:
            raise KeyRefusedError("it has a key of a type that is not supported")


def thumbprint(public: PublicKey) -> str:
    """Return the RFC 7638 thumbprint of a key: of the key, not of how somebody has spelled it."""
    members: dict[str, str]
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            members = {"e": _spelled(numbers.e), "kty": "RSA", "n": _spelled(numbers.n)}
        case ec.EllipticCurvePublicKey():
            point, size = public.public_numbers(), (public.key_size + 7) // 8
            x, y = _spelled(point.x, size), _spelled(point.y, size)
            members = {"crv": f"P-{public.key_size}", "kty": "EC", "x": x, "y": y}
        case ed25519.Ed25519PublicKey():
            members = {"crv": "Ed25519", "kty": "OKP", "x": base64url(public.public_bytes_raw())}
        case _:
            assert_never(public)
    return base64url(hashlib.sha256(msgspec.json.encode(members)).digest())  # §3.3: in this order, without spaces


def _spelled(number: int, size: int | None = None) -> str:
    return base64url(number.to_bytes(size or (number.bit_length() + 7) // 8))


def _algorithms(public: PublicKey) -> tuple[str, ...]:
    """Return what a key may be used with; the key's type decides, never a header (RFC 8725 §3.1)."""
    match public:
        case rsa.RSAPublicKey():
            if not _SHORTEST_MODULUS <= public.key_size <= _LONGEST_MODULUS:
                raise KeyRefusedError("an RSA key has 2048 to 8192 bits")
            if public.public_numbers().e > _LARGEST_EXPONENT:
                raise KeyRefusedError("its exponent is too large")
            return "PS256", "RS256"
        case ec.EllipticCurvePublicKey():
            algorithm = {"secp256r1": "ES256", "secp384r1": "ES384"}.get(public.curve.name)
            if algorithm is None:
                raise KeyRefusedError("its curve is neither P-256 nor P-384")
            return (algorithm,)
        case ed25519.Ed25519PublicKey():
            return ("EdDSA",)


def _key_management(public: PublicKey) -> tuple[KeyManagement, ...]:
    """Return how the key of a content may be made known to the owner of a key."""
    match public:
        case rsa.RSAPublicKey():
            return "RSA-OAEP", "RSA-OAEP-256"
        case ec.EllipticCurvePublicKey():
            return "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"
        case ed25519.Ed25519PublicKey():
            return ()


def _rsa(jwk: Mapping[str, Any]) -> PublicKey:
    try:
        return rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n")).public_key()
    except ValueError:
        raise KeyRefusedError("it is not an RSA key") from None


def _ec(jwk: Mapping[str, Any]) -> PublicKey:
    curve: ec.EllipticCurve
    match jwk.get("crv"):
        case "P-256":
            curve = ec.SECP256R1()
        case "P-384":
            curve = ec.SECP384R1()
        case _:
            raise KeyRefusedError("its curve is neither P-256 nor P-384")
    try:
        return ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), curve).public_key()
    except ValueError:
        raise KeyRefusedError("it is not a point of its curve") from None


def _okp(jwk: Mapping[str, Any]) -> PublicKey:
    if jwk.get("crv") != "Ed25519":  # FAPI 2.0 Security Profile §5.4.1: EdDSA in its Ed25519 variant only
        raise KeyRefusedError("its curve is not Ed25519")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
    except ValueError:
        raise KeyRefusedError("it is not an Ed25519 key") from None


_READERS: dict[str, Callable[[Mapping[str, Any]], PublicKey]] = {"RSA": _rsa, "EC": _ec, "OKP": _okp}


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_bytes(jwk, name))


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not text.isascii():
        raise KeyRefusedError(f"its member {name} is missing")
    try:
        return decoded_segment(text.encode())
    except TokenError:
        raise KeyRefusedError(f"its member {name} is not base64url") from None
