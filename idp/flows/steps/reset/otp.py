"""`reset-otp`: where Keycloak lets whoever reads the mailbox enrol a new token, the token stays (ASVS 6.4.3).

A message must never replace the second factor: whoever lost it proves who they are as at its enrolment (ASVS 6.4.4).
The step is known so that Keycloak's built-in reset flow runs; the login that follows asks for the token.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.engine import Usability
from idp.flows.step import Form, Login, NoConfig, Outcome, StepContract, StepServices, Success
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.user import User


class ResetOtp:
    """Passes, and changes nothing."""

    contract: ClassVar[StepContract] = StepContract(silent=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config, realm, services

    def usable(self, user: User | None) -> Usability:
        """Ready for whoever has a token, which is what a condition in front of it looks at."""
        return Usability.READY if user is not None and user.otps else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Pass."""
        del login
        return Success()

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Pass."""
        del answer
        return await self.challenge(login)
