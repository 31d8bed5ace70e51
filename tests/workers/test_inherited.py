"""A worker's end of the line to its supervisor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from idp.workers.inherited import Line

Run = Callable[[Any], None]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_worker_that_drains_beats_on_without_harm_when_its_supervisor_is_gone(run: Run) -> None:
    async def drained() -> None:
        theirs, ours = socket.socketpair()
        line = Line(*await asyncio.open_connection(sock=ours))
        theirs.close()
        assert await line.next_command() is None
        for _ in range(50):
            line.say_alive()
            await asyncio.sleep(0)
        line.close()

    run(drained())
