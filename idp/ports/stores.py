"""The stores, as the house sees them.

A store's verb states its guarantee, not its SQL: **take** removes and returns, with one winner; **hit** counts an
attempt; **burn** uses a counter once; **rotate** replaces a token, with one winner; **first_use** is true once;
**replace** is a compare-and-set. Stores are made for one realm and a purpose: no call can cross realms, and a code can
never be taken as something else. Every adapter passes the same contract tests (`tests/contracts/`).

Keys that came from outside (codes, tokens) are digests (`idp.crypto.digest`): a copy of a store yields nothing usable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from idp.model.clients.logout import LogoutDelivery
from idp.model.clients.registration import InitialToken, RegisteredClient
from idp.model.event import Event
from idp.model.messages.message import DeliveryState, MessageDelivery
from idp.model.session import AuthenticationSession, UserSession
from idp.model.struct import Frozen
from idp.model.user import User
from idp.model.user_search import FoundUsers, UserSearch
from idp.model.version import Confirmation, Draft, Publication
from idp.ports.grants import AuthorizationCodes, PendingAuthorizations, PushedRequests, RefreshFamilies
from idp.ports.limits import Attempts, Counters, FirstUse, LatestValues, Throttle


class StoreUnavailableError(Exception):
    """The store cannot serve now (disk full, read-only, unreachable). Nothing acknowledged is lost; fail closed."""


class PartHealth(Frozen, frozen=True, kw_only=True):
    """Whether one part of a store (the file, MongoDB, Redis) serves now; `reason` is for operators, without secrets."""

    part: str
    ok: bool
    reason: str = ""
    clock_ahead: float | None = None
    """How many seconds its clock is ahead of ours, where it has one that can be asked."""


class AuthenticationSessions(Protocol):
    """Logins in progress, by tab id. They expire with their `expires_at`."""

    async def create(self, session: AuthenticationSession) -> None:
        """Store a new login."""

    async def get(self, tab_id: str) -> AuthenticationSession | None:
        """Return the login of that tab, unless it expired."""

    async def replace(self, session: AuthenticationSession) -> bool:
        """Compare and set: store `session` as revision + 1 if the stored revision equals `session.revision`."""

    async def standing(self) -> Mapping[str, int]:
        """Count the logins in progress by the version of the realm they stand on. Reads every one: for operators."""


class UserSessions(Protocol):
    """Single sign-on sessions, by `sid`."""

    async def create(self, session: UserSession, *, expires_at: int) -> None:
        """Store a new session; it is durable when this returns."""

    async def get(self, sid: str) -> UserSession | None:
        """Return the session, unless it ended or expired; how old that may be, `Users.by_id` says."""

    async def present(self, sid: str) -> UserSession | None:
        """Return the session as of this moment, whatever this process remembers."""

    async def replace(self, session: UserSession, *, expires_at: int) -> bool:
        """Compare and set on `revision`."""

    async def end(self, sid: str) -> UserSession | None:
        """Remove and return the session; only one caller gets it."""

    async def of_user(self, user_id: str) -> Sequence[UserSession]:
        """Return every live session of a user."""

    async def standing(self) -> Mapping[str, int]:
        """Count the live sessions by the version of the realm they were made under. Reads every one: for operators."""


class LogoutDeliveries(Protocol):
    """Logouts that clients are still to be told of. What is put here is told at least once, also after a crash."""

    async def put(self, delivery: LogoutDelivery, *, expires_at: int) -> None:
        """Keep a delivery until it is done, or until `expires_at`; it is durable when this returns.

        One of the same id that is kept already stays as it is: to end a session twice tells nobody twice.
        """

    async def due(self, *, now: int, limit: int) -> Sequence[LogoutDelivery]:
        """Return at most that many whose `next_at` has come, the longest waiting first."""

    async def claim(self, delivery: LogoutDelivery, *, next_at: int) -> LogoutDelivery | None:
        """Count an attempt: one winner gets the delivery with `attempts` + 1, due again at `next_at` if that fails.

        None if somebody else was first, or it is done. Who makes the attempt claims it before, so that neither a crash
        nor a second sender makes an endless number of attempts.
        """

    async def done(self, delivery_id: str) -> bool:
        """Forget a delivery; true for the caller that did."""


class MessageDeliveries(Protocol):
    """Text messages on their way, by the gateway that carries them and its own id of each."""

    async def sent(self, gateway: str, message_id: str, delivery: MessageDelivery, *, ttl: int) -> MessageDelivery:
        """Keep whose message it is, for `ttl` seconds; return that with what a faster receipt has told of it."""

    async def get(self, gateway: str, message_id: str) -> MessageDelivery | None:
        """Return what is known of a message."""

    async def tell(self, gateway: str, message_id: str, state: DeliveryState, *, ttl: int) -> MessageDelivery | None:
        """Merge a receipt (`idp.model.messages.message.merged`); return what is known now, or None if it was no news.

        One of a message that nobody has kept yet is kept itself for `ttl` seconds: a gateway may be faster than we are.
        """


class Users(Protocol):
    """Users, found by id, username or e-mail (both compared without regard to case)."""

    async def by_id(self, user_id: str) -> User | None:
        """Return the user; what another node wrote within the last second may be missing."""

    async def present(self, user_id: str) -> User | None:
        """Return the user as of this moment, whatever this process remembers: where what is decided lasts."""

    async def by_username(self, username: str) -> User | None:
        """Return the user of that name."""

    async def by_email(self, email: str) -> User | None:
        """Return the user of that address, if exactly one has it."""

    async def by_identity(self, alias: str, subject: str) -> User | None:
        """Return the user whom a subject of an upstream provider is linked to."""

    async def reserve_address(self, email: str, holder: str) -> bool:
        """Keep an e-mail address for `holder` for two minutes; false if it is somebody else's, or kept for another.

        Whoever gives a user an address that nobody else may have reserves it before: of any number of callers at the
        same time one goes on. `holder` is the user's id, or for a user who is still to be made anything that is theirs.
        """

    async def create(self, user: User) -> bool:
        """Store a new user; false if the id, the username or a federated identity is taken. Durable when it returns."""

    async def replace(self, user: User) -> bool:
        """Compare and set on `revision` (id and username do not change). Durable when this returns.

        False as well if a federated identity of the user belongs to somebody else.
        """

    async def remove(self, user_id: str) -> bool:
        """Remove a user for good; true for the caller that did. Durable when this returns."""

    async def page(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[User]:
        """Return the first users, by username, whose names begin with `prefix` and come behind `after`.

        Names are compared without regard to case. It reads an index, however many users there are.
        """

    async def search(self, search: UserSearch, *, after: str = "", limit: int) -> FoundUsers:
        """Return a page of the users whom a search finds, each once; `after` is what the page before said.

        It reads an index and these users, however many there are. Raises `ValueError` if `after` was never said.
        """

    def every(self) -> AsyncIterator[User]:
        """Yield every user of the realm, by username: one page is in memory, and others are served meanwhile."""


class KeptSecrets(Protocol):
    """Sealed secrets of a realm that must outlive a restart: signing keys, keys for codes and cookies."""

    async def all(self, purpose: str) -> Mapping[str, bytes]:
        """Return every sealed secret kept for a purpose, by its id."""

    async def keep(self, purpose: str, secret_id: str, sealed: bytes) -> bool:
        """Keep a new one; false if that id exists (another node was first)."""

    async def replace(self, purpose: str, secret_id: str, sealed: bytes, *, expected: bytes) -> bool:
        """Put `sealed` in the place of `expected`; false if that is not what is kept (compare and set)."""

    async def revision(self, purpose: str) -> int:
        """Return a number that grows with every change of a purpose; cheap enough to be asked all the time."""


class RealmVersions(Protocol):
    """A realm's configuration over time: sealed documents by version, the history of what was present, and drafts.

    Documents and history are only ever added to. Nothing is deleted but drafts: a login finishes on the version it
    began with, and an auditor reads what was in force.
    """

    async def latest(self) -> Publication | None:
        """Return the last line of the history: what is present now. Cheap enough to be asked all the time."""

    async def log(self) -> Sequence[Publication]:
        """Return the whole history, the newest line first."""

    async def get(self, version: str) -> bytes | None:
        """Return the sealed document of a version."""

    async def publish(self, publication: Publication, sealed: bytes) -> bool:
        """Add a line to the history, with its document, if its number follows the last one's (compare and set).

        A version that was published before keeps the document it has. Durable when this returns.
        """

    async def revert(self, publication: Publication) -> bool:
        """Add a line that names an earlier version, if its number follows and the last line waits for confirmation."""

    async def confirm(self, confirmation: Confirmation) -> bool:
        """Confirm the last line of the history; true for one caller, false if it does not wait or its time is over."""

    async def confirmations(self) -> Sequence[Confirmation]:
        """Return every confirmation there was, by number."""

    async def drafts(self) -> Sequence[Draft]:
        """Return every draft, by name."""

    async def draft(self, name: str) -> Draft | None:
        """Return the draft of that name."""

    async def keep_draft(self, draft: Draft) -> bool:
        """Compare and set: keep `draft` as revision + 1 if the kept one has its revision (0: none is kept)."""

    async def drop_draft(self, name: str) -> bool:
        """Remove a draft; true for the caller that did."""


class RegisteredClients(Protocol):
    """Clients that registered themselves (RFC 7591), by client id."""

    async def create(self, client: RegisteredClient, *, most: int) -> bool:
        """Store a new client; false if the realm has `most` of them already. Durable when this returns."""

    async def get(self, client_id: str) -> RegisteredClient | None:
        """Return a registered client."""

    async def all(self) -> Sequence[RegisteredClient]:
        """Return every registered client."""

    async def replace(self, client: RegisteredClient) -> bool:
        """Compare and set: store `client` as revision + 1 if the stored revision equals `client.revision`."""

    async def remove(self, client_id: str) -> bool:
        """Remove a client; true for the caller that did."""

    async def revision(self) -> int:
        """Return a number that grows with every change of any client; cheap enough to be asked all the time."""


class InitialTokens(Protocol):
    """Initial access tokens by digest. They expire with their `expires_at`."""

    async def create(self, key: str, token: InitialToken) -> None:
        """Keep a new token."""

    async def get(self, key: str) -> InitialToken | None:
        """Return a token that can still be used."""

    async def take(self, key: str) -> bool:
        """Take one of its uses; true for as many callers as it has uses."""


class Events(Protocol):
    """The realm's events, in the order they were recorded."""

    async def record(self, *events: Event) -> None:
        """Record events, all of them or none; they are durable when this returns."""

    async def recent(self, *, limit: int, transaction_id: str | None = None) -> Sequence[Event]:
        """Return the newest events first."""


class RealmStores(Protocol):
    """All stores of one realm."""

    authentication_sessions: AuthenticationSessions
    user_sessions: UserSessions
    codes: AuthorizationCodes
    pushed_requests: PushedRequests
    refresh_families: RefreshFamilies
    pending: PendingAuthorizations
    logout_deliveries: LogoutDeliveries
    message_deliveries: MessageDeliveries
    users: Users
    attempts: Attempts
    throttle: Throttle
    first_use: FirstUse
    counters: Counters
    latest: LatestValues
    secrets: KeptSecrets
    versions: RealmVersions
    registered_clients: RegisteredClients
    initial_tokens: InitialTokens
    events: Events

    def together(self) -> AbstractAsyncContextManager[None]:
        """Return a block for writes that one answer stands on: they are durable when it ends, and not all before.

        Each verb inside has its guarantee at once (one winner, counted, taken, in this order); only the wait for the
        disk is shared. So nothing may be answered or sent from inside. The end raises `StoreUnavailableError` if
        anything is not durable, whatever else was on its way out of the block.
        """

    async def settled(self) -> None:
        """Wait until everything is durable that the block around has written so far.

        For whoever sends something from inside of one: first what was counted and taken, then the message. Outside of
        a block there is nothing to wait for.
        """


class Store(Protocol):
    """A store of every realm of this deployment."""

    def realm(self, name: str) -> RealmStores:
        """Return the stores of one realm; nothing they hold can be reached through another realm's."""

    async def realms(self) -> Sequence[str]:
        """Return the names of every realm that has a history, in order."""

    async def sweep(self) -> int:
        """Remove a bounded number of expired things; return how many."""

    async def health(self) -> Sequence[PartHealth]:
        """Ask every part whether it serves; never raises, and never waits long."""

    async def close(self) -> None:
        """Finish what was acknowledged and let go of the files."""
