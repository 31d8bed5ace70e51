"""What a step is: its contract, what it sees of a login, and what it may say.

A step sees the user and its own memory, never another step's. Enrolment and required actions use the same protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from idp.flows.engine import Usability
from idp.flows.tree import Execution
from idp.model.flow import Category, Evidence, RequiredActionSetting
from idp.model.flow_kind import FlowKind
from idp.model.oauth import Approval
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.trusted.upstream import Arrival
from idp.model.user import User
from idp.ports import (
    Attempts,
    Beside,
    Counters,
    FirstUse,
    LatestValues,
    Mail,
    MessageDeliveries,
    Passwords,
    RandomBytes,
    Sealer,
    Settled,
    SmsSender,
    Throttle,
    Upstreams,
    Users,
)

Form = Mapping[str, str]
S = TypeVar("S", bound=msgspec.Struct)


class Factor(Frozen, frozen=True, kw_only=True):
    """What a step proves when it succeeds. `amr` holds RFC 8176 values."""

    name: str
    category: Category
    channel: str
    amr: tuple[str, ...]


class CredentialChange(Frozen, frozen=True, kw_only=True):
    """What must have been proven in a login before a step gives the user a new credential.

    `credential` is the name of the factor that the new credential proves from then on. `never_by` are factors that
    alone do not suffice. Whoever holds any of the factors `guarded_by` must have proven one of them.
    """

    credential: str
    never_by: frozenset[str] = frozenset()
    guarded_by: frozenset[str] = frozenset()

    def refusal(
        self, proven: frozenset[str], *, held: frozenset[str], made: frozenset[str] = frozenset()
    ) -> str | None:
        """Return why the credential is not changed, for operators; None if it may be.

        `held` are the user's factors; those `made` in this very login guard nothing yet: what guarded them was met.
        """
        if proven <= self.never_by:
            # Keycloak #21837 (T-9); and who holds the number for a moment must not get a token (bank.md 2.3).
            return f"change of {self.credential} without a proven factor"
        guards = held & self.guarded_by
        if guards - made and not guards & proven:
            # A second token needs the first one, or one as good (bank.md 4.6): a password alone never adds or replaces
            # a second factor (CVE-2023-3597).
            return f"the user has a credential ({', '.join(sorted(guards))}) that was not proven in this login"
        return None


class StepContract(Frozen, frozen=True, kw_only=True):
    """What a step needs, establishes and proves; read by the compiler, the engine, the commit and the prover.

    `needs_proof`: the step hands out or replaces something of value, so a factor must have been proven before it.
    `sends_message`: asking costs the bank a message and the user a disturbance.
    `setup_action`: the required action that sets the step's credential up, if the user lacks it.
    `changes`: the credential that the step gives the user, and what for.
    `makes_user`: it gives an account to whoever has none, which nobody needs to prove anything for.
    `holders_of`: the factor without whose credential a user cannot get past the step.
    `or_proves`: what a success may prove instead of `proves`, each entry proven as a whole (`Success.proven` says so).
    `offers_passkeys`: where the realm has passkeys, the step's page takes them too (`AssembledRealm.contract`).
    `on_request`: an application may ask for the action (`kc_action`).
    `silent`: it never shows a page, so that it is no way that a person could choose.
    `refuses`: nobody gets past it.
    `gives_way`: not everybody gets past it, and who does not is asked another way.
    `by_choice`: only somebody is asked who chose it on a page, or was sent to it (`AuthenticationSession.visiting`).
    """

    proves: Factor | None = None
    or_proves: tuple[tuple[Factor, ...], ...] = ()
    identifies: bool = False
    needs_user: bool = True
    needs_proof: bool = False
    sends_message: bool = False
    setup_action: str | None = None
    changes: CredentialChange | None = None
    makes_user: bool = False
    holders_of: str | None = None
    offers_passkeys: bool = False
    on_request: bool = False
    silent: bool = False
    refuses: bool = False
    gives_way: bool = False
    by_choice: bool = False

    @property
    def ways(self) -> tuple[tuple[Factor, ...], ...]:
        """Every set of factors that one success may prove; the first is what it proves if it does not say."""
        return ((self.proves,) if self.proves is not None else (), *self.or_proves)

    @property
    def factors(self) -> dict[str, Factor]:
        """Every factor that the step may prove, by name."""
        return {factor.name: factor for way in self.ways for factor in way}


class Message(Frozen, frozen=True, kw_only=True):
    """Words for a person, by key of the catalogue (`idp.web.messages`)."""

    key: str
    params: dict[str, str] = {}
    kind: str = "error"


class StepEvent(Frozen, frozen=True, kw_only=True):
    """Something a step wants recorded; the runner adds user, session and transaction."""

    type: str
    error: str | None = None
    detail: dict[str, str] = {}
    user_id: str | None = None


class Challenge(Frozen, frozen=True, kw_only=True):
    """Show a page and wait for its answer.

    `state` is the step's own memory from now on. A `once` page is shown in the answer to a POST and never again
    (a QR code): the caller does not redirect to it.
    """

    page: str
    fields: dict[str, Any] = {}
    state: msgspec.Struct | None = None
    message: Message | None = None
    once: bool = False
    events: tuple[StepEvent, ...] = ()


class Success(Frozen, frozen=True, kw_only=True):
    """The step is done. A step whose contract proves a factor says so by this, and only by this.

    `arrival` is what is known of who came from an upstream provider, from now on. `proven` is given where the
    contract leaves open what was proven: its names are one of the contract's `ways`, its `amr` may say more of the
    credential at hand.
    """

    user_id: str | None = None
    attempted_username: str | None = None
    credential_id: str | None = None
    proven: tuple[Factor, ...] = ()
    arrival: Arrival | None = None
    notice: Message | None = None
    events: tuple[StepEvent, ...] = ()


class Detour(Frozen, frozen=True, kw_only=True):
    """Somebody came from an upstream provider whom nobody here is linked to: first comes the flow for that."""

    arrival: Arrival
    events: tuple[StepEvent, ...] = ()


class Failure(Frozen, frozen=True, kw_only=True):
    """The login is refused: `error` is the OAuth error the client is told (RFC 6749 §4.1.2.1).

    Where there are other ways the next one is tried, unless the refusal is `final`. `event_error` is what the event of
    the refusal says, where Keycloak has a word for it of its own.
    """

    reason: str
    error: str = "access_denied"
    event_error: str = ""
    final: bool = False
    events: tuple[StepEvent, ...] = ()


class Restart(Frozen, frozen=True, kw_only=True):
    """Begin the login again from its first page, without any evidence."""

    message: Message | None = None
    events: tuple[StepEvent, ...] = ()


Outcome = Challenge | Success | Failure | Restart | Detour


class Login(Frozen, frozen=True, kw_only=True):
    """What a step may see of the login it takes part in.

    `posted` tells whether a person has just pressed a button: only then may a message be sent or a secret be made.
    `proven` names the factors proven in this ceremony so far, `proven_at` is when the first of them was (or when the
    login began). `evidence` is the same in full, also what a user session proved before it. `memory` is the step's own
    state, encoded. `address` is the network address of who is at the page, where that is known.
    `action_parameter` is what an application named when it asked for this action (`kc_action=alias:parameter`).
    """

    realm: Realm
    kind: FlowKind
    execution: str
    ceremony: str
    now: int
    locale: str
    posted: bool
    user: User | None = None
    attempted_username: str | None = None
    login_hint: str = ""
    client_id: str = ""
    requested_scope: tuple[str, ...] = ()
    hinted_user_id: str | None = None
    approves: Approval | None = None
    requested_details: tuple[dict[str, Any], ...] = ()
    proven: frozenset[str] = frozenset()
    proven_at: int = 0
    evidence: tuple[Evidence, ...] = ()
    answers: int = 0
    transaction_id: str = ""
    browser: str = ""
    address: str = ""
    upstream: str = ""
    arrival: Arrival | None = None
    made: frozenset[str] = frozenset()
    memory: bytes | None = None
    action_parameter: str = ""

    def state(self, kind: type[S]) -> S | None:
        """Return the step's own memory, or None at its first turn."""
        return None if self.memory is None else msgspec.msgpack.decode(self.memory, type=kind)

    @property
    def known_user(self) -> User:
        """The user, for steps whose contract needs one (the engine never asks them without)."""
        assert self.user is not None
        return self.user


async def at_once() -> None:
    """Every write was durable when it returned."""


class StepServices(Frozen, frozen=True, kw_only=True):
    """The ports a step may use, all of one realm."""

    users: Users
    attempts: Attempts
    throttle: Throttle
    first_use: FirstUse
    counters: Counters
    latest: LatestValues
    passwords: Passwords
    sealer: Sealer
    sms: SmsSender
    message_deliveries: MessageDeliveries
    mail: Mail
    beside: Beside
    random: RandomBytes
    code_key: bytes
    site: str  # host of the provider, for the last line of a text message (WebOTP)
    origin: str  # where the provider's pages come from, as browsers write it (scheme, host, port)
    action_links: str  # address of the page that follows a link of a letter
    upstreams: Upstreams
    token_application: str  # address of the realm's own soft-token application
    settled: Settled = at_once


class Authenticator(Protocol):
    """One step at one place of a flow, with its configuration decoded."""

    contract: ClassVar[StepContract]

    def usable(self, user: User | None) -> Usability:
        """Tell whether the step can be asked of this user. Never raises."""

    async def challenge(self, login: Login) -> Outcome:
        """Say what to show. Idempotent: a reload shows again, never sends again."""

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge an answer. Wrong input is a `Challenge` with a message, never an exception."""


class RequiredAction(Authenticator, Protocol):
    """A step that a user must take before a login may end."""

    def due(self, user: User, now: int) -> bool:
        """Tell whether the action has become necessary by itself (new terms, an old password)."""


class StepType(Protocol):
    """How the registry makes a step of one execution."""

    @property
    def contract(self) -> StepContract:
        """What steps of this type need and prove."""

    @property
    def config_type(self) -> type[msgspec.Struct]:
        """What their configuration is decoded as."""

    def __call__(self, execution: Execution, config: Any, *, realm: Realm, services: StepServices) -> Authenticator:
        """Make the step; `config` is an instance of `config_type`."""


class ActionType(Protocol):
    """How the registry makes a required action."""

    @property
    def contract(self) -> StepContract:
        """What steps of this type need and prove."""

    @property
    def config_type(self) -> type[msgspec.Struct]:
        """What their configuration is decoded as."""

    def __call__(
        self, setting: RequiredActionSetting, config: Any, *, realm: Realm, services: StepServices
    ) -> RequiredAction:
        """Make the action; `config` is an instance of `config_type`."""


class NoConfig(Frozen, frozen=True, kw_only=True):
    """A step that has nothing to configure."""
