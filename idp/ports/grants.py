"""What a client may exchange once, and what comes of trying: codes, pushed requests, refresh families, decisions."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from idp.model.clients.request_object import PushedRequest
from idp.model.oauth import AuthorizationCode, RefreshFamily
from idp.model.pending import PendingAuthorization
from idp.model.struct import Frozen

T = TypeVar("T")


class Taken(Frozen, Generic[T], frozen=True, kw_only=True):
    """The first and only taking of a one-time value."""

    value: T


class Replayed(Frozen, Generic[T], frozen=True, kw_only=True):
    """A one-time value that somebody had already taken; the value tells whose it was."""

    value: T


class Rotated(Frozen, frozen=True, kw_only=True):
    """The family after the presented token was replaced by its successor."""

    family: RefreshFamily


class Reused(Frozen, frozen=True, kw_only=True):
    """A token that had already been replaced; the family has been ended (RFC 9700 §4.14.2)."""

    family: RefreshFamily


class AuthorizationCodes(Protocol):
    """Codes by digest. A taken code leaves a tombstone, so that its second use is recognised."""

    async def put(self, key: str, code: AuthorizationCode) -> None:
        """Keep a code until its `expires_at`."""

    async def take(self, key: str) -> Taken[AuthorizationCode] | Replayed[AuthorizationCode] | None:
        """Take a code: one winner among any number of callers; the others see `Replayed`."""


class PushedRequests(Protocol):
    """Pushed authorization requests by digest. One may be looked at often, and is taken once."""

    async def put(self, key: str, request: PushedRequest, *, kept_until: int) -> None:
        """Keep a request; it can be found and taken until `kept_until`."""

    async def get(self, key: str) -> PushedRequest | None:
        """Return a request that nobody has taken."""

    async def take(self, key: str) -> PushedRequest | None:
        """Remove and return a request: one winner among any number of callers."""


class RefreshFamilies(Protocol):
    """Refresh families by id."""

    async def create(self, family: RefreshFamily) -> None:
        """Store a new family until its `expires_at`."""

    async def get(self, family_id: str) -> RefreshFamily | None:
        """Return a live family."""

    async def rotate(
        self, family_id: str, *, presented: str, successor: str, now: int, expires_at: int
    ) -> Rotated | Reused | None:
        """Make `successor` current if `presented` is; otherwise end the family. None: no such family."""

    async def touch(self, family_id: str, *, presented: str, now: int, expires_at: int) -> Rotated | Reused | None:
        """As `rotate`, for a realm that does not rotate: the presented token stays current."""

    async def end(self, family_id: str) -> bool:
        """End a family; true for the caller that did."""


class PendingAuthorizations(Protocol):
    """Requests that somebody decides elsewhere, by the digest that the client polls with and by the person's ticket."""

    async def create(self, pending: PendingAuthorization) -> bool:
        """Store a new request; false if its ticket is in use (a user code is short: draw another one)."""

    async def get(self, key: str) -> PendingAuthorization | None:
        """Return a request, also for a while after it expired."""

    async def by_ticket(self, ticket: str) -> PendingAuthorization | None:
        """Return the request that a person's ticket means, until it expires."""

    async def replace(self, pending: PendingAuthorization) -> bool:
        """Compare and set: store `pending` as revision + 1 if the stored revision equals `pending.revision`."""

    async def take(self, key: str) -> Taken[PendingAuthorization] | Replayed[PendingAuthorization] | None:
        """Take an approved request: one winner among any number of callers; the others see `Replayed`.

        None: there is none, or it is not approved.
        """
