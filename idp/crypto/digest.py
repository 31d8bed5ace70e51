"""Digests that serve as store keys: a copy of the store must not yield a usable code or token."""

from __future__ import annotations

import hashlib
import hmac

from idp.crypto.base64url import base64url


def digest(value: str) -> str:
    """Return the SHA-256 of `value` as unpadded base64url."""
    return base64url(hashlib.sha256(value.encode()).digest())


def same(a: str, b: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(a.encode(), b.encode())
