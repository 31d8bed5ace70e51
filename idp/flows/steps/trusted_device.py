"""`trusted-device` and `trust-device`: a browser that its owner wants to be remembered by, instead of a second factor.

Trust is no factor. It leaves no evidence, so a login by it is at level 1 whatever the flow demands there: wherever two
factors are asked for, the second one is asked for (RTS (EU) 2018/389 Art. 4; bank.md 3.1, P26). What is kept is a
digest of the browser's own cookie with the user and the user's credentials: it says nothing in a copy of the store, and
a new password, token or key of the user ends it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from idp.crypto.digest import digest
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Failure,
    Form,
    Login,
    NoConfig,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.strength.levels import TWO_FACTORS, level_of
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

_PURPOSE = "trusted-device"
_DAY = 86400


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How long a device is remembered."""

    days: Annotated[int, Meta(ge=1, le=90)] = 30


class TrustedDevice:
    """Succeeds where this browser is remembered for this user; otherwise the way beside it is taken."""

    contract: ClassVar[StepContract] = StepContract(silent=True, gives_way=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config, realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user: whether the browser is remembered is asked when the login comes by."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Look, and ask nothing."""
        if not await self._services.first_use.seen(_PURPOSE, trust_of(login)):
            return Failure(reason="the device is not a trusted one")
        return Success(events=(StepEvent(type="TRUSTED_DEVICE", user_id=login.known_user.id),))

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Refuse: nobody was asked."""
        del login, answer
        return Failure(reason="a step that asks nothing was answered")


class TrustDevice:
    """Asks whether this browser shall be remembered."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, execution: Execution, config: Config, *, realm: Realm, services: StepServices) -> None:
        del execution, realm
        self._days = config.days
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Ask; a reload asks again."""
        del login
        return Challenge(page="trust-device.html", fields={"days": self._days})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep a yes, go on after a no; anything else asks again.

        Two elements must have been proven in this login: who knows the password makes no device a trusted one, nor
        who reads the mailbox beside it.
        """
        if "trust-no" in answer:
            return Success()
        if "trust-yes" not in answer:
            return await self.challenge(login)
        if level_of(login.evidence) < TWO_FACTORS or not login.browser:
            return Success()
        await self._services.first_use.first_use(_PURPOSE, trust_of(login), ttl=self._days * _DAY)
        event = StepEvent(type="TRUST_DEVICE", detail={"days": str(self._days)}, user_id=login.known_user.id)
        return Success(events=(event,))


def trust_of(login: Login) -> str:
    """Return what is kept of a trusted device; it is another one when the user's credentials have changed."""
    user = login.known_user
    credentials = sorted(f"{credential.id}@{credential.created_at}" for credential in user.credentials)
    return digest("|".join((user.id, login.browser, str(user.not_before), *credentials)))
