"""What the realm's metadata says of proofs of possession (RFC 9449 §5.1, RFC 8705 §3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.crypto.dpop_proof import PROOF_ALGORITHMS
from idp.oidc.provider import Provider

_WHERE_CLIENTS_AUTHENTICATE = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
)


def metadata(_provider: Provider) -> dict[str, Any]:
    """Return the part of the metadata that is about the keys that tokens are bound to."""
    return {
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": True,
    }


def aliases(provider: Provider, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the endpoints of a document are asked with a certificate (RFC 8705 §5), if anywhere else."""
    if not provider.mutual_tls_url:
        return {}
    known = {name: document[name] for name in _WHERE_CLIENTS_AUTHENTICATE if name in document}
    moved = {name: provider.mutual_tls_url + address.removeprefix(provider.base_url) for name, address in known.items()}
    return {"mtls_endpoint_aliases": moved}
