"""Which domain keys belong to, and where they work."""

from __future__ import annotations

from idp.model.realm import Realm


def foreign_domains(realm: Realm, host: str) -> tuple[str, ...]:
    """Return the domains of the realm's policies that browsers refuse to pages of this host (WebAuthn §5.1.3)."""
    named = {realm.webauthn.rp_id, realm.webauthn_passwordless.rp_id} - {""}
    return tuple(sorted(domain for domain in named if host != domain and not host.endswith(f".{domain}")))
