"""Around every request: how long it took, and by which endpoint of ours it was answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from idp.model.struct import Frozen
from idp.ports import Observer
from idp.web.http import Application, Message, Receive, Scope, Send

_REALMS = "/realms/{realm}/"
_PROTOCOL = "protocol/openid-connect/"
_STATIC = "/static/"
ELSEWHERE = "elsewhere"
"""The endpoint of a request that is for none of ours: what somebody else made up is no label."""


class Place(Frozen, frozen=True):
    """What a request was for: the realm (empty: none of ours) and the endpoint, as an address of our own list."""

    realm: str
    endpoint: str


class Places:
    """The endpoints by path. `addresses` are those that are served, with `{…}` where something varies."""

    def __init__(self, addresses: Iterable[str], realms: Iterable[str]) -> None:
        names = list(realms)
        self._exact: dict[str, Place] = {}
        self._patterns: list[tuple[tuple[str, ...], str, int | None]] = []
        self._nowhere = Place("", ELSEWHERE)
        for address in dict.fromkeys(addresses):
            endpoint = _endpoint(address)
            parts = tuple(address.split("/"))
            varying = [part for part in parts if part.startswith("{")]
            if varying == ["{realm}"]:
                for name in names:
                    self._exact[address.replace("{realm}", name)] = Place(name, endpoint)
            elif varying:
                self._patterns.append((parts, endpoint, parts.index("{realm}") if "{realm}" in parts else None))
            else:
                self._exact[address] = Place("", endpoint)
        self._realms = frozenset(names)

    def of(self, path: str) -> Place:
        """Return what a path is for."""
        return self._exact.get(path) or self._matching(path)

    def _matching(self, path: str) -> Place:
        parts = path.split("/")
        for pattern, endpoint, at in self._patterns:
            if _matches(pattern, parts):
                realm = parts[at] if at is not None else ""
                return Place(realm if realm in self._realms else "", endpoint)
        return self._nowhere


def _matches(pattern: tuple[str, ...], parts: list[str]) -> bool:
    if pattern[-1].endswith(":path}"):
        parts = parts[: len(pattern)]
    return len(pattern) == len(parts) and all(p == part or p[:1] == "{" for p, part in zip(pattern, parts, strict=True))


def _endpoint(address: str) -> str:
    """Return a label: the address below its realm, without what all of the protocol's have in front."""
    if address.startswith(_STATIC):
        return "static"  # their names change with their contents
    return address.removeprefix(_REALMS).removeprefix(_PROTOCOL).removeprefix("/")


class Timed:
    """Tells the observer of every request when its answer is complete."""

    def __init__(self, app: Application, *, places: Places, observer: Observer, timer: Callable[[], float]) -> None:
        self._app = app
        self._places = places
        self._observer = observer
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and look at the clock before and after."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._timer(), 0

        def noticed(message: Message) -> Awaitable[None]:  # no coroutine of its own: it is called for every part
            nonlocal status
            if not status:
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, noticed)
        finally:
            place = self._places.of(scope["path"])
            self._observer.request(place.realm, place.endpoint, status or _NOBODY, self._timer() - began)


_NOBODY = 499  # whoever asked had gone; nginx's number for it
