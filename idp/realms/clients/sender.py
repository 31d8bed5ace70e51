"""What the tokens of a client are bound to: Keycloak's attributes → model."""

from __future__ import annotations

from idp.model.clients.sender import SenderRules
from idp.realms.representation import realm as file

DPOP_BOUND = "dpop.bound.access.tokens"
DPOP_NONCE = "hyrja.dpop.nonce"
CERTIFICATE_BOUND = "tls.client.certificate.bound.access.tokens"


def sender_rules(realm: file.Realm, client: file.Client) -> SenderRules:
    """Return which keys a client has to prove.

    Keycloak knows no nonces, so that switch is ours: the client's word counts, and the realm's where it says nothing.
    """
    attributes = client.attributes
    nonce = attributes.get(DPOP_NONCE) or realm.attributes.get(DPOP_NONCE)
    return SenderRules(
        dpop_bound=attributes.get(DPOP_BOUND) == "true",
        dpop_nonce=nonce == "true",
        certificate_bound=attributes.get(CERTIFICATE_BOUND) == "true",
    )
