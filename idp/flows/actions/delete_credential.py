"""`delete_credential`: the user gives up a soft token, a key or a list of recovery codes.

Never with less than was needed to get it (CVE-2026-3429): one of the user's strong factors must have been proven in
this very login. A password is changed and not given up.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from idp.flows.credentials.held import STRONG, strong_factors
from idp.flows.credentials.recovery_codes import FACTOR as RECOVERY_CODES
from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
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
from idp.flows.webauthn.factors import PASSKEY, SECURITY_KEY
from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.user import Credential, OtpCredential, PasswordCredential, User


class DeleteCredential:
    """Shows what can be given up, and takes one of it away."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True)
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
        """Show the page; nothing to give up is no question."""
        if not _removable(login):
            return Success()
        return self._refusal(login) or _page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Take the chosen credential away, if the person says so."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        if "cancel-aia" in answer:
            await amend(self._services.users, login.known_user.id, lambda user: without_action(user, self._alias))
            return Success()
        wanted = answer.get("selectedCredentialId", "")
        chosen = next((c for c in _removable(login) if c.id == wanted), None)
        if "accept" not in answer or chosen is None:
            return _page(login, Message(key="credential_not_chosen"))
        kept = await amend(self._services.users, login.known_user.id, lambda user: self._without(user, chosen))
        if any(credential.id == chosen.id for credential in kept.credentials):
            return _page(login, Message(key="credential_not_chosen"))
        detail = {"credential_type": _kind(chosen), "credential_id": chosen.id}
        event = StepEvent(type="REMOVE_CREDENTIAL", detail=detail)
        return Success(notice=Message(key="credential_removed", kind="success"), events=(event,))

    def _without(self, user: User, chosen: Credential) -> User:
        left = tuple(credential for credential in user.credentials if credential.id != chosen.id)
        return without_action(msgspec.structs.replace(user, credentials=left), self._alias)

    def _refusal(self, login: Login) -> Failure | None:
        if strong_factors(login.known_user) & STRONG & login.proven:
            return None
        return Failure(reason="a credential is given up with a strong factor only, and none was proven in this login")


def _removable(login: Login) -> tuple[Credential, ...]:
    """Return what can be given up: the one that the application named (`kc_action=delete_credential:id`), or any."""
    own = (one for one in login.known_user.credentials if not isinstance(one, PasswordCredential))
    return tuple(one for one in own if login.action_parameter in {"", one.id})


def _page(login: Login, message: Message | None = None) -> Challenge:
    shown: list[dict[str, Any]] = [
        {
            "id": credential.id,
            "kind": _kind(credential),
            "label": credential.label,
            "created_at": credential.created_at,
        }
        for credential in _removable(login)
        if not isinstance(credential, PasswordCredential)
    ]
    return Challenge(page="delete-credential.html", fields={"credentials": shown}, message=message)


def _kind(credential: Credential) -> str:
    """Name a credential's type as Keycloak does."""
    match credential:
        case PasswordCredential():
            return "password"
        case OtpCredential():
            return "otp"
        case WebAuthnCredential():
            return PASSKEY.name if credential.passwordless else SECURITY_KEY.name
        case RecoveryCodes():
            return RECOVERY_CODES.name
