"""Calls to addresses that clients have registered, without becoming their tool (SSRF, CVE-2020-10770).

The host is resolved once, every address it has must be a public one, and the connection goes to that very address: a
name that answers differently a moment later (DNS rebinding) changes nothing. TLS is checked against the name. No
redirect is followed, no proxy or cookie is used, and size and time are bounded.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit

from idp.model.struct import Frozen
from idp.ports import Answered, UnfetchableError

if TYPE_CHECKING:
    import httpx

_LONGEST_ADDRESS = 2048
_OK = 200
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What is given to sites (IANA). Much outside of it is "global" to Python: site-local addresses (RFC 3879), and
# IPv4 addresses written as `::a.b.c.d` (RFC 4291 §2.5.5) or `::ffff:0:a.b.c.d` (RFC 2765 §2.1).
_INTERNET = ipaddress.ip_network("2000::/3")
# Protocol assignments, Teredo and the like, 6to4: never a web site, and "global" to some Pythons.
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "2001::/23", "2002::/16")))
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
T = TypeVar("T")
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _Call(Frozen, frozen=True, kw_only=True):
    method: str
    headers: dict[str, str]
    body: bytes | None = None


class HttpOutbound:
    """Implements `idp.ports.Outbound`. The HTTP client is loaded at the first call."""

    def __init__(
        self,
        *,
        ca_bundle: str | None = None,
        allow_loopback: bool = False,
        timeout: float = 3.0,
        resolve: Resolve = _resolve,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._ca_bundle = ca_bundle
        self._allow_loopback = allow_loopback
        self._timeout = timeout
        self._resolve = resolve
        self._transport = transport

    async def fetch(self, address: str, *, largest: int) -> bytes:
        """Return the document; see the port. Its media type is not looked at: servers get it wrong."""

        async def document(response: httpx.Response) -> bytes:
            return await _document(response, largest)

        return await self._called(address, _Call(method="GET", headers={"accept": "application/json"}), document)

    async def post(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> int:
        """Send the body and return the status; see the port. What is answered beside the status is not read."""

        async def status(response: httpx.Response) -> int:
            return response.status_code

        call = _Call(method="POST", headers={**headers, "content-type": content_type}, body=body)
        return await self._called(address, call, status)

    async def ask(
        self,
        address: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        largest: int,
    ) -> Answered:
        """Send the body and return the answer, whatever its status; see the port."""

        async def answered(response: httpx.Response) -> Answered:
            return Answered(status=response.status_code, body=await _body(response, largest))

        call = _Call(method="POST", headers={**headers, "content-type": content_type}, body=body)
        return await self._called(address, call, answered)

    async def _called(self, address: str, call: _Call, read: Callable[[httpx.Response], Awaitable[T]]) -> T:
        import httpx  # noqa: PLC0415 - loaded only where an address is called

        parts, port = _split(address)
        try:
            # One bound for all of it: the client's own is for each read, so an answer in drips would never end.
            async with asyncio.timeout(self._timeout):
                return await self._first(parts, port, await self._targets(parts, port), call, read)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, TimeoutError) as error:
            raise UnfetchableError(f"the address cannot be reached: {type(error).__name__}") from None

    async def _targets(self, parts: SplitResult, port: int) -> list[IpAddress]:
        """Return the addresses to connect to; raises `UnfetchableError` unless the name has only allowed ones."""
        found = [
            ipaddress.ip_address(text.partition("%")[0]) for text in await self._resolve(parts.hostname or "", port)
        ]
        if not found or not all(self._allowed(one) for one in found):
            raise UnfetchableError("the name is of an address that is not called")
        if parts.scheme == "http" and not all(one.is_loopback for one in found):
            raise UnfetchableError("only https is called")
        return found

    async def _first(
        self,
        parts: SplitResult,
        port: int,
        targets: list[IpAddress],
        call: _Call,
        read: Callable[[httpx.Response], Awaitable[T]],
    ) -> T:
        """Call the first address that can be connected to: one of two families may lead nowhere from here."""
        import httpx  # noqa: PLC0415 - as above

        for target in targets[:-1]:
            try:
                return await self._exchanged(parts, port, target, call, read)
            except httpx.ConnectError:
                continue
        return await self._exchanged(parts, port, targets[-1], call, read)

    def _allowed(self, found: IpAddress) -> bool:
        if found.is_loopback:
            return self._allow_loopback
        leads_to = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else found
        on_the_internet = leads_to.version == 4 or leads_to in _INTERNET  # noqa: PLR2004 - IPv4
        special = leads_to.is_multicast or any(leads_to in network for network in _SPECIAL)
        return on_the_internet and leads_to.is_global and not special

    async def _exchanged(
        self,
        parts: SplitResult,
        port: int,
        target: IpAddress,
        call: _Call,
        read: Callable[[httpx.Response], Awaitable[T]],
    ) -> T:
        import httpx  # noqa: PLC0415 - as above

        host = f"[{target}]" if target.version == 6 else str(target)  # noqa: PLR2004 - IPv6
        url = f"{parts.scheme}://{host}:{port}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
        headers = {**call.headers, "host": parts.netloc, "accept-encoding": "identity"}
        async with (
            httpx.AsyncClient(
                verify=self._tls,
                follow_redirects=False,
                trust_env=False,
                timeout=self._timeout,
                transport=self._transport,
            ) as client,
            client.stream(
                call.method,
                url,
                headers=headers,
                content=call.body,
                extensions={"sni_hostname": parts.hostname},
            ) as response,
        ):
            return await read(response)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx  # noqa: PLC0415 - as above

        context = httpx.create_ssl_context(trust_env=False)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._ca_bundle is not None:
            context.load_verify_locations(self._ca_bundle)
        return context


async def _document(response: httpx.Response, largest: int) -> bytes:
    if response.status_code != _OK:
        raise UnfetchableError(f"the address answered {response.status_code}")
    return await _body(response, largest)


async def _body(response: httpx.Response, largest: int) -> bytes:
    if "content-encoding" in response.headers:  # asked for none; a small body could become a huge one
        raise UnfetchableError("the document is compressed")
    document = b""
    async for piece in response.aiter_raw():
        document += piece
        if len(document) > largest:
            raise UnfetchableError("the document is too large")
    return document


def _split(address: str) -> tuple[SplitResult, int]:
    """Take an address apart; raises `UnfetchableError` for one that is never called."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise UnfetchableError("it is not an address") from None
    # One reading only: what another parser could take for a second host, a line or a path is not called at all.
    odd = len(address) > _LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or _has_more(parts)
    if odd or "\\" in address or " " in address or "@" in parts.netloc or parts.fragment or not parts.hostname:
        raise UnfetchableError("it is not an address that is called")
    if parts.scheme not in {"https", "http"} or port == 0:
        raise UnfetchableError("only https is called")
    return parts, port or (443 if parts.scheme == "https" else 80)


def _has_more(parts: SplitResult) -> bool:
    """Tell whether anything stands beside host and port: `[::1]https:` is a host to one parser and none to another."""
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    rest = parts.netloc.lower().removeprefix(named)
    return bool(rest) and not (rest[0] == ":" and rest[1:].isdigit())
