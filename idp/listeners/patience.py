"""How long a request may take to arrive: connections are few, and who sends a byte a minute would keep one for ever.

uvicorn closes a connection that is idle between two requests; it waits without end for the rest of one that has begun,
and for the first one.
"""

from __future__ import annotations

import asyncio
from typing import Any

REQUEST_SECONDS = 30.0  # for all of a request, with its body: those are small here


def bounded_requests(protocol_class: type[Any], *, seconds: float = REQUEST_SECONDS) -> type[Any]:
    """Return uvicorn's HTTP protocol, with whichever parser, as one that drops a connection whose request is late."""

    class BoundedRequests(protocol_class):  # type: ignore[misc] # the parser is chosen at run time
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._late = asyncio.get_running_loop().call_later(seconds, transport.abort)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            # A request that is being answered has arrived; anything else has begun, and goes on with the time it has.
            arrived = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
            if arrived:
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
