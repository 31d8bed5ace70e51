"""Where the lines of the log go: written whole, never waited for, and nobody's error if they cannot be.

A line tells an operator what happened. What a customer was promised lies in the store, and so do the events that an
auditor reads. So a full disk, or a pipe that nobody reads, costs lines and nothing else: they are counted, told once on
standard error, and told in the log when it can be written again. A write that waits would stop everybody's login.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

MOST_WAITING = 1024 * 1024
"""Bytes that wait for a reader that is slow. What comes on top is lost."""

_LAST_CHANCE = 1.0  # seconds that they have when the process ends
_LOOK = 0.1  # seconds
_PART = 4096
"""Bytes that a pipe takes whole or not at all (PIPE_BUF), so that lines of several processes do not mix."""


class Way(Protocol):
    """How bytes leave this process."""

    def send(self, part: bytes) -> int:
        """Take some of it without waiting; return how much. Raises `BlockingIOError` where nothing fits just now."""

    def wait(self, seconds: float) -> bool:
        """Wait until more fits; return whether it does."""

    def close(self) -> None:
        """Close what was opened for this way alone."""


class Descriptor:
    """A file, a terminal, or a pipe with a descriptor of our own."""

    def __init__(self, descriptor: int, *, own: bool) -> None:
        self._descriptor = descriptor
        self._own = own

    def send(self, part: bytes) -> int:
        """Write."""
        return os.write(self._descriptor, part)

    def wait(self, seconds: float) -> bool:
        """Wait, but not longer than that."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        """Close it, if it is ours."""
        if self._own:
            os.close(self._descriptor)


class Socket(Descriptor):
    """What the system's journal gives a service for its output."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        super().__init__(self._socket.fileno(), own=False)

    def send(self, part: bytes) -> int:
        """Send."""
        return self._socket.send(part, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Close our end of it."""
        self._socket.close()


def way_out(descriptor: int, *, own: bool = False) -> Way:
    """Return a way to a file, a pipe or a socket that does not wait for a slow reader.

    A pipe is opened once more for that: not to wait is a property of the opened pipe, which a shell and the other
    workers share with us, and they did not ask for it.

    Raises:
        OSError: the descriptor is closed.

    """
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(kind):
        return Socket(descriptor)
    if stat.S_ISFIFO(kind):
        with suppress(OSError):  # no /proc, or nobody reads the pipe any more
            return Descriptor(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK), own=True)
    return Descriptor(descriptor, own=own)


class Outlet:
    """Takes the lines of structlog, as its logger, and of the standard library, as its stream. For any thread."""

    def __init__(self, way: Way, *, tell: Callable[[str], None] | None = None) -> None:
        """`tell` says, where something still can be said, why lines are lost."""
        self.lost = 0
        """How many lines were lost since the start."""
        self._way = way
        self._tell = tell or _told_on_standard_error
        # One that a thread may take twice: garbage that is collected in the middle of a line may log what it was.
        self._lock = threading.RLock()
        self._sending = False
        self._waiting = bytearray()
        self._unfinished = False
        self._told = 0
        self._sender: threading.Thread | None = None

    def msg(self, line: str) -> None:
        """Write a line, without its end."""
        self.write(f"{line}\n")

    debug = info = warning = error = critical = exception = msg

    def write(self, lines: str) -> int:
        """Write whole lines, with their ends."""
        with self._lock:
            missing = self.lost - self._told if self._taken(lines.encode(errors="backslashreplace")) else 0
            self._told += missing
        if missing:
            structlog.get_logger().error("log lines lost", count=missing)
        return len(lines)

    def flush(self) -> None:
        """Do nothing: nothing is kept back that could be written."""

    def settle(self) -> None:
        """Give what waits for a slow reader a last chance: the process ends."""
        if (sender := self._sender) is not None:
            sender.join(_LAST_CHANCE)

    def close(self) -> None:
        """Take no more lines."""
        self.settle()
        self._way.close()

    def _taken(self, lines: bytes) -> bool:
        """Tell whether everything is written by now."""
        if self._waiting and len(self._waiting) + len(lines) > MOST_WAITING:
            self._lose(lines, "nobody reads it")
            return False
        if self._unfinished and not self._waiting:  # the rest of that line is lost; this one is a line of its own
            lines = b"\n" + lines
        self._waiting += lines
        return self._emptied()

    def _emptied(self) -> bool:
        if self._sending:  # further up in this very thread, which goes on with what was put behind its line
            return False
        self._sending = True
        try:
            while self._waiting:
                sent = self._way.send(self._part())
                self._unfinished = self._waiting[sent - 1 : sent] != b"\n"
                del self._waiting[:sent]
        except BlockingIOError:
            self._send_later()
            return False
        except OSError as error:
            lines = bytes(self._waiting)
            self._waiting.clear()
            self._lose(lines, error.strerror or type(error).__name__)
            return False
        finally:
            self._sending = False
        return True

    def _part(self) -> bytes:
        """Return as many whole lines as fit at once, but one."""
        end = self._waiting.rfind(b"\n", 0, _PART) + 1 or self._waiting.find(b"\n") + 1
        return bytes(self._waiting[:end])

    def _lose(self, lines: bytes, reason: str) -> None:
        if self.lost == self._told:  # the first of this time
            self._tell(reason)
        self.lost += sum(1 for line in lines.splitlines() if line)

    def _send_later(self) -> None:
        if self._sender is None:
            self._sender = threading.Thread(target=self._send_rest, name="log", daemon=True)
            self._sender.start()

    def _send_rest(self) -> None:
        while self._sender is not None:
            self._way.wait(_LOOK)
            with self._lock:
                self._emptied()
                if not self._waiting:
                    self._sender = None


def _told_on_standard_error(reason: str) -> None:
    told = f"idp: lines of the log are lost ({reason}). Everything is served as before, and the events are stored.\n"
    with suppress(OSError):
        way = way_out(2)
        try:
            way.send(told.encode())
        finally:
            way.close()
