"""Client authentication by certificate: tls_client_auth and self_signed_tls_client_auth (RFC 8705 §2)."""

from __future__ import annotations

from idp.crypto.client_certificates import CertificateRefusedError, check_name, read_certificates
from idp.crypto.public_keys import KeyRefusedError, KeySet, algorithms_of
from idp.model.client import Client
from idp.oidc.clients.keys import keys_of
from idp.oidc.provider import Provider
from idp.web.http import Request


async def check_certificate(provider: Provider, request: Request, client: Client) -> None:
    """Check that the request was sent with the client's certificate.

    Raises:
        CertificateRefusedError: it was not; the text says why, for the log.

    """
    now = provider.now()
    certificate, others = read_certificates(request.client_certificates, now=now)
    if client.certificate.self_signed:
        # §2.2: nobody vouches for it. What counts is its key, which is one that the client has registered.
        public = certificate.public_key()
        if not any(key.public == public for key in (await _registered(provider, client, public)).keys):
            raise CertificateRefusedError("its key is not one of the client's registered keys")
        return
    # §2.1: first that somebody vouches for the name, then that it is the client's.
    provider.client_authorities.check(certificate, others, now=now)
    check_name(certificate, client.certificate)


async def _registered(provider: Provider, client: Client, public: object) -> KeySet:
    try:
        return await keys_of(provider, client, kid=None, algorithm=algorithms_of(public)[0])
    except KeyRefusedError as refused:
        raise CertificateRefusedError(str(refused)) from None
