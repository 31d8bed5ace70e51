"""`auth-recovery-authn-code-form`: the next code of the user's list, in place of a factor that is lost or elsewhere.

Each use is an event of its own, with how many codes are left: it is out of the ordinary.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.credentials.recovery_codes import ACTION, FACTOR, few_are_left, matches, normalised
from idp.flows.credentials.sealed import recovery_code_purpose
from idp.flows.customers.attempts import count_after_proof, failure_events
from idp.flows.customers.users import amend
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
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.credentials.recovery_codes import RecoveryCode as Code
from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.realm import Realm
from idp.model.user import User


class RecoveryCode:
    """Asks for one code, by its number on the list."""

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, setup_action=ACTION)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready if the user has a list with a code left; otherwise one can be made at the end of the login."""
        if user is None:
            return Usability.NO
        codes = user.recovery_codes
        return Usability.READY if codes is not None and codes.codes else Usability.SETUP

    async def challenge(self, login: Login) -> Outcome:
        """Show the page, with the number of the code that is wanted."""
        return _page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Count, compare, take, in this order."""
        user, codes = login.known_user, login.known_user.recovery_codes
        typed = normalised(answer.get("recoveryCodeInput", ""))
        if not typed or codes is None or not codes.codes:
            return _page(login, Message(key="invalid_code"))  # nothing was tried, so nothing is counted
        with self._services.passwords.place():
            attempt = await count_after_proof(login, self._services, user.id, FACTOR.name)
        events = failure_events(attempt, reason="user_temporarily_disabled", factor=FACTOR.name, user_id=user.id)
        if not attempt.admitted:
            return Restart(message=Message(key="invalid_credentials"), events=events)
        wanted = codes.codes[0]
        purpose = recovery_code_purpose(self._realm.name, user.id, codes.id)
        right = await matches(
            self._services, typed, self._services.sealer.unseal(wanted.sealed, purpose=purpose), codes
        )
        if right and await self._taken(user, codes, wanted):
            await self._services.attempts.clear(user.id, FACTOR.name)
            return self._used(codes)
        events = failure_events(attempt, reason="invalid_user_credentials", factor=FACTOR.name, user_id=user.id)
        if attempt.newly_locked:
            return Restart(message=Message(key="invalid_credentials"), events=events)
        return msgspec.structs.replace(_page(login, Message(key="invalid_code")), events=events)

    async def _taken(self, user: User, codes: RecoveryCodes, wanted: Code) -> bool:
        """Take the code off the list; of two answers with one code one takes it."""
        taken = False

        def without(present: User) -> User:
            nonlocal taken
            stored = present.recovery_codes
            taken = stored is not None and stored.id == codes.id and wanted in stored.codes
            if stored is None or not taken:
                return present
            left = msgspec.structs.replace(stored, codes=tuple(code for code in stored.codes if code != wanted))
            credentials = tuple(left if c is stored else c for c in present.credentials)
            return msgspec.structs.replace(present, credentials=credentials)

        await amend(self._services.users, user.id, without)
        return taken

    def _used(self, codes: RecoveryCodes) -> Success:
        left = msgspec.structs.replace(codes, codes=codes.codes[1:])
        detail = {"credential_type": FACTOR.name, "left": str(len(left.codes))}
        event = StepEvent(type="USE_RECOVERY_CODE", detail=detail)
        warned = few_are_left(left, self._realm.password_policy)
        count = {"left": str(len(left.codes))}
        notice = Message(key="recovery_codes_few", params=count, kind="info") if warned else None
        return Success(credential_id=codes.id, notice=notice, events=(event,))


def _page(login: Login, message: Message | None = None) -> Challenge:
    codes = login.known_user.recovery_codes
    number = codes.codes[0].number if codes is not None and codes.codes else 0
    return Challenge(page="recovery-code.html", fields={"number": number}, message=message)
