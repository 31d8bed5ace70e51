"""Whom a client assertion is made for (RFC 7523 §3 (3), RFC 10070)."""

from __future__ import annotations

from typing import Any

from idp.model.client import Client
from idp.oidc.provider import Provider

NEW_TYPE = "client-authentication+jwt"


def is_for_us(provider: Provider, client: Client, audience: Any, *, typ: str | None) -> bool:
    """Tell whether an assertion with this `aud` and type is for this provider.

    RFC 10070: the issuer identifier as a plain text, and nothing else. A list with it, the address of an endpoint or a
    second audience would let an assertion made for somebody else be used here (CVE-2025-27370). Clients of older
    profiles may name an endpoint, alone or in a list, where the realm file says so; one that writes the type of RFC
    10070 is not older.
    """
    if audience == provider.issuer:
        return True
    if not client.assertion.endpoint_audience or typ == NEW_TYPE:
        return False
    given = audience if isinstance(audience, list) else [audience]
    return any(isinstance(one, str) and one in provider.derived(_names) for one in given)


def _names(provider: Provider) -> frozenset[str]:
    """Return the issuer and the addresses at which clients authenticate.

    Older profiles make these the audience (OpenID Connect Core §9, RFC 9126 §2, CIBA §7.1). An attacker's server that
    such a client knows as well could name one of them as its own, and would be handed an assertion for us.
    """
    ours = [provider.endpoint(name) for name in ("token", "pushed", "device", "backchannel", "revoke", "introspect")]
    mutual = provider.mutual_tls_url
    return frozenset(
        (provider.issuer, *ours, *(mutual + one.removeprefix(provider.base_url) for one in ours if mutual))
    )
