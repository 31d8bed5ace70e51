"""What an operator did at the command line, as an event beside those of the server."""

from __future__ import annotations

from idp.app import Outside
from idp.crypto.base64url import base64url
from idp.model.event import Event
from idp.ports import RealmStores


async def record_event(
    stores: RealmStores,
    outside: Outside,
    realm: str,
    event_type: str,
    detail: dict[str, str],
    *,
    client_id: str | None = None,
    user_id: str | None = None,
    sid: str | None = None,
) -> None:
    """Write the event; durable when this returns."""
    event = Event(
        type=event_type,
        at=int(outside.clock()),
        realm=realm,
        transaction_id=base64url(outside.random(12)),
        client_id=client_id,
        user_id=user_id,
        sid=sid,
        detail=detail,
    )
    await stores.events.record(event)
