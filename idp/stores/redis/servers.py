"""Which server has which bucket, and what a server must be like before anything is believed of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio.sentinel import Sentinel
from redis.crc import key_slot
from redis.exceptions import RedisError

from idp.ports import StoreUnavailableError
from idp.stores.redis.addresses import Host, RedisAddress, UnusableAddressError
from idp.stores.redis.names import BUCKETS
from idp.stores.redis.wire import Command, RedisRefusedError, Wire

_OLDEST = (6, 2)


class Servers:
    """The servers of an address: found, connected to, and examined. Every way to fail is `StoreUnavailableError`."""

    def __init__(self, address: RedisAddress, *, patience: float, replicas: int) -> None:
        self._address = address
        self._patience = patience
        self._replicas = replicas
        try:
            self._tls = address.tls()
        except UnusableAddressError as error:
            raise StoreUnavailableError(f"store.redis_url cannot be used: {error}.") from None

    async def of_buckets(self) -> Mapping[Host, Sequence[int]]:
        """Return which server has which buckets now; a socket's host is its path."""
        if self._address.kind == "cluster":
            return await self._cluster()
        host = await self._master() if self._address.kind == "sentinel" else self._only()
        return {host: range(BUCKETS)}

    async def connected(self, host: Host) -> tuple[Wire, str]:
        """Connect to a server; return the wire, and the name of that server's run: another one after each start."""
        wire = await self._opened(host)
        try:
            answers = await wire.ask([*self._greeting(), ("INFO",)])
            return wire, _examined(answers)
        except BaseException as error:
            wire.abort("it was not accepted")
            if isinstance(error, RedisRefusedError):
                raise StoreUnavailableError(_refused(error)) from None
            raise

    def _only(self) -> Host:
        return (self._address.socket, 0) if self._address.socket else self._address.hosts[0]

    async def _opened(self, host: Host) -> Wire:
        loop = asyncio.get_running_loop()

        def wire() -> Wire:
            return Wire(patience=self._patience, replicas=self._replicas)

        try:
            async with asyncio.timeout(self._patience):
                if self._address.socket:
                    return (await loop.create_unix_connection(wire, self._address.socket))[1]
                name, port = host
                return (await loop.create_connection(wire, name, port, ssl=self._tls))[1]
        except TimeoutError:
            raise StoreUnavailableError(
                f"Redis at {_place(host)}: no connection within {self._patience:g} s."
            ) from None
        except ssl.SSLError as error:
            why = error.reason or type(error).__name__
            raise StoreUnavailableError(f"Redis at {_place(host)}: TLS failed ({why}).") from None
        except OSError as error:
            raise StoreUnavailableError(f"Redis at {_place(host)}: no connection ({_why(error)}).") from None

    def _greeting(self) -> list[Command]:
        address, commands = self._address, list[Command]()
        if address.password:
            commands.append(("AUTH", *([address.username] if address.username else []), address.password))
        if address.database:
            commands.append(("SELECT", address.database))
        return [*commands, ("CLIENT", "SETNAME", "hyrja")]

    async def _master(self) -> Host:
        """Ask Sentinel: redis-py's own rules say when a master is one."""
        options, address = self._address.options, self._address
        spoken: dict[str, Any] = {"socket_timeout": self._patience, "socket_connect_timeout": self._patience}
        if address.secure:
            spoken |= {"ssl": True} | {name: options[name] for name in options if name.startswith("ssl_")}
        for name in ("username", "password"):
            if f"sentinel_{name}" in options:
                spoken[name] = options[f"sentinel_{name}"]
        sentinel = Sentinel(address.hosts, sentinel_kwargs=spoken)  # type: ignore[no-untyped-call]  # redis-py's gap
        try:
            async with asyncio.timeout(self._patience * 2):
                name, port = await sentinel.discover_master(address.service)
        except TimeoutError:
            raise StoreUnavailableError(f"Redis: no Sentinel answers within {self._patience * 2:g} s.") from None
        except (RedisError, OSError) as error:
            raise StoreUnavailableError(f"Redis: Sentinel names no master ({type(error).__name__}).") from None
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(name), int(port)

    async def _cluster(self) -> Mapping[Host, Sequence[int]]:
        for host in self._address.hosts:
            with contextlib.suppress(StoreUnavailableError, RedisRefusedError):
                wire = await self._opened(host)
                try:
                    *_, slots = await wire.ask([*self._greeting(), ("CLUSTER", "SLOTS")])
                finally:
                    wire.abort("it was only asked for its neighbours")
                if isinstance(slots, RedisRefusedError):
                    raise slots
                return _shared_out(slots, host)
        raise StoreUnavailableError("Redis: no node of the cluster tells which ones there are.")


def _shared_out(slots: Sequence[Any], asked: Host) -> Mapping[Host, Sequence[int]]:
    """Return which node has which buckets. A node that does not know its own name is the one that was asked."""
    shared: dict[Host, list[int]] = {}
    for first, last, (name, port, *_), *_ in slots:
        host = (name.decode() or asked[0], int(port))
        shared.setdefault(host, []).extend(b for b in range(BUCKETS) if first <= key_slot(b"%d" % b) <= last)
    return {host: buckets for host, buckets in shared.items() if buckets}


def _examined(answers: Sequence[Any]) -> str:
    for answer in answers:
        if isinstance(answer, RedisRefusedError):
            raise answer
    told = dict(line.split(":", 1) for line in answers[-1].decode().splitlines() if ":" in line)
    version = tuple(int(part) for part in told.get("redis_version", "0").split(".")[:2])
    if version < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise StoreUnavailableError(f"Redis {told.get('redis_version')} is too old: {needed} is needed.")
    if told.get("loading") == "1":
        raise StoreUnavailableError("Redis: it is still reading its data.")
    if told.get("role") != "master":
        raise StoreUnavailableError("Redis: this server is a replica; name its master, or use redis+sentinel://.")
    # Evicted, a value that was used could be used again, and a budget would begin anew.
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise StoreUnavailableError(
            f"Redis throws records away when it is full (maxmemory-policy {policy}). Set maxmemory-policy noeviction."
        )
    return str(told["run_id"])


def _why(error: OSError) -> str:
    """Say it without the address, which stands in what Python says."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else type(error).__name__


def _refused(error: RedisRefusedError) -> str:
    if error.code in {"NOAUTH", "WRONGPASS"} or "AUTH" in str(error):
        return "Redis does not accept the password of store.redis_url."
    return f"Redis refuses this provider ({error.code})."


def _place(host: Host) -> str:
    name, port = host
    return f"{name}:{port}" if port else name  # a socket is a path, and has none
