"""Certificates of clients, authorities and servers, made for tests."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT_AUTH, SERVER_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)


class Holder:
    """A certificate with its key."""

    def __init__(self, certificate: x509.Certificate, key: Any, chain: tuple[x509.Certificate, ...] = ()) -> None:
        self.certificate = certificate
        self.key = key
        self.chain = chain

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def scope(self) -> dict[str, Any]:
        """Return the extensions of an ASGI scope whose connection has presented this."""
        chain = (self.pem, *(other.public_bytes(Encoding.PEM).decode() for other in self.chain))
        return {"tls": {"client_cert_chain": chain}}

    def save(self, folder: Path, name: str = "holder") -> tuple[Path, Path]:
        """Write certificate and key to files."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain = b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain))
        certificate.write_bytes(chain)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key

    def client_context(self, folder: Path, *, trusting: Path) -> ssl.SSLContext:
        """Return what a client speaks that presents this."""
        context = ssl.create_default_context(cafile=str(trusting))
        context.load_cert_chain(*self.save(folder, "presented"))
        return context


def issued(
    subject: str = "CN=robot,O=Bank",
    *,
    by: Holder | None = None,
    key: Any = EC_KEY,
    authority: bool = False,
    usage: x509.ObjectIdentifier | None = CLIENT_AUTH,
    names: tuple[x509.GeneralName, ...] = (),
    begins: datetime = BEGINNING,
    days: int = 3650,
) -> Holder:
    """Issue a certificate: by an authority, or by itself."""
    name = x509.Name.from_rfc4514_string(subject)
    issuer, signer = (name, key) if by is None else (by.certificate.subject, by.key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:
        builder = builder.add_extension(_signing(), critical=True)
    elif usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    chain = () if by is None or by.certificate.issuer == by.certificate.subject else (by.certificate, *by.chain)
    return Holder(builder.sign(signer, hashes.SHA256()), key, chain)


def authority(subject: str = "CN=Bank CA,O=Bank", *, by: Holder | None = None) -> Holder:
    """Make an authority with a key of its own."""
    return issued(subject, by=by, key=ec.generate_private_key(ec.SECP256R1()), authority=True)


def server(key: Any = EC_KEY) -> Holder:
    """Make the certificate of a server on this machine."""
    here = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    return issued("CN=localhost", key=key, usage=SERVER_AUTH, names=here)


def _signing() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
