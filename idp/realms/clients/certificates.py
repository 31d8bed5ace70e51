"""Clients that authenticate by certificate (`client-x509`): Keycloak's attributes → model, and findings.

Keycloak compares the subject as a regular expression unless `x509.allow.regex.pattern.comparison` is false. Here it is
a pattern only where that attribute says true: whoever wrote a name meant the name. Names of RFC 8705 §2.1.2 that
Keycloak does not have stand under `tls.client.auth.san.*`; `x509.self.signed` makes it self_signed_tls_client_auth
(§2.2).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from idp.crypto.client_certificates import subject_of
from idp.crypto.public_keys import KeyRefusedError, read_certificate, read_key_set
from idp.model.client import Client
from idp.model.clients.sender import CertificateRules
from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

SUBJECT = "x509.subjectdn"
PATTERN = "x509.allow.regex.pattern.comparison"
SELF_SIGNED = "x509.self.signed"
SAN = "tls.client.auth.san."
_ANYBODY = ("CN=anybody", "CN=anybody else,O=Elsewhere,C=XX")


def certificate_rules(client: file.Client) -> CertificateRules:
    """Return which certificate is the client's."""
    if client.client_authenticator_type != "client-x509" or client.public_client:
        return CertificateRules()
    attributes = client.attributes
    if attributes.get(SELF_SIGNED) == "true":
        return CertificateRules(self_signed=True)
    subject, by_pattern = attributes.get(SUBJECT, ""), attributes.get(PATTERN) == "true"
    return CertificateRules(
        subject_dn="" if by_pattern else subject,
        subject_pattern=subject if by_pattern else "",
        san_dns=attributes.get(f"{SAN}dns", ""),
        san_uri=attributes.get(f"{SAN}uri", ""),
        san_ip=attributes.get(f"{SAN}ip", ""),
        san_email=attributes.get(f"{SAN}email", ""),
    )


def certificate_findings(client: Client, place: str) -> Iterator[Finding]:
    """Yield what is wrong with a client's certificate; `place` points to its attributes."""
    rules = client.certificate
    if rules.self_signed:
        yield from _registered_key(client, place)
        return
    names = [rules.subject_dn or rules.subject_pattern, rules.san_dns, rules.san_uri, rules.san_ip, rules.san_email]
    if sum(map(bool, names)) != 1:
        problem = f"“{client.client_id}” must have exactly one name that its certificate is known by (RFC 8705 §2.1.2)."
        yield error(
            "C-X509-NAME", place, problem, f"Set {SUBJECT}, or one of {SAN}dns, uri, ip, email, or {SELF_SIGNED}."
        )
    if rules.subject_dn:
        yield from _subject(rules.subject_dn, f"{place}/{SUBJECT}")
    if rules.subject_pattern:
        yield from _pattern(rules.subject_pattern, f"{place}/{SUBJECT}")
    if rules.san_ip and not _is_address(rules.san_ip):
        yield error("C-X509-NAME", f"{place}/{SAN}ip", f"“{rules.san_ip}” is no IP address.", "Write one.")


def _registered_key(client: Client, place: str) -> Iterator[Finding]:
    source = client.keys
    if source.jwks_url:
        return  # read when it is needed
    try:
        if not source:
            raise KeyRefusedError("there are none")  # noqa: TRY301 - one finding for every way to have no key
        _ = read_key_set(source.jwks.encode()) if source.jwks else read_certificate(source.certificate)
    except KeyRefusedError as refused:
        problem = f"“{client.client_id}” needs the key of its certificate among its registered keys: {refused}."
        yield error("C-X509-KEY", place, problem, "Set use.jwks.string and jwks.string, or jwt.credential.certificate.")


def _subject(text: str, pointer: str) -> Iterator[Finding]:
    try:
        subject_of(text)
    except ValueError:
        problem = f"“{text}” is no subject as RFC 4514 writes it, for instance CN=payments,O=Bank,C=AL."
        yield error("C-X509-NAME", pointer, problem, f"Write the subject, or set {PATTERN} if it is a pattern.")


def _pattern(text: str, pointer: str) -> Iterator[Finding]:
    try:
        pattern = re.compile(text)
    except re.error:
        yield error("C-X509-NAME", pointer, f"“{text}” is no regular expression.", "Mend it, or write the subject.")
        return
    if any(pattern.fullmatch(anybody) for anybody in _ANYBODY):
        # Keycloak's console begins with “(.*?)(?:$)”.
        problem = "The pattern fits everybody: any certificate of any trusted authority is this client."
        yield error("C-X509-ANYBODY", pointer, problem, "Write the subject of the client's certificate.")
    else:
        problem = "The subject is a pattern; what else it fits is this client too."
        yield warning("C-X509-PATTERN", pointer, problem, f"Write the whole subject and set {PATTERN} to false.")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
