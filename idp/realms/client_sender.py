"""What the tokens of a client are bound to: Keycloak's attributes → model."""

from __future__ import annotations

from idp.model.sender import SenderRules
from idp.realms import representation as file

DPOP_BOUND = "dpop.bound.access.tokens"
DPOP_NONCE = "hyrja.dpop.nonce"
CERTIFICATE_BOUND = "tls.client.certificate.bound.access.tokens"


def sender_rules(client: file.Client) -> SenderRules:
    """Return which keys a client has to prove; Keycloak knows no nonces, so that switch is ours."""
    attributes = client.attributes
    return SenderRules(
        dpop_bound=attributes.get(DPOP_BOUND) == "true",
        dpop_nonce=attributes.get(DPOP_NONCE) == "true",
        certificate_bound=attributes.get(CERTIFICATE_BOUND) == "true",
    )
