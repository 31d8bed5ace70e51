"""Unpadded base64url (RFC 7515 §2), as every token, key and identifier of ours is written."""

from __future__ import annotations

import base64


def base64url(raw: bytes) -> str:
    """Return unpadded base64url text."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
