"""Authenticated encryption of a content under a key that is used once (RFC 7518 §5)."""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from idp.crypto.jose import TokenError
from idp.model.clients.protection import ContentEncryption
from idp.model.struct import Frozen

_BLOCK = 128  # bits of AES
_CBC_IV = 16  # bytes
_GCM_IV = 12  # bytes, §5.3
_GCM_TAG = 16  # bytes, §5.3
_HASHES: dict[ContentEncryption, str] = {"A128CBC-HS256": "sha256", "A256CBC-HS512": "sha512"}

KEY_SIZE: dict[ContentEncryption, int] = {"A128CBC-HS256": 32, "A256CBC-HS512": 64, "A128GCM": 16, "A256GCM": 32}
"""Bytes of the key of each."""


class Ciphertext(Frozen, frozen=True, kw_only=True):
    """What encryption makes of a content."""

    iv: bytes
    content: bytes
    tag: bytes


def enciphered(encoding: ContentEncryption, key: bytes, plain: bytes, *, associated: bytes) -> Ciphertext:
    """Encrypt, and authenticate the content together with what stands beside it in clear."""
    hash_name = _HASHES.get(encoding)
    if hash_name is None:
        iv = os.urandom(_GCM_IV)
        sealed = AESGCM(key).encrypt(iv, plain, associated)
        return Ciphertext(iv=iv, content=sealed[:-_GCM_TAG], tag=sealed[-_GCM_TAG:])
    iv, half = os.urandom(_CBC_IV), len(key) // 2
    padder = PKCS7(_BLOCK).padder()
    encryptor = Cipher(algorithms.AES(key[half:]), modes.CBC(iv)).encryptor()
    content = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return Ciphertext(iv=iv, content=content, tag=_tag(hash_name, key[:half], iv, content, associated))


def deciphered(encoding: ContentEncryption, key: bytes, sealed: Ciphertext, *, associated: bytes) -> bytes:
    """Return the content; raises `TokenError`, the same whatever is wrong."""
    hash_name = _HASHES.get(encoding)
    # The lengths come first: a shorter tag is easier to guess, and a library may accept one (§5.2.2.2, §5.3).
    if len(key) != KEY_SIZE[encoding]:
        raise _undecipherable()
    if hash_name is None:
        if len(sealed.iv) != _GCM_IV or len(sealed.tag) != _GCM_TAG:
            raise _undecipherable()
        try:
            return AESGCM(key).decrypt(sealed.iv, sealed.content + sealed.tag, associated)
        except InvalidTag:
            raise _undecipherable() from None
    half = len(key) // 2
    # Authenticated before anything is decrypted: the padding is never an oracle (§5.2.2.2).
    expected = _tag(hash_name, key[:half], sealed.iv, sealed.content, associated)
    if len(sealed.iv) != _CBC_IV or not hmac.compare_digest(expected, sealed.tag):
        raise _undecipherable()
    decryptor = Cipher(algorithms.AES(key[half:]), modes.CBC(sealed.iv)).decryptor()
    unpadder = PKCS7(_BLOCK).unpadder()
    try:
        padded = decryptor.update(sealed.content) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise _undecipherable() from None


def _tag(hash_name: str, key: bytes, iv: bytes, content: bytes, associated: bytes) -> bytes:
    """§5.2.2.1: the first half of an HMAC, which covers the length of what stands beside the content."""
    message = associated + iv + content + (len(associated) * 8).to_bytes(8)
    return hmac.digest(key, message, hash_name)[: len(key)]


def _undecipherable() -> TokenError:
    return TokenError("it does not decrypt")
