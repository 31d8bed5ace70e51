"""`TERMS_AND_CONDITIONS`: the Terms of Work. Accepting keeps the version, a digest of the words shown, and the time."""

from __future__ import annotations

from typing import ClassVar

from idp.flows.customers.terms import FIRST_VERSION, accepted, words_of
from idp.flows.customers.users import amend
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Failure,
    Form,
    Login,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version` of the present terms; a new one asks everybody again."""

    version: str = FIRST_VERSION


class Terms:
    """Shows the terms and asks for a yes or a no."""

    contract: ClassVar[StepContract] = StepContract()
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, setting: RequiredActionSetting, config: Config, *, realm: Realm, services: StepServices) -> None:
        self._alias = setting.alias
        self._asks_everybody = setting.default_action
        self._version = config.version
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Due for everybody, where it is a default action, until the present version was accepted."""
        del now
        up_to_date = user.terms is not None and user.terms.version == self._version
        return self._asks_everybody and not up_to_date

    async def challenge(self, login: Login) -> Outcome:
        """Show the terms in the person's language."""
        fields = {"version": self._version, "paragraphs": words_of(self._realm, login.locale).split("\n\n")}
        return Challenge(page="terms.html", fields=fields)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """A yes is kept, a no ends the login; anything else shows the terms again."""
        if "kc-decline" in answer:
            return Failure(
                reason="terms declined",
                events=(StepEvent(type="CUSTOM_REQUIRED_ACTION_ERROR", error="rejected_by_user"),),
            )
        if "kc-accept" not in answer:
            return await self.challenge(login)

        def agreed(user: User) -> User:
            return accepted(user, self._realm, version=self._version, locale=login.locale, now=login.now)

        user = await amend(self._services.users, login.known_user.id, agreed)
        assert user.terms is not None
        detail = {"custom_required_action": self._alias, "version": self._version, "digest": user.terms.digest}
        return Success(events=(StepEvent(type="CUSTOM_REQUIRED_ACTION", detail=detail),))
