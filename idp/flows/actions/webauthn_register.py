"""`webauthn-register` and `webauthn-register-passwordless`: a new key of the user's own, at the end of a login."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.credentials.held import BY_MESSAGE, STRONG, strong_factors
from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
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
from idp.flows.webauthn.ceremony import KeyCeremony, Refused
from idp.flows.webauthn.factors import PASSKEY, SECURITY_KEY
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import User

PAGE = "webauthn-register.html"
MOST_KEYS = 10
"""Of each kind a user: more are no convenience, and every page lists them."""


class RegisterKey:
    """Enrols a key; what it is good for, the two classes below say."""

    contract: ClassVar[StepContract]
    config_type: ClassVar[type[NoConfig]] = NoConfig
    passwordless: ClassVar[bool]

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del config
        self._alias = setting.alias
        self._services = services
        self._ceremony = KeyCeremony(realm=realm, services=services, passwordless=self.passwordless)

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user; whether this one may is judged by what the login has proven."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself: a step that misses the key asks for it."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return self._refusal(login) or self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge the new key, and keep it."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        if not answer.get("attestationObject"):
            return self._page(login, Message(key="webauthn_nothing_sent"))
        key = self._ceremony.enrolled(login, answer)
        reason = key.reason if isinstance(key, Refused) else await self._kept(login, key)
        if isinstance(key, Refused) or reason is not None:
            failed = StepEvent(type="UPDATE_CREDENTIAL_ERROR", error=reason, detail={"credential_type": self._kind})
            page = self._page(login, Message(key="webauthn_not_registered"))
            return msgspec.structs.replace(page, events=(failed,))
        detail = {"credential_type": self._kind, "credential_id": key.id, "aaguid": key.aaguid}
        event = StepEvent(type="UPDATE_CREDENTIAL", detail=detail)
        told = Message(key="webauthn_registered", kind="success")
        return Success(credential_id=key.id, notice=told, events=(event,))

    async def _kept(self, login: Login, key: WebAuthnCredential) -> str | None:
        """Keep the key; return why not. Judged on the user as they are when it is written."""
        before = strong_factors(login.known_user)

        def enrolled(user: User) -> User:
            if self._unwelcome(user, key, before) is not None:
                return user
            return without_action(msgspec.structs.replace(user, credentials=(*user.credentials, key)), self._alias)

        after = await amend(self._services.users, login.known_user.id, enrolled)
        return None if key in after.credentials else self._unwelcome(after, key, before)

    def _unwelcome(self, user: User, key: WebAuthnCredential, before: frozenset[str]) -> str | None:
        if strong_factors(user) - before:
            return "another credential was enrolled meanwhile"  # which this login has not proven
        if len(self._ceremony.keys_of(user)) >= MOST_KEYS:
            return "the user has as many keys as may be"
        known = {one.key_id for one in user.credentials_of(WebAuthnCredential)}
        return "the key is registered already" if key.key_id in known else None  # §7.1: never twice

    def _refusal(self, login: Login) -> Failure | None:
        change = self.contract.changes
        assert change is not None
        reason = change.refusal(login.proven, held=strong_factors(login.known_user), made=login.made)
        return Failure(reason=reason) if reason is not None else None

    @property
    def _kind(self) -> str:
        return PASSKEY.name if self.passwordless else SECURITY_KEY.name

    def _page(self, login: Login, message: Message | None = None) -> Challenge:
        fields = {"creation": self._ceremony.creation(login), "passwordless": self.passwordless}
        return Challenge(page=PAGE, fields=fields, message=message)


def _change(credential: str) -> StepContract:
    # A message alone never gives a key, and whoever holds a strong factor proves it first (CVE-2023-3597).
    change = CredentialChange(credential=credential, never_by=BY_MESSAGE, guarded_by=STRONG)
    return StepContract(needs_proof=True, changes=change, on_request=True)


class RegisterSecurityKey(RegisterKey):
    """A second factor."""

    contract: ClassVar[StepContract] = _change(SECURITY_KEY.name)
    passwordless: ClassVar[bool] = False


class RegisterPasskey(RegisterKey):
    """A login of its own."""

    contract: ClassVar[StepContract] = _change(PASSKEY.name)
    passwordless: ClassVar[bool] = True
