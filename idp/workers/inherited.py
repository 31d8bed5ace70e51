"""What a worker is given by the process that started it: its place, open ports, and a line to talk on.

A worker is the same command as its supervisor. That it is one stands in a variable of its environment, with the numbers
of the descriptors that it has inherited.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from enum import StrEnum
from typing import Self

import msgspec

from idp.listeners.sockets import Listeners
from idp.model.struct import Frozen

VARIABLE = "HYRJA_WORKER"
SHARED = "HYRJA_SHARED"
"""The variable that names the folder where the workers of a node add up what they count."""
READY = b"ready\n"
BEAT = b"beat\n"
BEAT_SECONDS = 1.0
"""How often a worker that serves says that its loop turns."""


class Command(StrEnum):
    """What a supervisor tells a worker."""

    END = "end"
    """The node ends: be unready, serve on for the time of draining, then end."""
    RETIRE = "retire"
    """Another worker has taken the place: as above, but the node is as ready as before."""
    END_AT_ONCE = "end at once"
    """Finish what is being answered, nothing more."""


class Inheritance(Frozen, frozen=True, kw_only=True):
    """Descriptors by number. `place` says which of the node's workers it is, from 1.

    `alone`: no other worker serves, so a probe is for this one even before it does.
    """

    place: int
    alone: bool = True
    line: int
    ordinary: int
    asking: int | None = None
    management: int | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Return what this process has inherited; None for one that nobody supervises."""
        text = environment.get(VARIABLE)
        return None if text is None else msgspec.json.decode(text, type=cls)

    @property
    def variable(self) -> Mapping[str, str]:
        """The variable that tells a worker of it."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Every number that must stay open in the worker."""
        numbers = (self.line, self.ordinary, self.asking, self.management)
        return tuple(number for number in numbers if number is not None)

    def listeners(self) -> Listeners:
        """Open the ports; no process that this one starts inherits them in turn."""
        return Listeners(
            ordinary=_opened(self.ordinary),
            asking=None if self.asking is None else _opened(self.asking),
            management=None if self.management is None else _opened(self.management),
        )

    async def open_line(self) -> Line:
        """Open the line to the supervisor."""
        reader, writer = await asyncio.open_connection(sock=_opened(self.line))
        return Line(reader, writer)


class Line:
    """A worker's end of the line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say_ready(self) -> None:
        """Tell that requests are answered from now on."""
        self._writer.write(READY)

    def say_alive(self) -> None:
        """Tell that the loop turns. To a supervisor that does not read, nothing more is said than fits.

        Nor to one that is gone: whoever finishes what was begun has nobody to tell.
        """
        if not self._writer.is_closing() and self._writer.transport.get_write_buffer_size() == 0:
            self._writer.write(BEAT)

    async def next_command(self) -> Command | None:
        """Wait for a command; None once the supervisor is gone, however it died."""
        try:
            told = (await self._reader.readline()).decode().strip()
        except ConnectionError:
            return None
        return Command(told) if told else None

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def _opened(descriptor: int) -> socket.socket:
    opened = socket.socket(fileno=descriptor)
    opened.set_inheritable(False)
    return opened
