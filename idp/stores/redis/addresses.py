"""Where Redis is: `store.redis_url`, read.

`redis://[user:password@]host[:port][/database]`, `redis+sentinel://host,host,…/service[/database]`,
`redis+cluster://host,host,…`, `unix:///socket`; with `rediss` instead of `redis`, TLS. Behind `?`: `ssl_ca_certs`,
`ssl_certfile`, `ssl_keyfile` (PEM files), `sentinel_username`, `sentinel_password`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from idp.model.struct import Frozen

Host = tuple[str, int]

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
_PORTS = {"alone": 6379, "cluster": 6379, "sentinel": 26379}
_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "sentinel_username", "sentinel_password"})
_SECURE = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})


class UnusableAddressError(Exception):
    """The address cannot be read; the text says why, and never holds what stands in it."""


class RedisAddress(Frozen, frozen=True, kw_only=True):
    """Which servers, and how to speak with them."""

    kind: Literal["alone", "sentinel", "cluster"]
    hosts: tuple[Host, ...] = ()
    socket: str = ""
    service: str = ""
    """The name under which Sentinel knows the servers."""
    database: int = 0
    username: str = ""
    password: str = ""
    secure: bool = False
    options: Mapping[str, str] = {}

    def tls(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken; None without it. Raises `UnusableAddressError`."""
        if not self.secure:
            return None
        try:
            context = ssl.create_default_context(cafile=self.options.get("ssl_ca_certs"))
            if "ssl_certfile" in self.options:
                context.load_cert_chain(self.options["ssl_certfile"], self.options.get("ssl_keyfile"))
        except (OSError, ssl.SSLError) as error:
            raise UnusableAddressError(f"its certificates cannot be read ({type(error).__name__})") from None
        return context


def read_address(url: str) -> RedisAddress:
    """Read an address.

    Raises:
        UnusableAddressError: it is none.

    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UnusableAddressError("it is not a URL") from None
    if parts.scheme == "unix":
        username, password, _ = _credentials(parts.netloc)
        return RedisAddress(kind="alone", socket=unquote(parts.path), username=username, password=password)
    scheme, _, kind = parts.scheme.partition("+")
    if scheme not in {"redis", "rediss"} or kind not in {"", "sentinel", "cluster"}:
        raise UnusableAddressError("it must begin with redis://, rediss://, redis+sentinel://, redis+cluster://")
    return _of_servers(parts, "sentinel" if kind == "sentinel" else "cluster" if kind else "alone", scheme == "rediss")


def _of_servers(parts: SplitResult, kind: Literal["alone", "sentinel", "cluster"], secure: bool) -> RedisAddress:  # noqa: FBT001 - one caller, beneath whose nose it stands
    username, password, places = _credentials(parts.netloc)
    hosts = tuple(_host(place, _PORTS[kind]) for place in places.split(","))
    if kind == "alone" and len(hosts) != 1:
        raise UnusableAddressError("one server alone has one host")
    service, database = _path(parts.path, kind)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not options.keys() <= _OPTIONS or (not secure and options.keys() & _SECURE):
        raise UnusableAddressError(f"behind “?”, only these are known: {', '.join(sorted(_OPTIONS))}")
    return RedisAddress(
        kind=kind,
        hosts=hosts,
        service=service,
        database=database,
        username=username,
        password=password,
        secure=secure,
        options=options,
    )


def _credentials(netloc: str) -> tuple[str, str, str]:
    credentials, _, places = netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    return unquote(username), unquote(password), places


def _host(place: str, default: int) -> Host:
    match = _HOST.fullmatch(place)
    if match is None:
        raise UnusableAddressError("a host is missing, or is none")
    return match["six"] or unquote(match["name"]), int(match["port"] or default)


def _path(path: str, kind: str) -> tuple[str, int]:
    parts = [unquote(part) for part in path.split("/") if part]
    service = parts.pop(0) if kind == "sentinel" and parts else ""
    if kind == "sentinel" and not service:
        raise UnusableAddressError("the service that Sentinel watches is missing: redis+sentinel://host/service")
    database = parts.pop(0) if parts else "0"
    if parts or not (database.isascii() and database.isdigit()) or (kind == "cluster" and database != "0"):
        raise UnusableAddressError("the database must be a number, and 0 in a cluster")
    return service, int(database)
