"""The part of the metadata about answers for one client: how they may be signed and encrypted, and who is named."""

from __future__ import annotations

from typing import Any

from idp.model.clients.protection import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from idp.oidc.provider import Provider

_KINDS = ("id_token", "userinfo", "introspection", "authorization")


def metadata(provider: Provider) -> dict[str, Any]:
    """Return it: OpenID Connect Discovery §3, RFC 9701 §7, JARM §4."""
    signing, document = list(provider.keys.algorithms), dict[str, Any]()
    for kind in _KINDS:
        document[f"{kind}_signing_alg_values_supported"] = signing
        document[f"{kind}_encryption_alg_values_supported"] = list(KEY_MANAGEMENT)
        document[f"{kind}_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    if any(client.id_token.signed == "none" for client in provider.realm().every_client):
        document["id_token_signing_alg_values_supported"] = [*signing, "none"]
    return document
