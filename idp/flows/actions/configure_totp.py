"""`CONFIGURE_TOTP`: the QR code of the guide, as a required action at the end of a login."""

from __future__ import annotations

from typing import ClassVar

from idp.flows.engine import Usability
from idp.flows.enrolment import CHANGE, Enrolment
from idp.flows.step import Form, Login, NoConfig, Outcome, StepContract, StepServices
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User


class ConfigureTotp:
    """Enrols a soft token."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, changes=CHANGE)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del setting, config
        self._enrolment = Enrolment(realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself: a step that misses the token asks for it."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Show the QR code, once."""
        return await self._enrolment.challenge(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Confirm by the first code."""
        return await self._enrolment.verify(login, answer)
