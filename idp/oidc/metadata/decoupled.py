"""What the realm's metadata says of decoupled grants (RFC 8628 §4, CIBA Core §4)."""

from __future__ import annotations

from typing import Any

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS
from idp.oidc.provider import Provider


def metadata(provider: Provider) -> dict[str, Any]:
    """Return the part of the metadata that is about decisions made on another device."""
    return {
        "device_authorization_endpoint": provider.endpoint("device"),
        "backchannel_authentication_endpoint": provider.endpoint("backchannel"),
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": list(PUBLIC_KEY_ALGORITHMS),
        "backchannel_user_code_parameter_supported": False,
    }
