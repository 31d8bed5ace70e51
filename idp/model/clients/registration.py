"""Clients that register themselves (RFC 7591): who may, within which bounds, and what is kept of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idp.model.client import Client
from idp.model.struct import Frozen

MOST_CLIENTS = 200
"""Registered clients of a realm, where no policy says otherwise."""
AN_HOUR = 60
"""Registrations from one address in an hour, where no attribute says otherwise."""


class Restrictions(Frozen, frozen=True, kw_only=True):
    """What a registration is held to: Keycloak's client registration policies of one kind (`subType`).

    `trusted_hosts` are names, `*.names`, addresses and networks. None for `scopes` or `mappers` means that no policy
    restricts them; `default_scopes` lets a client have the realm's default scopes beside those named.
    """

    most_clients: int = MOST_CLIENTS
    trusted_hosts: tuple[str, ...] = ()
    from_trusted_host: bool = False
    addresses_at_trusted_hosts: bool = False
    consent_required: bool = False
    full_scope: bool = True
    enabled: bool = True
    scopes: frozenset[str] | None = None
    default_scopes: bool = True
    mappers: frozenset[str] | None = None


CAUTIOUS = Restrictions(consent_required=True, full_scope=False)
"""What counts where a realm has no policy of a kind: people are asked, and no role of theirs is released."""


class RegistrationRules(Frozen, frozen=True, kw_only=True):
    """Who may register clients with a realm.

    With an initial access token anybody may, within `authenticated`; without one (`anonymous`) only if registration is
    `open`, or from a trusted host.
    """

    open: bool = False
    an_hour: int = AN_HOUR
    anonymous: Restrictions = CAUTIOUS
    authenticated: Restrictions = CAUTIOUS


class RegisteredClient(Frozen, frozen=True, kw_only=True):
    """A client that registered itself, as the store has it.

    `sealed` is its Keycloak representation, with its secret; `token_digest` that of its registration access token.
    `initial_token` is the id of the initial access token it came with, if any.
    """

    client_id: str
    sealed: bytes
    token_digest: str
    registered_at: int
    initial_token: str | None = None
    revision: int = 0


class InitialToken(Frozen, frozen=True, kw_only=True):
    """An initial access token (RFC 7591 §3): so many registrations, until a time. `id` is for events."""

    id: str
    remaining: int
    expires_at: int


class LiveClients(Mapping[str, Client]):
    """The registered clients at work: one table for every version of the realm, replaced as a whole on a change."""

    def __init__(self) -> None:
        self.now: Mapping[str, Client] = {}

    def __getitem__(self, client_id: str) -> Client:
        return self.now[client_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)
