"""An authorization that a person decides somewhere else while the client waits: device (RFC 8628) and CIBA."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from idp.model.clients.assertion import PublicKeyAlgorithm
from idp.model.oauth import NO_TERMS, AuthorizationCode, GrantTerms
from idp.model.struct import Frozen

PendingKind = Literal["device", "backchannel"]
DeliveryMode = Literal["poll", "ping"]


class PendingState(StrEnum):
    """Where it stands; it only moves forward."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    TAKEN = "taken"


class PendingAuthorization(Frozen, frozen=True, kw_only=True):
    """One request, from the client's question to its tokens. Replaced, never edited; `revision` is the store's.

    `key` is the digest of what the client polls with (`device_code`, `auth_req_id`), `ticket` the keyed digest of what
    the person brings (`user_code`, the link of a message). Until `expires_at` it can be decided and redeemed; the store
    keeps it somewhat longer, so that a client which comes late is told `expired_token`. `interval` grows with every
    `slow_down`. `user_id` is whom a back-channel request asks. `approval` is what the decision was worth: it is
    redeemed as a code is.
    """

    key: str
    ticket: str
    kind: PendingKind
    client_id: str
    transaction_id: str
    scope: tuple[str, ...]
    created_at: int
    expires_at: int
    interval: int
    terms: GrantTerms = NO_TERMS
    acr_values: tuple[str, ...] = ()
    user_id: str | None = None
    binding_message: str = ""
    salt: str = ""
    """What the `auth_req_id` of a ping is derived from."""
    notification_token: bytes = b""
    """The client's bearer token for a ping, sealed; empty where the client polls only."""
    polled_at: int | None = None
    state: PendingState = PendingState.PENDING
    approval: AuthorizationCode | None = None
    revision: int = 0


class DeviceRules(Frozen, frozen=True, kw_only=True):
    """What a client may do with the device grant; None means as the realm has it. Times in seconds."""

    enabled: bool = False
    code_lifespan: int | None = None
    polling_interval: int | None = None


class BackchannelRules(Frozen, frozen=True, kw_only=True):
    """What a client has registered about CIBA (Core §4). With an `algorithm`, its requests must be signed by it."""

    enabled: bool = False
    delivery: DeliveryMode = "poll"
    notification_endpoint: str = ""
    algorithm: PublicKeyAlgorithm | None = None


class PendingPolicy(Frozen, frozen=True, kw_only=True):
    """A realm's times for both, in seconds, with Keycloak's defaults.

    `requests_per_hour` bounds how often one customer can be asked, by all clients together (push bombing).
    """

    device_lifespan: int = 600
    device_interval: int = 5
    backchannel_lifespan: int = 120
    backchannel_interval: int = 5
    requests_per_hour: int = 10
