"""`user-session-limits`: how many sessions a user may have at once, in the realm and with a client. Asks nobody.

The step only says that the limit counts for this login. It is kept where sessions are made
(`idp.oidc.sessions.limits`): two logins that end at the same moment would both pass a check that comes before.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from idp.flows.engine import Usability
from idp.flows.step import Failure, Form, Login, Outcome, StepContract, StepServices, Success
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

_Number = Annotated[str, Meta(pattern=r"^(-?[0-9]{1,6})?$")]


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Keycloak's keys and words. A limit that is empty, zero or negative is none."""

    user_realm_limit: _Number = "3"
    user_client_limit: _Number = "0"
    behavior: Literal["Deny new session", "Terminate oldest session"] = "Deny new session"
    error_message: str = ""

    @property
    def realm_limit(self) -> int | None:
        """The most sessions of a user in the realm."""
        return _limit(self.user_realm_limit)

    @property
    def client_limit(self) -> int | None:
        """The most sessions of a user in which the client at hand has a share."""
        return _limit(self.user_client_limit)


class SessionLimits:
    """Succeeds at once; see the module."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False, silent=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, execution: Execution, config: Config, *, realm: Realm, services: StepServices) -> None:
        del execution, realm, services
        self.config = config

    def usable(self, user: User | None) -> Usability:
        """Ready for everybody."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Ask nothing."""
        del login
        return Success()

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Refuse: nobody was asked."""
        del login, answer
        return Failure(reason="a step that asks nothing was answered")


def _limit(written: str) -> int | None:
    return int(written) if written and int(written) > 0 else None
