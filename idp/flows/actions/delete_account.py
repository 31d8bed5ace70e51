"""`delete_account`: the person ends being a customer here. Nothing of the account stays but the events of the log.

Whoever is at the page has proven who they are in this very login; an application that offers it asks for a fresh one.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.credentials.held import strong_factors
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Failure,
    Form,
    Login,
    NoConfig,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
)
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User

_CONFIRMED = "kc-delete"
_DECLINED = "kc-keep"


class DeleteAccount:
    """Asks once more, and removes the user."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del setting, config, realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Say what it means."""
        return self._refusal(login) or Challenge(
            page="delete-account.html", fields={"username": login.known_user.username}
        )

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Remove the user, or end the login without it; anything else shows the page again.

        The user is gone: no session, token or code of theirs is good for anything from this moment, since each of
        them asks for the user.
        """
        if _DECLINED in answer:
            declined = StepEvent(type="CUSTOM_REQUIRED_ACTION_ERROR", error="rejected_by_user")
            return Failure(reason="the account is kept", events=(declined,))
        if _CONFIRMED not in answer:
            return await self.challenge(login)
        refused = self._refusal(login)
        if refused is not None:
            return refused
        user = login.known_user
        await self._services.users.remove(user.id)
        return Failure(reason="the account was deleted", events=(StepEvent(type="DELETE_ACCOUNT", user_id=user.id),))

    def _refusal(self, login: Login) -> Failure | None:
        """Refuse whoever has proven less than would be needed to give up one credential of the account."""
        held = strong_factors(login.known_user)
        if login.proven and (not held or held & login.proven):
            return None
        return Failure(reason="an account is deleted with the strongest that its owner has, and it was not proven")
