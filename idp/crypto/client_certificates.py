"""Certificates of clients: read, checked against the authorities of this deployment, and compared by name.

A certificate that reaches us belongs to who sent it: the TLS handshake proved that the sender has its key. Everything
else about it is judged here, at the time of the request: a connection may live longer than a certificate.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from idp.model.clients.sender import CertificateRules

# RFC 4514 §3 names nine types; these are further ones that certificates of banks have, as tools spell them.
_NAMES = {
    "E": NameOID.EMAIL_ADDRESS,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "businessCategory": NameOID.BUSINESS_CATEGORY,
    "jurisdictionC": NameOID.JURISDICTION_COUNTRY_NAME,
    "title": NameOID.TITLE,
    "givenName": NameOID.GIVEN_NAME,
    "surname": NameOID.SURNAME,
}
_LONGEST_NAME = 2000  # characters of a subject that a pattern is tried on


class CertificateRefusedError(Exception):
    """A certificate that proves nobody; the text says why, for the log."""


class ClientAuthorities:
    """The authorities whose certificates authenticate clients; there may be none, and then none does."""

    def __init__(self, pem: bytes | None = None) -> None:
        """Read a PEM file's certificates; raises `ValueError` if there is none in it."""
        self._store = None if pem is None else Store(x509.load_pem_x509_certificates(pem))

    def check(self, certificate: x509.Certificate, others: Sequence[x509.Certificate], *, now: int) -> None:
        """Check that an authority vouches for a client's certificate, now and for this use (RFC 5280 §6).

        `others` came with it, from the client, and are only used to find a way to an authority of ours. Raises
        `CertificateRefusedError`.
        """
        if self._store is None:
            raise CertificateRefusedError("there are no authorities (server.client_ca_file)")
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(_moment(now))
            .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=_CLIENTS)
            .build_client_verifier()
        )
        try:
            verifier.verify(certificate, list(others))
        except (VerificationError, ValueError) as error:
            raise CertificateRefusedError(f"no authority vouches for it: {error}") from None


NO_AUTHORITIES = ClientAuthorities()


def _for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    # RFC 5280 §4.2.1.12: where it is said what for, then for clients.
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and allowed.isdisjoint(usage):
        raise ValueError("it is not for clients")


# What a bank puts into its clients' certificates is its own business (the web's rules would ask for a host name).
_CLIENTS = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_clients)


def read_certificates(chain: Sequence[bytes], *, now: int) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """Return a client's certificate, which must be valid now, and those it came with; or `CertificateRefusedError`."""
    if not chain:
        raise CertificateRefusedError("the request has no certificate")
    try:
        own, *others = (x509.load_der_x509_certificate(der) for der in chain)
        begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
        _ = own.subject, own.public_key()  # read when they are asked for, and so refused here
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefusedError("the certificate is unreadable") from None
    if not begins <= _moment(now) <= ends:
        raise CertificateRefusedError("the certificate has expired, or is not valid yet")
    return own, others


def subject_of(text: str) -> x509.Name:
    """Read a subject as RFC 4514 text; raises `ValueError`."""
    return x509.Name.from_rfc4514_string(text, _NAMES)


def check_name(certificate: x509.Certificate, rules: CertificateRules) -> None:
    """Check that the certificate has the name that is registered (RFC 8705 §2.1.2); or `CertificateRefusedError`.

    Names are compared, not texts: whatever the order within a component, the escapes or the string type.
    """
    try:
        known = _has_name(certificate, rules)
    except (ValueError, re.error) as error:  # a client that registered itself may have written anything
        raise CertificateRefusedError(f"the registered name is none: {error}") from None
    if not known:
        raise CertificateRefusedError("the certificate has another name than the registered one")


def _has_name(certificate: x509.Certificate, rules: CertificateRules) -> bool:
    if rules.subject_dn:
        return certificate.subject == subject_of(rules.subject_dn)
    if rules.subject_pattern:
        text = certificate.subject.rfc4514_string()
        return len(text) <= _LONGEST_NAME and re.fullmatch(rules.subject_pattern, text) is not None
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    if rules.san_dns:  # RFC 4343: without regard to case; and a star is only a star
        return rules.san_dns.lower() in {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    if rules.san_uri:
        return rules.san_uri in names.get_values_for_type(x509.UniformResourceIdentifier)
    if rules.san_email:
        return rules.san_email in names.get_values_for_type(x509.RFC822Name)
    return bool(rules.san_ip) and ipaddress.ip_address(rules.san_ip) in names.get_values_for_type(x509.IPAddress)


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now, UTC)
