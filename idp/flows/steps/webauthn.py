"""`webauthn-authenticator` (a second factor) and `webauthn-authenticator-passwordless` (a login of its own)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Form,
    Login,
    Message,
    NoConfig,
    Outcome,
    Restart,
    StepContract,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.flows.webauthn.factors import PASSKEY, PASSKEY_WAYS, SECURITY_KEY
from idp.flows.webauthn.passkeys import NotProven, PasskeyCheck, SecurityKeyCheck, is_signed
from idp.model.realm import Realm
from idp.model.user import User

PAGE = "webauthn-authenticate.html"
NOTHING_SIGNED = NotProven(message=Message(key="webauthn_nothing_sent"))


class SecurityKey:
    """Asks for one of the user's keys."""

    contract: ClassVar[StepContract] = StepContract(proves=SECURITY_KEY, setup_action="webauthn-register")
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._keys = SecurityKeyCheck(realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready if the user has a key; otherwise one can be enrolled at the end of the login."""
        if user is None:
            return Usability.NO
        return Usability.READY if user.security_keys else Usability.SETUP

    async def challenge(self, login: Login) -> Outcome:
        """Show the page, with the names of the user's keys."""
        return self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge a signature."""
        result = await self._keys.check(login, answer) if is_signed(answer) else NOTHING_SIGNED
        if isinstance(result, Success):
            return result
        if result.locked:
            # The page must not outlive the lock: after it, the login begins at its first factor (Keycloak #26177).
            return Restart(message=Message(key="invalid_credentials"), events=result.events)
        return _again(self._page(login), result)

    def _page(self, login: Login) -> Challenge:
        keys = login.known_user.security_keys
        fields = {
            "request": self._keys.ceremony.request(login, keys),
            # What somebody called their keys is not for whoever types their name.
            "keys": [{"label": key.label, "created_at": key.created_at} for key in keys if login.proven],
            "mediation": "",
        }
        return Challenge(page=PAGE, fields=fields)


class Passkey:
    """Asks for a passkey, of whoever has one; the user comes with it."""

    contract: ClassVar[StepContract] = StepContract(
        proves=PASSKEY,
        or_proves=PASSKEY_WAYS[1:],
        identifies=True,
        needs_user=False,
        setup_action="webauthn-register-passwordless",
    )
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._passkeys = PasskeyCheck(realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for nobody in particular, and for a user who has a passkey; another one can enrol one."""
        return Usability.READY if user is None or user.passkeys else Usability.SETUP

    async def challenge(self, login: Login) -> Outcome:
        """Show the page. It lists no keys: who has some is not told."""
        return self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge a signature."""
        result = await self._passkeys.check(login, answer) if is_signed(answer) else NOTHING_SIGNED
        return result if isinstance(result, Success) else _again(self._page(login), result)

    def _page(self, login: Login) -> Challenge:
        fields = {"request": self._passkeys.ceremony.request(login), "keys": [], "mediation": ""}
        return Challenge(page=PAGE, fields=fields)


def _again(page: Challenge, refusal: NotProven) -> Challenge:
    return msgspec.structs.replace(page, message=refusal.message, events=refusal.events)
