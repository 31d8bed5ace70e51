"""`soft-token-enrolment`: the QR code of the guide, as a step of a flow.

It proves nothing: a token enrolled a moment ago is not a factor of the login that enrolled it.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.credentials.enrolment import CHANGE, Enrolment
from idp.flows.engine import Usability
from idp.flows.step import Form, Login, NoConfig, Outcome, StepContract, StepServices
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.user import User


class SoftTokenEnrolment:
    """Enrols a soft token."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, changes=CHANGE)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._enrolment = Enrolment(realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user; whether this one may is judged by what the login has proven."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Show the QR code, once."""
        return await self._enrolment.challenge(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Confirm by the first code."""
        return await self._enrolment.verify(login, answer)
