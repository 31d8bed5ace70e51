"""`CONFIGURE_TOTP`: the QR code of the guide, as a required action at the end of a login."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.credentials.enrolment import CHANGE, Enrolment
from idp.flows.credentials.recovery_codes import ACTION as RECOVERY_CODES
from idp.flows.engine import Usability
from idp.flows.step import Form, Login, Outcome, StepContract, StepServices
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User


class Config(Frozen, frozen=True, kw_only=True):
    """What an administrator may set, by Keycloak's names."""

    add_recovery_codes: bool = msgspec.field(name="add-recovery-codes", default=False)


class ConfigureTotp:
    """Enrols a soft token; after it, if the realm wants that, a list of recovery codes."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True, changes=CHANGE)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, setting: RequiredActionSetting, config: Config, *, realm: Realm, services: StepServices) -> None:
        del setting
        afterwards = (RECOVERY_CODES,) if config.add_recovery_codes else ()
        self._enrolment = Enrolment(realm=realm, services=services, afterwards=afterwards)

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
