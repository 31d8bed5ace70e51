"""What the realm's metadata says about registration (OpenID Connect Discovery §3, RFC 8414 §2)."""

from __future__ import annotations

from typing import Any

from idp.oidc.provider import Provider


def metadata(provider: Provider) -> dict[str, Any]:
    """Return the members about registration; the pages of the operator are named where the realm has some."""
    attributes = provider.realm().attributes
    pages = {"op_policy_uri": "hyrja.policyUri", "op_tos_uri": "hyrja.tosUri"}
    return {
        "registration_endpoint": provider.endpoint("registration"),
        **{name: attributes[key] for name, key in pages.items() if attributes.get(key)},
    }
