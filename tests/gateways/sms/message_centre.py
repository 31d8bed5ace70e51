"""A message centre on a socket: it speaks SMPP 3.4 by its own reading of the specification."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from typing import Any

from tests.listening import listening
from tests.patience import PATIENCE

BIND, SUBMIT, DELIVER, ENQUIRE, UNBIND = 0x09, 0x04, 0x05, 0x15, 0x06


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return struct.pack(">4I", 16 + len(body), command, status, sequence) + body


class Centre:
    """What it was asked, and how it answers."""

    def __init__(self) -> None:
        self.binds: list[tuple[str, str, str]] = []
        self.submitted: list[dict[str, Any]] = []
        self.answers: dict[int, int] = {}
        """The status of the answer to each command; 0 if nothing stands here."""
        self.mute: set[int] = set()
        """Commands that are not answered."""
        self.enquiries = 0
        self.deliver_answers: list[int] = []
        self.receipts_first = False
        self.came: asyncio.Queue[int] = asyncio.Queue()
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._sequence = 1000

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length, command, status, sequence = struct.unpack(">4I", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                self._meet(writer, command, status, sequence, body)
                self.came.put_nowait(command)
        writer.close()

    def _meet(self, writer: asyncio.StreamWriter, command: int, status: int, sequence: int, body: bytes) -> None:
        answer = b""
        if command == BIND:
            system_id, password, system_type, rest = body.split(b"\0", 3)
            assert rest[0] == 0x34
            self.binds.append((system_id.decode(), password.decode(), system_type.decode()))
            answer = b"centre\0"
        elif command == SUBMIT:
            self.submitted.append(submitted(body))
            answer = b"m-%d\0" % len(self.submitted)
        elif command == ENQUIRE:
            self.enquiries += 1
        elif command & 0x80000000:
            if command == DELIVER | 0x80000000:
                self.deliver_answers.append(status)
            return
        if command in self.mute:
            return
        if command == SUBMIT and self.receipts_first:
            writer.write(pdu(DELIVER, 1, receipt(f"m-{len(self.submitted)}", "DELIVRD")))
        writer.write(pdu(command | 0x80000000, sequence, answer, self.answers.get(command, 0)))

    def write(self, octets: bytes) -> None:
        """Say something to every client."""
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(octets)

    def tell(self, message_id: str, word: str, **more: Any) -> None:
        """Tell what became of a message."""
        self._sequence += 1
        self.write(pdu(DELIVER, self._sequence, receipt(message_id, word, **more)))

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def until(self, command: int) -> None:
        """Wait until a client has sent that command."""
        async with asyncio.timeout(PATIENCE):
            while await self.came.get() != command:
                pass


def submitted(body: bytes) -> dict[str, Any]:
    """Read a submit_sm by the table of §4.4.1."""
    service, rest = body.split(b"\0", 1)
    assert service == b""
    source_kind, (source, rest) = tuple(rest[:2]), rest[2:].split(b"\0", 1)
    to_kind, (to, rest) = tuple(rest[:2]), rest[2:].split(b"\0", 1)
    esm_class, (at, rest) = rest[0], rest[3:].split(b"\0", 1)
    until, rest = rest.split(b"\0", 1)
    registered, _, coding, _, length = rest[:5]
    assert (at, until) == (b"", b"")
    assert len(rest) == 5 + length
    return {
        "source": (*source_kind, source.decode()),
        "to": (*to_kind, to.decode()),
        "esm_class": esm_class,
        "registered": registered,
        "coding": coding,
        "message": rest[5:],
    }


def receipt(message_id: str, word: str, *, by_options: int | None = None, esm_class: int = 4) -> bytes:
    """A deliver_sm with the text of appendix B; or, with `by_options`, with the optional parameters of §5.3.2."""
    text = f"id:{message_id} sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:{word} err:000 text:x"
    message = b"" if by_options is not None else text.encode()
    options = b""
    if by_options is not None:
        named = message_id.encode() + b"\0"
        options = struct.pack(">HH", 0x001E, len(named)) + named + struct.pack(">HHB", 0x0427, 1, by_options)
    head = b"\0" + b"\1\1355692000101\0" + b"\5\0BANKA\0" + bytes([esm_class, 0, 0]) + b"\0\0" + bytes([0, 0, 0, 0])
    return head + bytes([len(message)]) + message + options


@contextlib.asynccontextmanager
async def centre_at_work(tls: ssl.SSLContext | None = None) -> AsyncIterator[Centre]:
    centre = Centre()
    async with listening(centre.serve, tls=tls) as centre.port:
        yield centre
