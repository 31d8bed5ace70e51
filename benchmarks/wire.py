"""A client that costs next to nothing: HTTP/1.1 over blocking sockets, kept alive, without anything a browser needs."""

from __future__ import annotations

import socket
from collections.abc import Generator, Mapping, Sequence
from itertools import islice
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
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send one request."""
        self._socket.sendall(request)

    def receive(self) -> Answer:
        """Return the answer to the oldest request that has none yet."""
        read = self._rest
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._more()
        answer = Answer(status=int(read[9:12]), head=read[:end], body=b"")
        length = int(answer.header(b"content-length") or b"0")
        body = read[end + 4 :]
        while len(body) < length:
            body += self._more()
        self._rest = body[length:]
        return Answer(status=answer.status, head=answer.head, body=body[:length])

    def _more(self) -> bytes:
        try:
            received = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise UnexpectedAnswerError(f"No answer within {_PATIENCE:.0f} seconds.") from None
        if not received:
            raise UnexpectedAnswerError("The server hung up.")
        return received


def drive(journeys: Sequence[Journey], connections: Sequence[Connection]) -> int:
    """Take every journey to its end, as many at once as there are connections; return how many requests that took."""
    waiting, requests = iter(journeys), 0
    while wave := list(islice(waiting, len(connections))):
        under_way = [(journey, connections[place], next(journey)) for place, journey in enumerate(wave)]
        while under_way:
            requests += len(under_way)
            for _, connection, request in under_way:
                connection.send(request)
            answered = [(journey, connection, connection.receive()) for journey, connection, _ in under_way]
            under_way = [
                (journey, connection, following)
                for journey, connection, answer in answered
                if (following := _next(journey, answer)) is not None
            ]
    return requests


def _next(journey: Journey, answer: Answer) -> bytes | None:
    try:
        return journey.send(answer)
    except StopIteration:
        return None
