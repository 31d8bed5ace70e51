"""Opening the doors: the ports are taken and the certificate is read before anything else is done."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from idp.listeners.development_certificate import make_development_certificate
from idp.listeners.server import AskingDoor
from idp.listeners.tls import ListenerError, ServerCertificate, asking_context, ordinary_context
from idp.model.struct import Frozen
from idp.ports import Clock
from idp.settings import Server


class Doors(Frozen, frozen=True, kw_only=True):
    """Where requests come in: the ordinary listener, and the one that asks for certificates where there is one."""

    ordinary: socket.socket
    context: ssl.SSLContext | None = None
    asking: AskingDoor | None = None

    def close(self) -> None:
        """Let go of the ports."""
        self.ordinary.close()
        if self.asking is not None:
            self.asking.listener.close()


def open_doors(server: Server, *, clock: Clock) -> Doors:
    """Take the ports, and read the certificate, before anything else is done.

    Raises:
        ListenerError: what cannot be used, and what to do.

    """
    files = _certificate(server, clock)
    context = None if files is None else ordinary_context(files)
    mutual = server.mutual_tls
    asking = None if files is None or mutual is None or mutual.port is None else asking_context(files)
    ordinary = listening(server.host, server.port)
    if asking is None or mutual is None or mutual.port is None:
        return Doors(ordinary=ordinary, context=context)
    try:
        door = AskingDoor(listener=listening(server.host, mutual.port), context=asking)
    except ListenerError:
        ordinary.close()
        raise
    return Doors(ordinary=ordinary, context=context, asking=door)


def _certificate(server: Server, clock: Clock) -> ServerCertificate | None:
    if not server.tls_certificate:
        return None
    files = ServerCertificate(certificate=Path(server.tls_certificate), key=Path(server.tls_key))
    if server.create_tls_certificate and not files.certificate.exists() and not files.key.exists():
        addresses = [server.base_url, *([server.mutual_tls.base_url] if server.mutual_tls is not None else [])]
        hosts = [urlsplit(address).hostname or "" for address in addresses]
        try:
            make_development_certificate(files, hosts=hosts, clock=clock)
        except OSError as error:
            raise ListenerError(f"server.tls_certificate cannot be made ({error.strerror}).") from None
    return files


def listening(host: str, port: int) -> socket.socket:
    """Take a port, or say that somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ListenerError(
            f"Port {port} on {host} cannot be used ({error.strerror}). Stop what listens there, or choose another port."
        ) from None
    return listener
