"""Reading what stands in a token, for people to look at.

Only for looking: the ID token has been verified before (relying_party.py), and an access token is not addressed
to the bank's site at all (RFC 9068 §6), so nothing here may be used to decide anything.
"""

from __future__ import annotations

import base64
import binascii

import msgspec


def of_jwt(token: str) -> dict[str, object] | None:
    """The claims of a JWT in compact form; None if the token is not one (an opaque token)."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header.claims.signature (RFC 7515 §7.1).
        return None
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(text, type=dict[str, object])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
