"""The door for clients' certificates by itself; what it is for is tested with the token endpoint."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.client_certificates import (
    CertificateRefusedError,
    ClientAuthorities,
    check_name,
    read_certificates,
    subject_of,
)
from idp.model.clients.sender import CertificateRules
from tests.certificates import RSA_KEY, authority, issued

NOW = 1_800_000_000
CA = authority()
AUTHORITIES = ClientAuthorities(CA.pem.encode())
CERTIFICATES = [issued(by=CA, names=(x509.DNSName("a"),)).der, issued(key=RSA_KEY).der, CA.der]


@given(
    der=st.sampled_from(CERTIFICATES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
    rules=st.sampled_from([CertificateRules(subject_dn="CN=robot,O=Bank"), CertificateRules(san_dns="a")]),
)
def test_a_certificate_that_somebody_altered_proves_or_is_refused(
    der: bytes, changes: list[tuple[int, int]], rules: CertificateRules
) -> None:
    altered = bytearray(der)
    for place, byte in changes:
        altered[place % len(altered)] = byte
    with contextlib.suppress(CertificateRefusedError):
        certificate, others = read_certificates((bytes(altered), der), now=NOW)
        AUTHORITIES.check(certificate, others, now=NOW)
        check_name(certificate, rules)


@given(garbage=st.binary(max_size=100))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(CertificateRefusedError):
        read_certificates((garbage,), now=NOW)


@pytest.mark.parametrize("pem", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificates_names_no_authority(pem: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ClientAuthorities(pem)


@pytest.mark.parametrize("text", ["robot", "CN", "XX=robot", "CN=a,", "(.*?)(?:$)"])
def test_what_is_no_subject_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        subject_of(text)
