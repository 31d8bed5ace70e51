"""What the realm's metadata says of decoupled grants (RFC 8628 §4, CIBA Core §4)."""

from __future__ import annotations

from typing import Any

from idp.oidc.provider import Provider


def metadata(provider: Provider) -> dict[str, Any]:
    """Return the part of the metadata that is about decisions made on another device."""
    return {"device_authorization_endpoint": provider.endpoint("device")}
