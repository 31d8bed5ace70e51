"""Sessions: a login in progress in one tab, and the single sign-on session that follows it."""

from __future__ import annotations

from idp.model.flow import Evidence, Status
from idp.model.flow_kind import FlowKind
from idp.model.oauth import NO_TERMS, AuthorizationRequest, GrantTerms
from idp.model.struct import Frozen
from idp.model.trusted.upstream import Arrival


class Outstanding(Frozen, frozen=True, kw_only=True):
    """The one challenge that an answer may meet: (tab, execution, nonce). The nonce is derived from the salt."""

    execution: str
    salt: str


class Notice(Frozen, frozen=True, kw_only=True):
    """Words for the next page, by key of the catalogue."""

    key: str
    params: dict[str, str] = {}
    kind: str = "info"


class AuthenticationSession(Frozen, frozen=True, kw_only=True):
    """One tab's login in progress. Replaced, never edited; `revision` is the store's compare-and-set number.

    `browser` is the digest of the cookie of the browser that began it: knowing a tab id is not enough. `states`
    holds each step's own memory, encoded, by execution id. `sso_sid` names the user session that answers for the
    login, if one does, and `earlier` is what it had proven when the login began. `address` is the network address
    of the latest request. `upstream` is the alias of the provider that the person logs in at, `visiting` the
    execution that sends them there, `sent_away` whether it has, and `arrival` who came back. `cancelled`: the
    person did not want the action that the application asked for. `selecting` is the execution at which the person
    asked for another way, `chosen` the way they took. `answers` counts the answers taken so far. An ended session
    keeps only where it `continues`. After `valid_until` nothing can be answered any more; until `expires_at` the
    request is kept, so that a late person can begin again.
    """

    tab_id: str
    browser: str
    transaction_id: str
    kind: FlowKind
    flow: str
    realm_version: str
    client_id: str
    created_at: int
    valid_until: int
    expires_at: int
    request: AuthorizationRequest | None = None
    locale: str = "sq"
    user_id: str | None = None
    attempted_username: str | None = None
    address: str = ""
    upstream: str = ""
    visiting: str = ""
    sent_away: bool = False
    arrival: Arrival | None = None
    sso_sid: str | None = None
    earlier: tuple[Evidence, ...] = ()
    progress: dict[str, Status] = {}
    states: dict[str, bytes] = {}
    evidence: tuple[Evidence, ...] = ()
    actions: tuple[str, ...] = ()
    outstanding: Outstanding | None = None
    answers: int = 0
    notice: Notice | None = None
    selecting: str | None = None
    chosen: str | None = None
    ended: bool = False
    continues: str | None = None
    cancelled: bool = False
    revision: int = 0


class ClientSession(Frozen, frozen=True, kw_only=True):
    """One client's share of a user session; tokens of a client die with it.

    `started_at` is since when the client has been in the session without a break.
    """

    client_id: str
    started_at: int
    scope: tuple[str, ...] = ()
    terms: GrantTerms = NO_TERMS


class UserSession(Frozen, frozen=True, kw_only=True):
    """The single sign-on session. `sid` is public (it stands in tokens); the cookie also holds a secret.

    `evidence` says what was proven when, under which flow and which version of the realm.
    """

    sid: str
    secret_digest: str
    user_id: str
    transaction_id: str
    flow: str
    realm_version: str
    started_at: int
    last_seen_at: int
    auth_time: int
    evidence: tuple[Evidence, ...]
    level: int
    clients: dict[str, ClientSession] = {}
    revision: int = 0
