"""`VERIFY_PROFILE`: the person sees the data that the bank has of them, and confirms it.

Nothing can be changed here: a phone number is a factor, and a factor changes only by a ceremony of its own.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Form,
    Login,
    NoConfig,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.users import amend, without_action
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User

_SHOWN_ATTRIBUTES = ("company",)


class VerifyProfile:
    """Shows the profile and waits for a confirmation."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del config, realm
        self._alias = setting.alias
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Show the profile."""
        user = login.known_user
        values = {
            "username": user.username,
            "firstName": user.first_name,
            "lastName": user.last_name,
            **{name: user.attribute(name) for name in _SHOWN_ATTRIBUTES},
            "email": user.email,
            "phoneNumber": user.phone,
        }
        fields = [
            {"name": name, "label_key": name, "value": value, "editable": False, "error": None}
            for name, value in values.items()
            if value
        ]
        return Challenge(page="profile.html", fields={"fields": fields})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep the confirmation; a form without the button shows the page again."""
        if "kc-confirm" not in answer:
            return await self.challenge(login)

        def confirmed(user: User) -> User:
            return without_action(msgspec.structs.replace(user, profile_confirmed_at=login.now), self._alias)

        await amend(self._services.users, login.known_user.id, confirmed)
        detail = {"custom_required_action": self._alias}
        return Success(events=(StepEvent(type="CUSTOM_REQUIRED_ACTION", detail=detail),))
