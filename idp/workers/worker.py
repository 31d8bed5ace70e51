"""One serving process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence

from idp.listeners.sockets import Listeners
from idp.workers.inherited import BEAT_SECONDS, READY, Command, Inheritance


class Worker:
    """A fresh interpreter, not a fork of this one: a fork would share state of OpenSSL, threads and the event loop."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.pid = process.pid

    @classmethod
    async def started(
        cls, command: Sequence[str], *, place: int, alone: bool, listeners: Listeners, environment: Mapping[str, str]
    ) -> Worker:
        """Start one; it is told by its environment which ports it has inherited."""
        ours, theirs = socket.socketpair()
        inheritance = Inheritance(
            place=place,
            alone=alone,
            line=theirs.fileno(),
            ordinary=listeners.ordinary.fileno(),
            asking=None if listeners.asking is None else listeners.asking.fileno(),
            management=None if listeners.management is None else listeners.management.fileno(),
        )
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**environment, **inheritance.variable},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=inheritance.descriptors,
                # A Ctrl-C at the terminal is for the supervisor, which ends everybody in order.
                process_group=0,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    async def ready(self) -> bool:
        """Wait until it serves; false if it ended instead."""
        try:
            return await self._reader.readline() == READY
        except ConnectionError:
            return False

    async def falls_silent(self, seconds: float) -> bool:
        """Wait until nothing was heard of it for so long; false if it hangs up instead: then it ends by itself."""
        return await falls_silent(self._reader, seconds)

    def tell(self, command: Command) -> None:
        """Tell it what to do; one that is gone already hears nothing."""
        if not self._writer.is_closing():
            self._writer.write(f"{command}\n".encode())

    async def ended(self) -> int:
        """Wait for its end; return the exit status, negative for the signal that killed it."""
        status = await self._process.wait()
        self._writer.close()
        return status

    def kill(self) -> None:
        """End it without asking."""
        if self._process.returncode is None:
            self._process.kill()


async def falls_silent(reader: asyncio.StreamReader, seconds: float, *, look: float = BEAT_SECONDS) -> bool:
    """Wait until nothing was heard for so long; false at the end of the line.

    Looks are counted, and not what a clock says: where this process was stopped too, or the whole machine slept, one
    look took an hour, and says no more than any other.
    """
    unheard = 0.0
    while unheard < seconds:
        try:
            heard = await asyncio.wait_for(reader.readline(), look)
        except TimeoutError:
            unheard += look
            continue
        except ConnectionError:
            return False
        if not heard:
            return False
        unheard = 0.0
    return True
