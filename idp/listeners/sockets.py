"""Taking ports: before anything else is done, and once for all processes that serve from them.

Several workers share one listening socket, opened by the process that started them, and not each its own by
`SO_REUSEPORT`: there every process has a queue of its own, and what waits in it is refused when the process ends. What
waits in one shared queue is taken by whoever is left; and no other program of the same user can put itself on the port.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack

from idp.model.struct import Frozen
from idp.settings.management import Management
from idp.settings.tables import Server


class ListenerError(Exception):
    """A port, or the certificate or key of this server, cannot be used; the text says what to do."""


class Listeners(Frozen, frozen=True, kw_only=True):
    """The ports of this server: the ordinary one, one where clients are asked for certificates, one for probes."""

    ordinary: socket.socket
    asking: socket.socket | None = None
    management: socket.socket | None = None

    def close(self) -> None:
        """Let go of the ports."""
        for listener in (self.ordinary, self.asking, self.management):
            if listener is not None:
                listener.close()


def open_listeners(server: Server, management: Management | None = None) -> Listeners:
    """Take the ports of the settings. Raises `ListenerError`: one cannot be used, and what to do."""
    mutual = server.mutual_tls
    with ExitStack() as undo:

        def taken(host: str, port: int | None) -> socket.socket | None:
            return None if port is None else undo.enter_context(listening(host, port))

        ordinary = undo.enter_context(listening(server.host, server.port))
        asking = taken(server.host, mutual.port) if server.tls_certificate and mutual is not None else None
        watched = taken(management.host, management.port) if management is not None else None
        undo.pop_all()
    return Listeners(ordinary=ordinary, asking=asking, management=watched)


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
