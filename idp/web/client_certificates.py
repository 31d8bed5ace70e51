"""The client's certificate as a trusted proxy passes it on (RFC 9440), and as nobody else does.

A proxy that ends TLS has seen in the handshake that the client holds the certificate's key, and says so in
`Client-Cert`. From anybody else the header is an invention. Whoever it comes from, it goes no further than here: the
application reads the certificate of the scope (the ASGI TLS extension), where an ordinary connection has it too.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Sequence

from idp.web.http import Application, Header, Receive, Scope, Send
from idp.web.middleware import Networks

CERTIFICATE = b"client-cert"
CHAIN = b"client-cert-chain"
_BYTES = re.compile(rb":([A-Za-z0-9+/]*={0,2}):")  # RFC 8941 §3.3.5
_LONGEST_CHAIN = 8


class ClientCertificates:
    """Puts what a trusted proxy says into the scope, and takes the headers away from everybody."""

    def __init__(self, app: Application, *, networks: Sequence[str]) -> None:
        self._app = app
        self._proxies = Networks(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] == "http":
            headers: list[Header] = scope["headers"]
            peer = scope.get("client")
            if self._proxies and peer and peer[0] in self._proxies:
                # The certificate of the connection itself is the proxy's own, and says nothing of the client.
                tls = (scope.get("extensions") or {}).get("tls") or {}
                certified = {**tls, "client_cert_chain": _passed_on(headers)}
                scope["extensions"] = {**(scope.get("extensions") or {}), "tls": certified}
            if any(name in {CERTIFICATE, CHAIN} for name, _ in headers):
                scope["headers"] = [header for header in headers if header[0] not in {CERTIFICATE, CHAIN}]
        await self._app(scope, receive, send)


def _passed_on(headers: Sequence[Header]) -> tuple[str, ...]:
    """Return the certificates as PEM, the client's own first; none if the header is not exactly one certificate."""
    own = _certificates(headers, CERTIFICATE)
    if own is None or len(own) != 1:
        return ()
    return (*own, *(_certificates(headers, CHAIN) or ()))


def _certificates(headers: Sequence[Header], name: bytes) -> list[str] | None:
    """Return a header's byte sequences as PEM; None if it is anything else, or too long."""
    members = [member.strip() for key, value in headers if key == name for member in value.split(b",")]
    found = [_BYTES.fullmatch(member) for member in members]
    if not found or len(found) > _LONGEST_CHAIN or not all(found):
        return None
    try:
        certificates = [base64.b64decode(match[1], validate=True) for match in found if match is not None]
    except binascii.Error:
        return None
    return [ssl.DER_cert_to_PEM_cert(certificate) for certificate in certificates] if all(certificates) else None
