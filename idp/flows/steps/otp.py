"""`auth-otp-form`: the code of the user's soft token (RFC 6238, RFC 4226), accepted once.

A wrong code after a right password is evidence that the password is stolen: its failures have their own counter.
"""

from __future__ import annotations

from typing import ClassVar

from idp.crypto.one_time_codes import normalised
from idp.flows.credentials.sealed import seed_purpose
from idp.flows.credentials.soft_tokens import burnt, moved_on
from idp.flows.customers.attempts import count_after_proof, failure_events
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Factor,
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
from idp.model.flow import Category
from idp.model.realm import Realm
from idp.model.user import OtpCredential, User

FACTOR = Factor(name="otp", category=Category.POSSESSION, channel="soft-token", amr=("otp",))


def chosen_token(user: User, credential_id: str) -> OtpCredential | None:
    """Return the token the person chose, or the first one."""
    if not credential_id:
        return next(iter(user.otps), None)
    return next((token for token in user.otps if token.id == credential_id), None)


class Otp:
    """Asks for the six digits of a soft token."""

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, setup_action="CONFIGURE_TOTP")
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._window = realm.otp_policy.look_ahead_window
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready if the user has a token; otherwise it can be set up at the end of the login."""
        if user is None:
            return Usability.NO
        return Usability.READY if user.otps else Usability.SETUP

    async def challenge(self, login: Login) -> Outcome:
        """Show the page, with a choice where there are several tokens."""
        return self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Count, compare, burn, in this order."""
        user = login.known_user
        code = normalised(answer.get("otp", ""))
        if not code:
            return self._page(login, Message(key="invalid_code"))  # nothing was tried, so nothing is counted
        attempt = await count_after_proof(login, self._services, user.id, FACTOR.name)
        if not attempt.admitted:
            return Restart(
                message=Message(key="invalid_credentials"),
                events=failure_events(attempt, reason="user_temporarily_disabled", factor=FACTOR.name, user_id=user.id),
            )
        token = chosen_token(user, answer.get("selectedCredentialId", ""))
        counter = await self._accepted(login, user, token, code) if token is not None else None
        if token is not None and counter is not None:
            await self._services.attempts.clear(user.id, FACTOR.name)
            await moved_on(self._services, user.id, token, counter)
            return Success(credential_id=token.id)
        events = failure_events(attempt, reason="invalid_user_credentials", factor=FACTOR.name, user_id=user.id)
        if attempt.newly_locked:
            # The page must not outlive the lock: after it, the login begins at its first factor (Keycloak #26177).
            return Restart(message=Message(key="invalid_credentials"), events=events)
        page = self._page(login, Message(key="invalid_code"))
        return Challenge(page=page.page, fields=page.fields, message=page.message, events=events)

    async def _accepted(self, login: Login, user: User, token: OtpCredential, code: str) -> int | None:
        purpose = seed_purpose(login.realm.name, user.id, token.id)
        seed = self._services.sealer.unseal(token.sealed, purpose=purpose)
        return await burnt(self._services, seed, code, token, now=login.now, window=self._window)

    def _page(self, login: Login, message: Message | None = None) -> Challenge:
        tokens = [{"id": token.id, "label": token.label} for token in login.known_user.otps]
        choice = tokens if len(tokens) > 1 else []  # without one, the page is the same for everybody
        return Challenge(page="otp.html", fields={"credentials": choice}, message=message)
