"""The part of the metadata about authorization requests: pushed, as objects, for resources, with details."""

from __future__ import annotations

from typing import Any

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS
from idp.model.clients.protection import CONTENT_ENCRYPTION
from idp.oidc.provider import Provider


def metadata(provider: Provider) -> dict[str, Any]:
    """Return it: RFC 9126 §5, RFC 9101 §10.5, OpenID Connect Discovery §3, RFC 9396 §10."""
    by_reference = provider.outbound is not None
    document: dict[str, Any] = {
        "pushed_authorization_request_endpoint": provider.endpoint("pushed"),
        "require_pushed_authorization_requests": False,  # of clients that ask for it, not of all
        "request_parameter_supported": True,
        "request_uri_parameter_supported": by_reference,  # the default would be true
        "request_object_signing_alg_values_supported": [*PUBLIC_KEY_ALGORITHMS, *SECRET_ALGORITHMS, "none"],
    }
    if provider.keys.decrypts:
        document["request_object_encryption_alg_values_supported"] = list(provider.keys.decrypts)
        document["request_object_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    if by_reference:
        document["require_request_uri_registration"] = True
    types = provider.realm().authorization_details_types
    if types:
        document["authorization_details_types_supported"] = sorted(types)
    return document
