"""The certificate of a request's sender as tokens are bound to it (RFC 8705 §3.1)."""

from __future__ import annotations

import hashlib

from idp.crypto.base64url import base64url
from idp.web.http import Request


def certificate_thumbprint(request: Request) -> str:
    """Return `x5t#S256` of the certificate that the request was sent with; empty without one."""
    certificate = request.client_certificate
    return "" if certificate is None else base64url(hashlib.sha256(certificate).digest())
