"""`update_user_locale`: the language in which the bank speaks and writes to a customer from now on."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
from idp.flows.step import Challenge, Form, Login, NoConfig, Outcome, StepContract, StepEvent, StepServices, Success
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User

_CHOSEN = "locale"


class UpdateUserLocale:
    """Asks for the language and keeps it as the attribute `locale`."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del config
        self._alias = setting.alias
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Show the languages, with the present one chosen."""
        chosen = login.known_user.attribute(_CHOSEN) or login.locale
        return Challenge(page="locale.html", fields={"locales": self._realm.locales, "chosen": chosen})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep a language that the realm speaks; anything else shows the page again."""
        chosen = answer.get(_CHOSEN, "")
        if chosen not in self._realm.locales:
            return await self.challenge(login)

        def speaking(user: User) -> User:
            attributes = {**user.attributes, _CHOSEN: (chosen,)}
            return without_action(msgspec.structs.replace(user, attributes=attributes), self._alias)

        await amend(self._services.users, login.known_user.id, speaking)
        detail = {"custom_required_action": self._alias}
        return Success(events=(StepEvent(type="CUSTOM_REQUIRED_ACTION", detail=detail),))
