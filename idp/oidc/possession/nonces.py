"""Nonces for DPoP proofs (RFC 9449 §8): nothing is kept, since each is a MAC of the time it was made in.

A nonce says that a proof was not made long before: who once had a client's key for a moment cannot have stored proofs
for later. It need not be unguessable for its client, nor different for two clients, and it may be used repeatedly.
"""

from __future__ import annotations

import hashlib
import hmac

from idp.crypto.base64url import base64url
from idp.crypto.digest import same
from idp.oidc.provider import Provider

_WINDOW = 150  # seconds; a nonce counts in its own window and the next, so for 150 to 300 seconds
_SIZE = 18  # bytes


def fresh_nonce(provider: Provider) -> str:
    """Return the nonce that proofs are to carry now."""
    return _nonce(provider, provider.now() // _WINDOW)


def is_fresh(provider: Provider, nonce: str) -> bool:
    """Tell whether the nonce is one of ours and not too old."""
    window = provider.now() // _WINDOW
    return any(same(nonce, _nonce(provider, made)) for made in (window, window - 1))


def _nonce(provider: Provider, window: int) -> str:
    # The purpose stands in the message: the key makes other codes as well.
    message = f"dpop-nonce\n{provider.issuer}\n{window}".encode()
    return base64url(hmac.digest(provider.keys.code_key, message, hashlib.sha256)[:_SIZE])
