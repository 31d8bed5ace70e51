"""An event: something that happened to a user, a client or a session. Keycloak's event types."""

from __future__ import annotations

from idp.model.struct import Frozen


class Event(Frozen, frozen=True, kw_only=True):
    """One event. `transaction_id` is the same from the first page of a login to its last token.

    `detail` never holds a secret, a code, a password or a full phone number.
    """

    type: str
    at: int
    realm: str
    transaction_id: str
    user_id: str | None = None
    client_id: str | None = None
    sid: str | None = None
    address: str | None = None
    error: str | None = None
    detail: dict[str, str] = {}
