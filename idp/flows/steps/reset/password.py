"""`reset-password`: a new password by the realm's policy, for whoever has just proven a channel of theirs."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.actions.update_password import ALIAS, CHANGE, UpdatePassword
from idp.flows.engine import Usability
from idp.flows.step import Form, Login, Message, NoConfig, Outcome, StepContract, StepServices, Success
from idp.flows.tree import Execution
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User


class ResetPassword:
    """The required action `UPDATE_PASSWORD` as a step: the same rules, the same end of what was issued before."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, changes=CHANGE)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution
        setting = RequiredActionSetting(alias=ALIAS)
        self._change = UpdatePassword(setting, config, realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return self._change.usable(user)

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return await self._change.challenge(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge and keep a new password; whoever has it logs in with it, and with whatever else is asked there."""
        outcome = await self._change.verify(login, answer)
        if isinstance(outcome, Success):
            return msgspec.structs.replace(outcome, notice=Message(key="password_reset", kind="success"))
        return outcome
