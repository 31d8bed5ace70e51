"""TLS as it is spoken here: 1.2 with forward secrecy and AES-GCM only, 1.3 as it is (RFC 9325, FAPI 2.0 §5.2.1).

Two libraries, one set of rules. The ordinary door uses Python's own `ssl`, which the event loop drives at full speed.
The door that asks for certificates uses pyOpenSSL, since Python's `ssl` refuses every certificate that no authority of
its list vouches for, and RFC 8705 §2.2 is about just those. What a certificate is worth is decided where it is used.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from OpenSSL import SSL

from idp.listeners.sockets import ListenerError
from idp.model.struct import Frozen

# Of TLS 1.2 nothing else is left: no CBC, no static RSA, no finite-field Diffie-Hellman.
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
_LONGEST_CHAIN = 8  # certificates above a client's own that are looked at


class ServerCertificate(Frozen, frozen=True, kw_only=True):
    """The files of this server's certificate (its own first, then what vouches for it) and of its key; both PEM."""

    certificate: Path
    key: Path


def ordinary_context(files: ServerCertificate) -> ssl.SSLContext:
    """Return what the ordinary door speaks.

    Raises:
        ListenerError: the files cannot be used.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one
        raise _unusable(files, error.strerror or str(error)) from None
    return context


def asking_context(files: ServerCertificate) -> SSL.Context:
    """Return what the door speaks that asks every client for a certificate, and turns nobody away for it.

    Raises:
        ListenerError: the files cannot be used.

    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS.encode())
    # A resumed session has no handshake in which the key is proven; and its chain would be lost.
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"hyrja")
    # The handshake proves that the sender holds the certificate's key. More is not asked here.
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_verify_depth(_LONGEST_CHAIN)
    context.set_alpn_select_callback(_http_1)
    try:
        context.use_certificate_chain_file(str(files.certificate))
        context.use_privatekey_file(str(files.key))
        context.check_privatekey()
    except (OSError, SSL.Error) as error:
        raise _unusable(files, str(error)) from None
    return context


def _http_1(_connection: SSL.Connection, offered: list[bytes]) -> Any:  # the constant's type has no public name
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _unusable(files: ServerCertificate, reason: str) -> ListenerError:
    return ListenerError(
        f"server.tls_certificate and server.tls_key: {files.certificate} and {files.key} cannot be used ({reason}). "
        "They must be PEM files that this process can read, and belong together."
    )
