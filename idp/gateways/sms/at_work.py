"""Gateways at work: how messages leave, and how it comes back what became of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from idp.gateways.sms.receipts import ReceiptDoor
from idp.model.messages.message import Receipt
from idp.ports import SmsSender

RECEIPTS = "/sms-receipts"
"""Where gateways tell what became of messages: the gateway's name follows, and a secret where that is the proof."""

TellReceipt = Callable[[Receipt], Awaitable[None]]
_NO_DOORS: Mapping[str, ReceiptDoor] = MappingProxyType({})


class Opened(Protocol):
    """One gateway, opened."""

    def start(self, tell: TellReceipt) -> None:
        """Begin to listen for receipts, where they come over a connection of the gateway's own."""

    async def close(self) -> None:
        """Let go of its connections."""


class SmsGateways:
    """The gateways of a deployment."""

    def __init__(
        self, sender: SmsSender, *, opened: Sequence[Opened] = (), doors: Mapping[str, ReceiptDoor] = _NO_DOORS
    ) -> None:
        self.sender = sender
        self.doors = doors
        self._opened = opened

    def start(self, tell: TellReceipt) -> None:
        """Begin to listen for receipts; `tell` is told of each."""
        for gateway in self._opened:
            gateway.start(tell)

    async def close(self) -> None:
        """Let go of every connection."""
        for gateway in self._opened:
            await gateway.close()
