"""A text message on its way: who carries it, and whether it arrived."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class DeliveryState(Enum):
    """What a gateway tells of a message. What is neither good nor bad news is `ACCEPTED`."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


class Carried(Frozen, frozen=True, kw_only=True):
    """A message that a gateway has taken. `message_id` is the gateway's name for it; empty if it gives none."""

    gateway: str = ""
    message_id: str = ""


class Receipt(Frozen, frozen=True, kw_only=True):
    """What a gateway tells of one message, some time later."""

    gateway: str
    message_id: str
    state: DeliveryState


class MessageDelivery(Frozen, frozen=True, kw_only=True):
    """What is known of a message. It holds no number; whose it is, is empty while the receipt was faster than us."""

    state: DeliveryState = DeliveryState.ACCEPTED
    transaction_id: str = ""
    user_id: str = ""


def merged(known: DeliveryState, told: DeliveryState) -> DeliveryState:
    """Return the state after a receipt: receipts are repeated and overtake each other, so the first end is the end."""
    return told if known is DeliveryState.ACCEPTED else known
