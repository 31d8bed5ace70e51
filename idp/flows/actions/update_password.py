"""`UPDATE_PASSWORD`: a new password by the realm's policy. It ends the life of everything issued under the old one."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.credentials.held import strong_factors
from idp.flows.credentials.password_policy import described, expired, remembered, violations
from idp.flows.credentials.sealed import password_purpose
from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
from idp.flows.preference import with_password
from idp.flows.step import (
    Challenge,
    CredentialChange,
    Failure,
    Form,
    Login,
    Message,
    NoConfig,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import FormerPassword, PasswordCredential, User

ALIAS = "UPDATE_PASSWORD"
CHANGE = CredentialChange(credential="password")


class UpdatePassword:
    """Asks for a new password, twice."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True, changes=CHANGE)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del setting, config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Due for as long as the password is one that somebody else chose, or too old by the realm's policy."""
        if user.password is None:
            return False
        return user.password.temporary or expired(self._realm.password_policy, user.password, now=now)

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge and keep a new password."""
        reason = CHANGE.refusal(login.proven, held=strong_factors(login.known_user))
        if reason is not None:
            return Failure(reason=reason)
        password, again = answer.get("password-new", ""), answer.get("password-confirm", "")
        if not password:
            return self._page(login, Message(key="missing_field"))
        if password != again:
            return self._page(login, Message(key="passwords_differ"))
        wrong = violations(self._realm.password_policy, password, login.known_user)
        if not wrong:
            wrong = await self._reused(login.known_user, password, now=login.now)
        if wrong:
            return self._page(login, wrong[0])
        await self._keep(login, password)
        return Success(events=(StepEvent(type="UPDATE_PASSWORD"),))

    async def _reused(self, user: User, password: str, *, now: int) -> list[Message]:
        """Refuse the present password and, as far as the policy says, former ones."""
        current = () if user.password is None else (user.password.sealed,)
        kept = remembered(user.former_passwords, self._realm.password_policy, now=now)
        former = tuple(one.sealed for one in kept)
        purpose = password_purpose(self._realm.name, user.id)
        for sealed in (*current, *former):
            if await self._services.passwords.verify(password, self._services.sealer.unseal(sealed, purpose=purpose)):
                return [Message(key="password_rejected:used_before")]
        return []

    async def _keep(self, login: Login, password: str) -> None:
        purpose = password_purpose(self._realm.name, login.known_user.id)
        sealed = self._services.sealer.seal(await self._services.passwords.hash(password), purpose=purpose)
        credential = PasswordCredential(id=self._services.random(16).hex(), sealed=sealed, created_at=login.now)

        def changed(user: User) -> User:
            present = user.password
            replaced = () if present is None else (FormerPassword(sealed=present.sealed, replaced_at=login.now),)
            former = (*replaced, *user.former_passwords)
            return without_action(
                msgspec.structs.replace(
                    user,
                    credentials=with_password(user, credential),
                    former_passwords=remembered(former, self._realm.password_policy, now=login.now),
                    # RFC 9700 §4.14.2: what was issued under the old password ends with it.
                    not_before=login.now,
                ),
                ALIAS,
            )

        await amend(self._services.users, login.known_user.id, changed)

    def _page(self, login: Login, message: Message | None = None) -> Challenge:
        rules = described(self._realm.password_policy)
        fields = {"username": login.known_user.username, "rules": rules}
        return Challenge(page="update-password.html", fields=fields, message=message)
