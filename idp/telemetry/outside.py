"""Around the ways out: how long somebody else took, and whether they did what they were asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from idp.model.messages.message import Carried
from idp.ports import Answered, Exchanges, MessageUndeliveredError, Observer, Outbound, SmsSender, UnfetchableError

T = TypeVar("T")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class WaysOut(Outbound, Exchanges, Protocol):
    """Every way to call addresses that clients have registered, as one port."""


class ObservedOutbound:
    """Implements `idp.ports.Outbound` and `Exchanges` by another one, of which the observer hears."""

    def __init__(self, outbound: WaysOut, *, observer: Observer, timer: Callable[[], float]) -> None:
        self._outbound = outbound
        self._observer = observer
        self._timer = timer

    async def fetch(self, address: str, *, largest: int) -> bytes:
        """Return a document; see the port."""
        return await self._timed("fetch", self._outbound.fetch(address, largest=largest))

    async def post(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> int:
        """Send a body; see the port."""
        sending = self._outbound.post(address, body=body, content_type=content_type, headers=headers)
        return await self._timed("post", sending)

    async def ask(
        self,
        address: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        largest: int,
    ) -> Answered:
        """Send a body and return the answer; see the port."""
        asking = self._outbound.ask(address, body=body, content_type=content_type, headers=headers, largest=largest)
        return await self._timed("ask", asking)

    async def _timed(self, kind: str, call: Awaitable[T]) -> T:
        began, failed = self._timer(), False
        try:
            return await call
        except UnfetchableError:
            failed = True
            raise
        finally:
            self._observer.outbound(kind, self._timer() - began, failed=failed)


class ObservedSms:
    """Implements `idp.ports.SmsSender` by another one, for the messages of one realm."""

    def __init__(
        self,
        sender: SmsSender,
        *,
        realm: str,
        price: Callable[[str], float],
        observer: Observer,
        timer: Callable[[], float],
    ) -> None:
        """`price` says what a message to a number costs, in the unit of the realm's prices."""
        self._sender = sender
        self._realm = realm
        self._price = price
        self._observer = observer
        self._timer = timer

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message over; see the port."""
        began = self._timer()
        try:
            carried = await self._sender.send(to=to, text=text)
        except MessageUndeliveredError:
            self._observer.message(self._realm, failed=True, gateway="", price=0, seconds=self._timer() - began)
            raise
        self._observer.message(
            self._realm, failed=False, gateway=carried.gateway, price=self._price(to), seconds=self._timer() - began
        )
        return carried
