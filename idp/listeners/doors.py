"""Opening the doors: the ports are taken and the certificate is read before anything else is done."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from idp.listeners.development_certificate import make_development_certificate
from idp.listeners.server import AskingDoor
from idp.listeners.sockets import ListenerError, Listeners, open_listeners
from idp.listeners.tls import ServerCertificate, asking_context, ordinary_context
from idp.model.struct import Frozen
from idp.ports import Clock
from idp.settings.management import Management
from idp.settings.tables import Server


class Doors(Frozen, frozen=True, kw_only=True):
    """Where requests come in: the listeners, and what is spoken at each."""

    listeners: Listeners
    context: ssl.SSLContext | None = None
    asking: AskingDoor | None = None

    def close(self) -> None:
        """Let go of the ports."""
        self.listeners.close()


def open_doors(
    server: Server, *, clock: Clock, listeners: Listeners | None = None, management: Management | None = None
) -> Doors:
    """Read the certificate, and take the ports, unless somebody has taken them for us (`listeners`).

    Raises:
        ListenerError: what cannot be used, and what to do.

    """
    files = _certificate(server, clock)
    context = None if files is None else ordinary_context(files)
    mutual = server.mutual_tls
    asking = None if files is None or mutual is None or mutual.port is None else asking_context(files)
    listeners = listeners or open_listeners(server, management)
    if asking is None or listeners.asking is None:
        return Doors(listeners=listeners, context=context)
    return Doors(listeners=listeners, context=context, asking=AskingDoor(listener=listeners.asking, context=asking))


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
