"""Encrypted tokens: the strict door for what is encrypted to us, and what we encrypt to a client (RFC 7516, RFC 7518).

Compact form only. The private key is one of *ours*, found by `kid`, and it alone says which key management may be used
with it: no RSA1_5, no `dir`, no password (PBES2), no algorithm that the sender chooses. There is no `zip`: a
small token cannot become a large one (RFC 8725 §3.6), and nothing leaks by its length. Whatever is wrong with a token,
whoever sent it learns one thing: that it was not accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from idp.crypto.base64url import base64url
from idp.crypto.content_encryption import KEY_SIZE, Ciphertext, deciphered, enciphered
from idp.crypto.jose import TokenError, decoded_segment, json_object
from idp.crypto.key_management import DecryptingKey, EncryptingKey, carried, recovered
from idp.model.clients.protection import CONTENT_ENCRYPTION, KEY_MANAGEMENT, ContentEncryption, KeyManagement
from idp.model.struct import Frozen

LARGEST_ENCRYPTED = 24 * 1024  # characters: a signed token of the largest size, encrypted
_LARGEST_HEADER = 2 * 1024  # characters of the encoded segment
_SEGMENTS = 5
_TEXTS = frozenset({"alg", "enc", "kid", "typ", "cty", "apu", "apv"})
_MEMBERS = _TEXTS | {"epk"}


class Recipient(Protocol):
    """A public key of somebody else."""

    @property
    def kid(self) -> str | None:
        """Its owner's name for it."""

    @property
    def public(self) -> EncryptingKey:
        """The key itself."""


class Decryptor(Protocol):
    """A private key of ours, with the key management that it may be used with."""

    @property
    def private(self) -> DecryptingKey:
        """The key itself."""


class EncryptionHeader(Frozen, frozen=True, kw_only=True):
    """What an encrypted token says about itself; authenticated, but by nobody in particular."""

    alg: KeyManagement
    enc: ContentEncryption
    kid: str | None
    typ: str | None
    cty: str | None
    """The media type of what is inside, in lower case; `jwt` for a nested token (RFC 7519 §5.2)."""


def encrypted(
    content: bytes,
    recipient: Recipient,
    *,
    algorithm: KeyManagement,
    encoding: ContentEncryption,
    typ: str | None = None,
    cty: str | None = None,
) -> str:
    """Encrypt a content so that only the recipient can read it; says nothing about who did."""
    key = carried(algorithm, recipient.public, encoding=encoding, size=KEY_SIZE[encoding])
    members = {"alg": algorithm, "enc": encoding, "kid": recipient.kid, "typ": typ, "cty": cty}
    header = {name: value for name, value in members.items() if value is not None} | key.parameters
    protected = base64url(msgspec.json.encode(header))
    sealed = enciphered(encoding, key.key, content, associated=protected.encode())
    return ".".join([protected, *map(base64url, (key.encrypted, sealed.iv, sealed.content, sealed.tag))])


def decrypted(token: str, keys: Callable[[str | None, str], Decryptor | None]) -> tuple[EncryptionHeader, bytes]:
    """Return the header and the content of a token that is encrypted to us; raises `TokenError` and nothing else.

    `keys` finds a key of ours by id and key management (`SigningKeys.decryptor`). Anybody can encrypt to us:
    the content is as trustworthy as if it had come in clear.
    """
    if len(token) > LARGEST_ENCRYPTED or not token.isascii():
        raise TokenError("too long or not ASCII")
    segments = token.encode().split(b".")
    if len(segments) != _SEGMENTS:
        raise TokenError("not an encrypted token in compact form")
    header, parameters = _header(segments[0])
    key = keys(header.kid, header.alg)
    if key is None:
        raise TokenError("encrypted to no key of ours that fits kid and alg")
    carrying, iv, content, tag = map(decoded_segment, segments[1:])
    content_key = recovered(
        header.alg, key.private, carrying, parameters, encoding=header.enc, size=KEY_SIZE[header.enc]
    )
    sealed = Ciphertext(iv=iv, content=content, tag=tag)
    return header, deciphered(header.enc, content_key, sealed, associated=segments[0])


def looks_encrypted(token: str) -> bool:
    """Tell an encrypted token from a signed one by its form (RFC 7516 §9)."""
    return token.count(".") == _SEGMENTS - 1


def _header(segment: bytes) -> tuple[EncryptionHeader, dict[str, Any]]:
    if len(segment) > _LARGEST_HEADER:
        raise TokenError("header too long")
    members = json_object(decoded_segment(segment))
    # An allow-list: `zip`, `crit`, `jwk`, `jku`, `x5u`, `x5c`, `p2s`, `p2c`, `iv`, `tag` all end here.
    if not members.keys() <= _MEMBERS or not all(isinstance(members[name], str) for name in _TEXTS & members.keys()):
        raise TokenError("header members other than alg, enc, kid, typ, cty, epk, apu and apv")
    algorithm = next((known for known in KEY_MANAGEMENT if known == members.get("alg")), None)
    encoding = next((known for known in CONTENT_ENCRYPTION if known == members.get("enc")), None)
    if algorithm is None or encoding is None:
        raise TokenError("alg or enc is not accepted")
    cty = members.get("cty")
    header = EncryptionHeader(
        alg=algorithm,
        enc=encoding,
        kid=members.get("kid"),
        typ=members.get("typ"),
        cty=None if cty is None else cty.lower().removeprefix("application/"),
    )
    return header, {name: members[name] for name in ("epk", "apu", "apv") if name in members}
