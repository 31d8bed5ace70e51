from __future__ import annotations

from itertools import count

import pytest

from idp.model.messages.message import Carried
from idp.ports import Answered, MessageUndeliveredError, UnfetchableError, Unobserved
from idp.telemetry.outside import ObservedOutbound, ObservedSms
from tests.fakes import FakeSites

pytestmark = pytest.mark.anyio
KEYS = "https://app.bank.al/jwks"


class Calls(Unobserved):
    """An observer that keeps what it hears of calls and messages."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        self.heard.append((kind, seconds, failed))

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        self.heard.append((realm, failed, gateway, price, seconds))


class AskedSites(FakeSites):
    """Sites of clients, and of other people's servers that answer."""

    async def ask(self, address: str, **_: object) -> Answered:
        return Answered(status=400, body=address.encode())


class Gateway:
    def __init__(self, error: MessageUndeliveredError | None = None) -> None:
        self._error = error

    async def send(self, *, to: str, text: str) -> Carried:
        if self._error is not None:
            raise self._error
        return Carried(gateway="spare", message_id=f"{to} {text}")


async def test_calls_are_told_by_kind_and_never_by_address() -> None:
    calls, sites, seconds = Calls(), AskedSites(), count(0.0, 0.5)
    outbound = ObservedOutbound(sites, observer=calls, timer=lambda: next(seconds))
    sites.documents[KEYS] = b"keys"
    assert await outbound.fetch(KEYS, largest=10) == b"keys"
    assert await outbound.post(KEYS, body=b"told", content_type="text/plain", headers={"a": "b"}) == 200
    assert (sites.posts[0].body, sites.posts[0].headers) == (b"told", {"a": "b"})
    assert (await outbound.ask(KEYS, body=b"", content_type="text/plain", largest=10)).status == 400
    with pytest.raises(UnfetchableError):
        await outbound.fetch("https://evil.example", largest=10)
    assert calls.heard == [("fetch", 0.5, False), ("post", 0.5, False), ("ask", 0.5, False), ("fetch", 0.5, True)]


async def test_a_message_is_told_with_its_gateway_and_price_and_never_with_its_number() -> None:
    calls, seconds = Calls(), count(0.0, 0.25)

    def observed(gateway: Gateway) -> ObservedSms:
        prices = {"+355692000101": 0.035}
        return ObservedSms(gateway, realm="bank", price=prices.__getitem__, observer=calls, timer=lambda: next(seconds))

    carried = await observed(Gateway()).send(to="+355692000101", text="123456")
    assert carried == Carried(gateway="spare", message_id="+355692000101 123456")
    with pytest.raises(MessageUndeliveredError):
        await observed(Gateway(MessageUndeliveredError("down"))).send(to="+355692000101", text="123456")
    assert calls.heard == [("bank", False, "spare", 0.035, 0.25), ("bank", True, "", 0, 0.25)]
