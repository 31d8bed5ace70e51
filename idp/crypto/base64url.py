"""Unpadded base64url (RFC 7515 §2), as every token, key and identifier of ours is written."""

from __future__ import annotations

from binascii import b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def base64url(raw: bytes) -> str:
    """Return unpadded base64url text."""
    return encoded_segment(raw).decode()


def encoded_segment(raw: bytes) -> bytes:
    """Return unpadded base64url as bytes: a segment of a token (RFC 7515 §3.1).

    A token has a dozen of these, and the standard library's function takes two calls more for each.
    """
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_URL_SAFE)
