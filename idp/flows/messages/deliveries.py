"""What became of text messages: told by gateways, and kept with the login that wanted the message."""

from __future__ import annotations

from collections.abc import Mapping

from idp.audit.events import Recorder
from idp.model.event import Event
from idp.model.messages.message import DeliveryState, MessageDelivery, Receipt
from idp.model.struct import Frozen
from idp.ports import Clock, MessageDeliveries

KEPT = 3 * 86400
"""Seconds for which it is known whose a message was: gateways try for two days."""

_EARLY = 3600
_EVENTS = {DeliveryState.DELIVERED: "SMS_DELIVERED", DeliveryState.UNDELIVERED: "SMS_UNDELIVERED"}


class RealmDeliveries(Frozen, frozen=True, kw_only=True):
    """The messages and the events of one realm."""

    messages: MessageDeliveries
    recorder: Recorder


class ReceiptBook:
    """Keeps receipts for whichever realm the message belongs to: a gateway knows of no realms."""

    def __init__(self, realms: Mapping[str, RealmDeliveries], clock: Clock) -> None:
        self._realms = realms
        self._clock = clock

    async def keep(self, receipt: Receipt) -> None:
        """Keep one receipt; raises `StoreUnavailableError` if it cannot be kept, so that it is told again."""
        named = [name for name, realm in self._realms.items() if await realm.messages.get(*_key(receipt)) is not None]
        # One that came before its message was written down waits in every realm for it: it holds a state, nothing else.
        for name in named or self._realms:
            realm = self._realms[name]
            delivery = await realm.messages.tell(*_key(receipt), receipt.state, ttl=_EARLY)
            if delivery is not None and delivery.transaction_id:
                await realm.recorder.record(_event(name, receipt.gateway, delivery, int(self._clock())))


def event_type_of(delivery: MessageDelivery) -> str | None:
    """Return the type of the event that a delivery is; None where there is no news yet."""
    return _EVENTS.get(delivery.state)


def _event(realm: str, gateway: str, delivery: MessageDelivery, now: int) -> Event:
    undelivered = delivery.state is DeliveryState.UNDELIVERED
    return Event(
        type=_EVENTS[delivery.state],
        at=now,
        realm=realm,
        transaction_id=delivery.transaction_id,
        user_id=delivery.user_id or None,
        error="sms_undelivered" if undelivered else None,
        detail={"gateway": gateway},
    )


def _key(receipt: Receipt) -> tuple[str, str]:
    return receipt.gateway, receipt.message_id
