"""`deny-access-authenticator` and `allow-access-authenticator`: the ends of a branch that asks for nothing.

Guarded by conditions they are a realm's access rules. They are decided with every login, also with one that a user
session answers (T-10).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.engine import Usability
from idp.flows.step import Failure, Form, Login, NoConfig, Outcome, StepContract, StepServices, Success
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User


class DenyConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`denyErrorMessage`: the reason, in words for the log; the client is told `access_denied` and nothing more."""

    message: str = msgspec.field(name="denyErrorMessage", default="")


class DenyAccess:
    """Ends the login: no other way is tried."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False, silent=True, refuses=True)
    config_type: ClassVar[type[DenyConfig]] = DenyConfig

    def __init__(self, execution: Execution, config: DenyConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, realm, services
        self._reason = f"denied by the flow: {config.message}" if config.message else "denied by the flow"

    def usable(self, user: User | None) -> Usability:
        """Always."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Refuse."""
        del login
        return Failure(reason=self._reason, final=True)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Refuse, whatever the answer is (T-18)."""
        del answer
        return await self.challenge(login)


class AllowAccess:
    """Passes, and proves nothing."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False, silent=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config, realm, services

    def usable(self, user: User | None) -> Usability:
        """Always."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Pass."""
        del login
        return Success()

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Pass: there was nothing to answer."""
        del answer
        return await self.challenge(login)
