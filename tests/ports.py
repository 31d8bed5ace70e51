"""Ports for servers that a test starts: between choosing one and listening on it, nobody else may come."""

from __future__ import annotations

import secrets
import socket
from collections import deque

_FIRST, _LAST = 11_000, 32_767
"""Below those that systems give to outgoing connections (Linux: from 32768): a connection of somebody else might take
one of them before the server listens or while it is killed, and one to the killed server might even get the server's
own port as its source, and speak to itself. Above those that Chromium refuses (the last is 10080)."""

_held: deque[socket.socket] = deque()
_MOST_HELD = 256


def free_port() -> int:
    """Return a port that nobody listens on, and that no other process of the tests is given meanwhile.

    The datagram port of the same number is held for it; whoever finds that taken looks for another.
    """
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)  # `random` says the same in every process of the tests
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _held.append(mark)
        if len(_held) > _MOST_HELD:
            _held.popleft().close()
        return port
