"""How long a request may take to arrive, and how large it may be.

Connections are few, and who sends a byte a minute would keep one for ever; what arrives is held in memory.

uvicorn closes a connection that is idle between two requests; it waits without end for the rest of one that has begun,
and for the first one. Its faster parser collects headers, and what follows a body, without any bound.
"""

from __future__ import annotations

import asyncio
from typing import Any

REQUEST_SECONDS = 30.0  # for all of a request, with its body: those are small here
LARGEST_HEAD = 128 * 1024
"""Bytes of a request line and headers; browsers, and certificates in headers, stay far below."""
LARGEST_REQUEST = 2 * 1024 * 1024
"""Bytes that may follow a head: a body that is too large is answered, one without end is not."""
# RFC 6585 §5
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def bounded_requests(protocol_class: type[Any], *, seconds: float = REQUEST_SECONDS) -> type[Any]:
    """Return uvicorn's HTTP protocol, with whichever parser, as one that drops who sends too slowly or too much."""

    class BoundedRequests(protocol_class):  # type: ignore[misc] # the parser is chosen at run time
        _late: asyncio.TimerHandle | None = None
        _since_head = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._late = asyncio.get_running_loop().call_later(seconds, transport.abort)

        def data_received(self, data: bytes) -> None:
            former = self.cycle
            super().data_received(data)
            self._since_head = 0 if self.cycle is not former else self._since_head + len(data)
            if _is_endless(self, self._since_head):
                return
            if _has_arrived(self.cycle):
                if self._late is not None:  # just now: what comes behind it is counted anew
                    self._since_head = 0
                self._forgive()
            elif self._late is None:
                self._late = asyncio.get_running_loop().call_later(seconds, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._forgive()
            super().connection_lost(exc)

        def _forgive(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return BoundedRequests


def _has_arrived(cycle: Any) -> bool:
    """Tell whether a request is being answered; anything else has begun, and goes on with the time it has."""
    return cycle is not None and not cycle.more_body and not cycle.response_complete


def _is_endless(protocol: Any, since_head: int) -> bool:
    """Tell whether a head or a body does not end, and hang up then. `since_head`: bytes since the last whole head."""
    cycle, transport = protocol.cycle, protocol.transport
    in_head = cycle is None or (cycle.response_complete and not cycle.more_body)
    if since_head <= (LARGEST_HEAD if in_head else LARGEST_REQUEST):
        return False
    if in_head and not transport.is_closing():
        transport.write(_TOO_LARGE)
        transport.close()
    else:  # in the middle of an answer there is no place for another one
        transport.abort()
    return True
