"""Proof Key for Code Exchange (RFC 7636), S256 only."""

from __future__ import annotations

import hashlib
import re

from idp.crypto.base64url import base64url
from idp.crypto.digest import same

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def verifies(challenge: str | None, verifier: str | None) -> bool:
    """Tell whether the verifier answers the challenge (§4.6).

    No challenge wants no verifier, and the reverse: a verifier without a challenge means that somebody took the
    challenge out of the authorization request (RFC 9700 §4.8.2; authentik CVE-2023-48228, CVE-2024-23647).
    """
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return same(base64url(hashlib.sha256(verifier.encode()).digest()), challenge)
