"""A tiny toolkit of plain ASGI for endpoints that are asked thousands of times a second, and for the pages of a login.

A framework's routing, request object and middleware cost more than an ES256 signature (limits.md §3).
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from idp.model.struct import Frozen

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

NO_STORE: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
JSON: Header = (b"content-type", b"application/json")
JWT: Header = (b"content-type", b"application/jwt")
# On every reply of this toolkit: nothing of ours is to be guessed at, framed or followed from (ASVS 3.4).
_ALWAYS: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_FORM = "application/x-www-form-urlencoded"


class BodyTooLargeError(Exception):
    """The request's body is larger than the endpoint reads."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete; nobody is left to be answered."""


class Request:
    """A read-only view of an HTTP request, decoded only where somebody looks."""

    __slots__ = ("_headers", "_scope", "method", "path", "query", "remote_address")

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self._headers: list[Header] = scope["headers"]
        self._scope = scope
        client = scope.get("client")
        self.remote_address: str | None = client[0] if client else None

    def header(self, name: str) -> str | None:
        """Return a header's value; a repeated header is one list (RFC 9110 §5.3), so it parses as none of them."""
        wanted = name.lower().encode("latin-1")
        values = [value for key, value in self._headers if key == wanted]
        return b", ".join(values).decode("latin-1") if values else None

    def cookie(self, name: str) -> str | None:
        """Return a cookie's value. Of several with one name the first counts, which browsers send most specific."""
        for key, header in self._headers:
            if key != b"cookie":
                continue
            for pair in header.decode("latin-1").split(";"):
                found, _, value = pair.strip().partition("=")
                if found == name:
                    return value
        return None

    @property
    def client_certificates(self) -> tuple[bytes, ...]:
        """The DER of the certificate that the sender proved to hold the key of, and of those it sent to vouch for it.

        Nothing else is known of it: anybody can make a certificate. It comes from the TLS connection or from a trusted
        proxy; the scope has it as the ASGI TLS extension says, as PEM.
        """
        extensions: Mapping[str, Any] = self._scope.get("extensions") or {}
        chain = (extensions.get("tls") or {}).get("client_cert_chain") or ()
        return tuple(ssl.PEM_cert_to_DER_cert(text) for text in chain)

    @property
    def client_certificate(self) -> bytes | None:
        """The DER of the sender's own certificate, if there is one."""
        return next(iter(self.client_certificates), None)

    @property
    def has_form(self) -> bool:
        """Tell whether the body claims to be an `application/x-www-form-urlencoded` form."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower() == _FORM


class Reply(Frozen, frozen=True):
    """A complete answer. `headers` have lower-case names, as ASGI wants them."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()

    def with_headers(self, *headers: Header) -> Reply:
        """Return the reply with more headers."""
        return Reply(self.status, self.body, (*self.headers, *headers)) if headers else self


def json_reply(content: object, status: int = 200, *, headers: tuple[Header, ...] = NO_STORE) -> Reply:
    """Return a JSON answer; it is not cached unless `headers` say otherwise."""
    return Reply(status, msgspec.json.encode(content), (JSON, *headers))


def token_reply(token: str, media_type: Header) -> Reply:
    """Return an answer that is a token; it is not cached."""
    return Reply(200, token.encode(), (media_type, *NO_STORE))


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read the whole body; raises `BodyTooLargeError` as soon as it is over `limit` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def whole_headers(reply: Reply) -> list[Header]:
    """Return every header that a reply is sent with."""
    return [*reply.headers, *_ALWAYS, (b"content-length", str(len(reply.body)).encode())]


async def send_reply(send: Send, reply: Reply, *, head: bool = False) -> None:
    """Send a reply; `head` leaves out the body and nothing else (RFC 9110 §9.3.2)."""
    await send({"type": "http.response.start", "status": reply.status, "headers": whole_headers(reply)})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
