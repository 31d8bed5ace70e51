"""Between the driver and the server: a connection that breaks exactly where it hurts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from tests.listening import listening

_FLAGS = 16
_MORE_TO_COME = 2


class CuttingProxy:
    """Hands on whole messages (MongoDB's wire protocol: four bytes of length in front), and cuts where it is told."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._command = b""
        self._where: Literal["before", "after"] = "before"
        self._left = 0
        self.cuts = 0
        self.held = 0
        """How many answers wait, or have waited."""
        self._held = b""
        self._going = asyncio.Semaphore(0)
        self.port = 0

    def cut(self, command: str, where: Literal["before", "after"], *, times: int) -> None:
        """Break the connection `before` such a request arrives, or `after` it was answered, so many times."""
        self._command, self._where, self._left = command.encode() + b"\0", where, times

    def hold(self, command: str) -> None:
        """Keep every answer to such a request until it is let go."""
        self._held = command.encode() + b"\0"

    def let_one_go(self) -> None:
        """Hand on one answer that is held."""
        self._going.release()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends or is cut."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._handed_on(await _message(reader), there_writer, there_reader, writer):
                    pass
        finally:
            there_writer.close()
            writer.close()

    async def _handed_on(
        self, request: bytes, there: asyncio.StreamWriter, answers: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> bool:
        hit = self._left > 0 and self._command in request[16:64]
        self._left -= hit
        self.cuts += hit
        if hit and self._where == "before":
            return False
        there.write(request)
        more = True
        while more:
            answer = await _message(answers)
            more = bool(
                answer[_FLAGS] & _MORE_TO_COME
            )  # the driver's watch over the server: many answers to one request
            if hit:
                return False
            if self._held and self._held in request[16:64]:
                self.held += 1
                await self._going.acquire()
            back.write(answer)
            await back.drain()
        return True


async def _message(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length, "little") - 4)


@asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[CuttingProxy]:
    """Stand in front of a server."""
    proxy = CuttingProxy(port)
    async with listening(proxy.serve) as proxy.port:
        yield proxy
