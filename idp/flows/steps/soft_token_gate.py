"""`soft-token-gate`: lets users with a soft token pass; shows the others how to register one.

It proves nothing. The page appears only after a right password (RTS (EU) 2018/389 Art. 4(3)(a); bank.md 3.9), and its
only button, **Anullo**, ends the login: nothing proven before it counts any more.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Form,
    Login,
    NoConfig,
    Outcome,
    Restart,
    StepContract,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.user import User


class SoftTokenGate:
    """Passes whoever has a token."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, holders_of="otp")
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config, realm, services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Pass, or show the information page."""
        return Success() if login.known_user.otps else Challenge(page="soft-token-info.html")

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """**Anullo** goes back to the login page; anything else shows the page again."""
        if "cancel" in answer:
            return Restart()
        return await self.challenge(login)
