"""What the realm's metadata says of proofs of possession (RFC 9449 §5.1, RFC 8705 §3.3)."""

from __future__ import annotations

from typing import Any

from idp.crypto.dpop_proof import PROOF_ALGORITHMS
from idp.oidc.provider import Provider


def metadata(_provider: Provider) -> dict[str, Any]:
    """Return the part of the metadata that is about the keys that tokens are bound to."""
    return {"dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS)}
