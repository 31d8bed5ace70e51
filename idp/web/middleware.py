"""What every answer has and every request must pass, as plain ASGI (`BaseHTTPMiddleware` costs 180 µs a request)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from idp.web.http import Application, Header, Message, Receive, Reply, Scope, Send, json_reply, send_reply

_SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
)
_HSTS: Header = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_SECURE = (*_SECURITY, _HSTS)
_FRAMED = b"frame-ancestors *"
_LARGEST_BODY = 256 * 1024  # bytes; nothing here takes files
_LONGEST_NUMBER = 18  # digits; a longer one costs more than it says
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
ANNOUNCES_BODY = frozenset({b"content-length", b"transfer-encoding"})  # RFC 9112 §6: no body without one of them


class SecurityHeaders:
    """Adds the headers that a response does not set for itself."""

    def __init__(self, app: Application, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and complete the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = secured_headers(message["headers"], https=self._https)
            await send(message)

        await self._app(scope, receive, completed)


def secured_headers(present: Sequence[Header], *, https: bool) -> list[Header]:
    """Return the headers of an answer with those that it does not set for itself."""
    names = {name for name, _ in present}
    if any(name == b"content-security-policy" and _FRAMED in value for name, value in present):
        names.add(b"x-frame-options")  # a page that says who may frame it is not contradicted by the older header
    return [*present, *(header for header in (_SECURE if https else _SECURITY) if header[0] not in names)]


class KnownHosts:
    """Refuses requests for a host that is not ours: links are built from configuration, and caches key on the host."""

    def __init__(self, app: Application, *, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve requests for our own hosts."""
        if scope["type"] == "http" and _host(scope) not in self._hosts:
            await send_reply(send, json_reply({"error": "invalid_request", "error_description": "Unknown host."}, 421))
            return
        await self._app(scope, receive, send)


class Networks:
    """Networks (CIDR) that an address is in or not."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped  # what a socket for both families calls an IPv4 neighbour
        return any(found in network for network in self._networks)


class TrustedProxies:
    """Takes the client's address from `X-Forwarded-For`, but only as far as trusted proxies vouch for it."""

    def __init__(self, app: Application, *, networks: Sequence[str]) -> None:
        self._app = app
        self._proxies = Networks(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with `client` as the nearest address that is not a trusted proxy's."""
        if scope["type"] == "http" and scope.get("client") and self._proxies:
            scope["client"] = (self._nearest(scope), scope["client"][1])
        await self._app(scope, receive, send)

    def _nearest(self, scope: Scope) -> str:
        address: str = scope["client"][0]
        named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = [hop.strip() for hop in b",".join(named).decode("latin-1").split(",") if hop.strip()]
        # From the nearest hop outwards: what stands left of the first untrusted address could be anybody's invention.
        while hops and address in self._proxies:
            hop = hops.pop()
            if not _is_address(hop):
                return address
            address = hop
        return address


class BoundedBodies:
    """Refuses a body that is larger than anything we take, before it is read."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, counting what is received."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in _WITHOUT_BODY and not any(name in ANNOUNCES_BODY for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not declared.isdigit() or len(declared) > _LONGEST_NUMBER or int(declared) > _LARGEST_BODY:
            await send_reply(send, Reply(413))
            return
        received, begun = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            # A chunked body declares nothing: past the bound the connection counts as gone.
            return {"type": "http.disconnect"} if received > _LARGEST_BODY else message

        async def answered(message: Message) -> None:
            nonlocal begun
            if begun or received <= _LARGEST_BODY:
                begun = True
                await send(message)

        await self._app(scope, counted, answered)
        if received > _LARGEST_BODY and not begun:  # what was answered about a body that was cut off is no answer
            await send_reply(send, Reply(413))


def _host(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"host"]
    # Of several a proxy or a cache may believe another one than we do (RFC 9112 §3.2).
    return named_host(values[0]) if len(values) == 1 else ""


@lru_cache(maxsize=64)  # bounded: whoever invents hosts cannot fill the memory
def named_host(value: bytes) -> str:
    """Return the name in a `Host` header, without its port."""
    host = value.decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdigit() else host
    return bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare  # RFC 3986 §3.2.2: IPv6 in brackets


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
