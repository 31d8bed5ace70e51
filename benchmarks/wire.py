"""A client that costs next to nothing: HTTP/1.1 over blocking sockets, kept alive, without anything a browser needs."""

from __future__ import annotations

import socket
from collections.abc import Generator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from idp.model.struct import Frozen

_CHUNK = 65536
_PATIENCE = 30.0  # seconds for one answer


class UnexpectedAnswerError(Exception):
    """The server did not answer what the scenario is about, so its cost would mean nothing."""


class Answer(Frozen, frozen=True, kw_only=True):
    """One response, decoded only where somebody looks."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        """Return the first header of that (lower-case) name, or nothing."""
        return next(iter(self._all(name)), b"")

    @property
    def location(self) -> str:
        """Where the answer leads to."""
        return self.header(b"location").decode()

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the answer sets."""
        pairs = (value.partition(b";")[0].partition(b"=") for value in self._all(b"set-cookie"))
        return {name.decode(): value.decode() for name, _, value in pairs}

    def _all(self, wanted: bytes) -> list[bytes]:
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [value.strip() for name, _, value in lines if name.lower() == wanted]


Journey = Generator[bytes, Answer, None]
"""One customer or client under way: yields requests and is sent their answers."""


def get(host: str, path: str, headers: Mapping[str, str] = {}) -> bytes:
    """Return the bytes of a GET request."""
    return _head("GET", host, path, headers)


def post(host: str, path: str, form: Mapping[str, str], headers: Mapping[str, str] = {}) -> bytes:
    """Return the bytes of a form's POST request."""
    body = urlencode(form).encode()
    described = {**headers, "content-type": "application/x-www-form-urlencoded", "content-length": str(len(body))}
    return _head("POST", host, path, described) + body


def _head(method: str, host: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode()


def expect(answer: Answer, status: int) -> Answer:
    """Return the answer if it has that status; raises `UnexpectedAnswerError`."""
    if answer.status != status:
        raise UnexpectedAnswerError(f"{answer.status} instead of {status}: {answer.body[:400]!r}")
    return answer


class Connection:
    """One connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the socket's number, for `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send one request."""
        self._socket.sendall(request)

    def receive(self) -> Answer:
        """Wait for the answer to the oldest request that has none yet."""
        while (answer := self._complete()) is None:
            self.read()
        return answer

    def received(self) -> Answer | None:
        """Take in what has arrived, once there is something; return the answer if it is complete."""
        self.read()
        return self._complete()

    def read(self) -> None:
        """Take in what has arrived, or wait for it."""
        try:
            arrived = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise UnexpectedAnswerError(f"No answer within {_PATIENCE:.0f} seconds.") from None
        if not arrived:
            raise UnexpectedAnswerError("The server hung up.")
        self._read += arrived

    def _complete(self) -> Answer | None:
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            return None
        answer = Answer(status=int(self._read[9:12]), head=self._read[:end], body=b"")
        chunked = answer.header(b"transfer-encoding").lower() == b"chunked"
        found = _chunks(self._read, end + 4) if chunked else _body(self._read, end + 4, answer)
        if found is None:
            return None
        body, finish = found
        self._read = self._read[finish:]
        return Answer(status=answer.status, head=answer.head, body=body)


def _body(read: bytes, start: int, answer: Answer) -> tuple[bytes, int] | None:
    length = int(answer.header(b"content-length") or b"0")
    return (read[start : start + length], start + length) if len(read) >= start + length else None


def _chunks(read: bytes, start: int) -> tuple[bytes, int] | None:
    """RFC 9112 §7.1. Our provider never sends such a body, others do."""
    body = b""
    while (end := read.find(b"\r\n", start)) >= 0:
        size = int(read[start:end].partition(b";")[0], 16)
        start = end + 2 + size + 2
        if len(read) < start:
            return None
        if size == 0:
            return body, start
        body += read[end + 2 : end + 2 + size]
    return None
