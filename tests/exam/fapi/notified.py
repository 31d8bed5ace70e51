"""The client's notification endpoint: it answers pings as it is told to, and remembers them."""

from __future__ import annotations

import json
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.patience import PATIENCE
from tests.peers.provider import Examined


class Notified:
    """What arrived, and what is answered."""

    def __init__(self) -> None:
        self.status, self.body, self.location = 204, b"", ""
        self._pings: queue.Queue[dict[str, Any]] = queue.Queue()

    def arrived(self, path: str, headers: Any, body: bytes) -> None:
        """Remember a ping."""
        self._pings.put({"path": path, "headers": headers, "body": json.loads(body)})

    def next(self) -> dict[str, Any]:
        """Wait for the next ping."""
        return self._pings.get(timeout=PATIENCE)

    def nothing_more(self) -> bool:
        """Whether there was none but those that were taken."""
        return self._pings.empty()


@contextmanager
def notified(exam: Examined) -> Iterator[Notified]:
    """Listen at the address that the ping clients have registered, with a certificate that the provider believes."""
    seen = Notified()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.arrived(self.path, self.headers, body)
            self.send_response(seen.status)
            if seen.location:
                self.send_header("location", seen.location)
            self.send_header("content-length", str(len(seen.body)))
            self.end_headers()
            self.wfile.write(seen.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(exam.certificate, exam.folder / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", exam.pings_port), Endpoint) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield seen
        server.shutdown()
