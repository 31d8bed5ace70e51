"""What the tokens of a client are bound to (RFC 9449, RFC 8705 §3), and the certificate it authenticates with (§2)."""

from __future__ import annotations

from idp.model.struct import Frozen


class SenderRules(Frozen, frozen=True, kw_only=True):
    """Which keys a client has to prove when it asks for tokens; without any, a proof counts where one is sent."""

    dpop_bound: bool = False
    """Every token is bound to a DPoP key (`dpop.bound.access.tokens`, RFC 9449 §5.2)."""
    dpop_nonce: bool = False
    """A proof carries a nonce of ours (`hyrja.dpop.nonce`, RFC 9449 §8)."""
    certificate_bound: bool = False
    """Every token is bound to the client's certificate (`tls.client.certificate.bound.access.tokens`)."""


class CertificateRules(Frozen, frozen=True, kw_only=True):
    """Which certificate is the client's. RFC 8705 §2.1.2: exactly one of the names; §2.2: none, the key is registered.

    Empty: no certificate is.
    """

    self_signed: bool = False
    """self_signed_tls_client_auth: the certificate's key is one of the client's registered keys."""
    subject_dn: str = ""
    """RFC 4514 text of the subject."""
    subject_pattern: str = ""
    """A regular expression for that text, as Keycloak can have it."""
    san_dns: str = ""
    san_uri: str = ""
    san_ip: str = ""
    san_email: str = ""
