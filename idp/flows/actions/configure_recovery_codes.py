"""`CONFIGURE_RECOVERY_AUTHN_CODES`: a list of recovery codes, shown once; the list before it dies.

The codes are shown in one answer to one press of a button. Until the person says that they have them, the former list
stays good.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.credentials.held import BY_MESSAGE, STRONG, strong_factors
from idp.flows.credentials.recovery_codes import ACTION, FACTOR, few_are_left, grouped, new_codes
from idp.flows.credentials.sealed import recovery_code_purpose
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
from idp.model.credentials.recovery_codes import RecoveryCode, RecoveryCodes
from idp.model.flow import RequiredActionSetting
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

CHANGE = CredentialChange(credential=FACTOR.name, never_by=BY_MESSAGE, guarded_by=STRONG)
_LIFETIME = 600
_PAGE = "recovery-codes.html"


class Shown(Frozen, frozen=True, kw_only=True):
    """A list that was shown and not confirmed; `sealed` opens to its codes, for this user and this list."""

    credential_id: str
    sealed: bytes
    made_at: int


class ConfigureRecoveryCodes:
    """Makes a list, shows it once, and keeps its hashes."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True, changes=CHANGE)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del setting, config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user; whether this one may is judged by what the login has proven."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Due when a list is used up: whoever relies on it must not find it empty."""
        del now
        codes = user.recovery_codes
        return codes is not None and not codes.codes

    async def challenge(self, login: Login) -> Outcome:
        """Show the codes if this is the answer to a press of a button; otherwise the page without them."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        shown = login.state(Shown)
        return self._show_new(login) if shown is None and login.posted else self._page(login, shown)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep the list when the person says that they have it."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        shown = login.state(Shown)
        if "new-codes" in answer or shown is None:
            return self._show_new(login)
        if login.now >= shown.made_at + _LIFETIME:
            return self._page(login, None, Message(key="code_expired"))
        if "kept" not in answer:
            return self._page(login, shown)
        if not await self._keep(login, shown):
            return Failure(reason="another credential was enrolled meanwhile")
        detail = {"credential_type": FACTOR.name, "credential_id": shown.credential_id}
        event = StepEvent(type="UPDATE_CREDENTIAL", detail=detail)
        told = Message(key="recovery_codes_kept", kind="success")
        return Success(credential_id=shown.credential_id, notice=told, events=(event,))

    async def _keep(self, login: Login, shown: Shown) -> bool:
        purpose = recovery_code_purpose(self._realm.name, login.known_user.id, shown.credential_id)
        codes = self._services.sealer.unseal(shown.sealed, purpose=purpose).decode().split()
        # NIST SP 800-63B-4 §3.1.2: what has less than 112 bits is kept as a salted, slow hash.
        hashes = [await self._services.passwords.hash(code) for code in codes]
        sealed = [self._services.sealer.seal(hashed, purpose=purpose) for hashed in hashes]
        kept = RecoveryCodes(
            id=shown.credential_id,
            created_at=login.now,
            total=len(codes),
            codes=tuple(RecoveryCode(number=n, sealed=one) for n, one in enumerate(sealed, start=1)),
        )
        before = strong_factors(login.known_user)

        def enrolled(user: User) -> User:
            if strong_factors(user) - before:
                return user  # somebody enrolled a factor meanwhile, which this login has not proven
            others = tuple(c for c in user.credentials if not isinstance(c, RecoveryCodes))
            return without_action(msgspec.structs.replace(user, credentials=(*others, kept)), ACTION)

        after = await amend(self._services.users, login.known_user.id, enrolled)
        return kept in after.credentials

    def _refusal(self, login: Login) -> Failure | None:
        reason = CHANGE.refusal(login.proven, held=strong_factors(login.known_user), made=login.made)
        return Failure(reason=reason) if reason is not None else None

    def _show_new(self, login: Login) -> Challenge:
        codes = new_codes(self._services)
        credential_id = self._services.random(16).hex()
        purpose = recovery_code_purpose(self._realm.name, login.known_user.id, credential_id)
        sealed = self._services.sealer.seal(" ".join(codes).encode(), purpose=purpose)
        page = self._page(login, Shown(credential_id=credential_id, sealed=sealed, made_at=login.now))
        fields = {**page.fields, "codes": [grouped(code) for code in codes]}
        return msgspec.structs.replace(page, fields=fields, once=True)

    def _page(self, login: Login, shown: Shown | None, message: Message | None = None) -> Challenge:
        present = login.known_user.recovery_codes
        fields = {
            "codes": [],
            "pending": shown is not None,
            "few": few_are_left(present, self._realm.password_policy),
        }
        return Challenge(page=_PAGE, fields=fields, state=shown, message=message)
