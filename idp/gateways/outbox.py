"""The development outbox: messages are kept in a file, to be read on a page, instead of being sent.

It shows every code and first password to whoever can open the page, so a production configuration refuses it.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from idp.model.messages.message import Carried
from idp.model.struct import Frozen
from idp.ports import Clock, MessageUndeliveredError

_SHOWN = 500  # messages; older ones stay in the file


class OutboxMessage(Frozen, frozen=True, kw_only=True):
    """One message; `at` is RFC 3339 UTC. An e-mail has a subject, and `text` is its plain part."""

    to: str
    text: str
    at: str
    subject: str = ""


class Outbox:
    """Implements `idp.ports.SmsSender` on a file of JSON lines, which other processes may write to as well."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._messages: deque[OutboxMessage] = deque(maxlen=_SHOWN)
        self._read_to = 0
        self._take_over()

    async def send(self, *, to: str, text: str) -> Carried:
        """Keep the message; it is on disk when this returns."""
        await self.keep(to=to, text=text)
        return Carried(gateway="outbox")

    async def keep(self, *, to: str, text: str, subject: str = "") -> None:
        """Keep a message of either kind."""
        at = datetime.fromtimestamp(self._clock(), tz=UTC).isoformat(timespec="milliseconds")
        message = OutboxMessage(to=to, text=text, at=at, subject=subject)
        try:
            await asyncio.to_thread(_append, self._path, msgspec.json.encode(message) + b"\n")
        except OSError as error:
            raise MessageUndeliveredError(f"the outbox cannot be written: {type(error).__name__}") from error

    def messages(self) -> list[OutboxMessage]:
        """Return the messages, the newest last."""
        self._take_over()
        return list(self._messages)

    def _take_over(self) -> None:
        """Read what has been written since the last look, whole lines only."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            lines = file.read().rpartition(b"\n")[0]
        self._read_to += len(lines)
        self._messages.extend(_messages(lines))


class MailOutbox:
    """Implements `idp.ports.MailSender` on the same outbox: its plain part is what is kept."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        """Keep the message; it is on disk when this returns."""
        del html
        await self._outbox.keep(to=to, text=text, subject=subject)


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # a file that was there before may have been readable by others
        size = os.fstat(descriptor).st_size
        half_written = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        text = b"\n" + line if half_written else line  # or the new message would be lost with the half one
        if os.write(descriptor, text) != len(text):
            raise OSError(errno.ENOSPC, "only a part could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _messages(lines: bytes) -> list[OutboxMessage]:
    messages = []
    for line in lines.splitlines():
        try:
            messages.append(msgspec.json.decode(line, type=OutboxMessage))
        except msgspec.DecodeError:
            continue  # the last line of a process that was killed while writing it
    return messages
