"""Enrolling a soft token: shared by the step `soft-token-enrolment` and the required action `CONFIGURE_TOTP`.

The seed is made here and never comes back in a form (T-35); until its first code is confirmed it is nobody's
credential. The QR code is shown in one answer to one press of a button and never again.
"""

from __future__ import annotations

import base64

import msgspec
import pyotp

from idp.crypto.one_time_codes import normalised
from idp.flows.credentials.held import BY_MESSAGE, STRONG, strong_factors
from idp.flows.credentials.sealed import seed_purpose
from idp.flows.credentials.soft_tokens import burnt
from idp.flows.customers.attempts import count, failure_events
from idp.flows.customers.users import amend, without_action
from idp.flows.step import (
    Challenge,
    CredentialChange,
    Failure,
    Form,
    Login,
    Message,
    Outcome,
    Restart,
    StepEvent,
    StepServices,
    Success,
)
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import OtpCredential, User

ACTION = "CONFIGURE_TOTP"
_FACTOR = "otp-enrolment"
# A code by message alone never completes an enrolment, and a second token needs the first one.
CHANGE = CredentialChange(credential="otp", never_by=BY_MESSAGE, guarded_by=STRONG)
_SEED_BYTES = 20  # RFC 4226 §4 R6: 160 bits
_LIFETIME = 600  # NIST SP 800-63B-4 §4.1.2.2: an enrolment code lives at most ten minutes
_LONGEST_LABEL = 64
_ALGORITHMS = {"HmacSHA1": "SHA1", "HmacSHA256": "SHA256", "HmacSHA512": "SHA512"}


class Pending(Frozen, frozen=True, kw_only=True):
    """A token that nobody has confirmed yet; its seed is sealed for this user and this credential."""

    credential_id: str
    sealed: bytes
    made_at: int


class Enrolment:
    """Makes a token, shows it once, and keeps it when its first code has come back."""

    def __init__(self, *, realm: Realm, services: StepServices, afterwards: tuple[str, ...] = ()) -> None:
        """`afterwards` are the required actions that follow an enrolment."""
        self._realm = realm
        self._afterwards = afterwards
        self._policy = realm.otp_policy
        self._services = services

    async def challenge(self, login: Login) -> Outcome:
        """Show the QR code if this is the answer to a press of a button; otherwise the page without it."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        pending = login.state(Pending)
        if pending is None and login.posted:
            return self._show_new(login)
        return self._page(pending)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep the token if its first code is right."""
        refused = self._refusal(login)
        if refused is not None:
            return refused
        pending = login.state(Pending)
        if "new-qr" in answer or pending is None:
            return self._show_new(login)
        if login.now >= pending.made_at + _LIFETIME:
            return self._page(None, Message(key="code_expired"))
        code = normalised(answer.get("totp", ""))
        if not code:
            return self._page(pending, Message(key="invalid_code"))  # nothing was tried, so nothing is counted
        return await self._confirm(login, pending, code, label=answer.get("userLabel", ""))

    def _refusal(self, login: Login) -> Outcome | None:
        reason = CHANGE.refusal(login.proven, held=strong_factors(login.known_user), made=login.made)
        return Failure(reason=reason) if reason is not None else None

    async def _confirm(self, login: Login, pending: Pending, code: str, *, label: str) -> Outcome:
        user = login.known_user
        attempt = await count(login, self._services, user.id, _FACTOR)
        if not attempt.admitted:
            return Restart(message=Message(key="invalid_credentials"))
        token, window = self._token(login, pending, label=label), self._policy.look_ahead_window
        # The confirming code is burnt too: what enrolled a token cannot log in with it.
        counter = await burnt(self._services, self._seed(login, pending), code, token, now=login.now, window=window)
        if counter is None:
            events = failure_events(attempt, reason="invalid_user_credentials", factor=_FACTOR, user_id=user.id)
            if attempt.newly_locked:
                return Restart(message=Message(key="invalid_credentials"), events=events)
            return msgspec.structs.replace(self._page(pending, Message(key="invalid_code")), events=events)
        await self._services.attempts.clear(user.id, _FACTOR)
        if not await self._keep(login, msgspec.structs.replace(token, counter=self._next(counter))):
            return Failure(reason="another soft token was enrolled meanwhile")
        event = StepEvent(type="UPDATE_TOTP", detail={"credential_id": pending.credential_id})
        return Success(
            credential_id=pending.credential_id, notice=Message(key="token_registered", kind="success"), events=(event,)
        )

    def _token(self, login: Login, pending: Pending, *, label: str) -> OtpCredential:
        return OtpCredential(
            id=pending.credential_id,
            sealed=pending.sealed,
            created_at=login.now,
            label=label.strip()[:_LONGEST_LABEL],
            algorithm=self._policy.algorithm,
            digits=self._policy.digits,
            period=self._policy.period,
            kind=self._policy.kind,
            counter=self._policy.initial_counter if self._policy.kind == "hotp" else 0,
        )

    def _next(self, counter: int) -> int:
        return counter + 1 if self._policy.kind == "hotp" else 0

    async def _keep(self, login: Login, credential: OtpCredential) -> bool:
        def enrolled(user: User) -> User:
            if user.otps != login.known_user.otps:
                return user  # of two enrolments at once one counts: the other has not proven the token that is there
            # One active token a user: the new one replaces the old one in the same write.
            others = tuple(c for c in user.credentials if not isinstance(c, OtpCredential))
            actions = tuple(dict.fromkeys((*user.required_actions, *self._afterwards)))
            changed = msgspec.structs.replace(user, credentials=(*others, credential), required_actions=actions)
            return without_action(changed, ACTION)

        kept = await amend(self._services.users, login.known_user.id, enrolled)
        return credential in kept.otps

    def _show_new(self, login: Login) -> Challenge:
        seed = self._services.random(_SEED_BYTES)
        credential_id = self._services.random(16).hex()
        purpose = seed_purpose(self._realm.name, login.known_user.id, credential_id)
        pending = Pending(
            credential_id=credential_id, sealed=self._services.sealer.seal(seed, purpose=purpose), made_at=login.now
        )
        secret = base64.b32encode(seed).decode().rstrip("=")
        page = self._page(pending)
        fields = {**page.fields, "otpauth": self._address(login.known_user, secret), "secret": secret}
        return msgspec.structs.replace(page, fields=fields, once=True)

    def _seed(self, login: Login, pending: Pending) -> bytes:
        purpose = seed_purpose(self._realm.name, login.known_user.id, pending.credential_id)
        return self._services.sealer.unseal(pending.sealed, purpose=purpose)

    def _address(self, user: User, secret: str) -> str:
        """Return the `otpauth://` address; parameters that every application takes as default are left out."""
        policy = self._policy
        names = {"name": user.username, "issuer_name": self._realm.title}
        if policy.kind == "hotp":
            counted = pyotp.HOTP(secret, digits=policy.digits, initial_count=policy.initial_counter)
            address = counted.provisioning_uri(**names, initial_count=policy.initial_counter)
        else:
            address = pyotp.TOTP(secret, digits=policy.digits, interval=policy.period).provisioning_uri(**names)
        algorithm = _ALGORITHMS[policy.algorithm]
        return address if algorithm == "SHA1" else f"{address}&algorithm={algorithm}"

    def _page(self, pending: Pending | None, message: Message | None = None) -> Challenge:
        fields = {
            "otpauth": None,
            "secret": None,
            "pending": pending is not None,
            # Our own application makes codes by time only.
            "app_url": self._services.token_application if self._policy.kind == "totp" else "",
        }
        return Challenge(page="soft-token-enrol.html", fields=fields, state=pending, message=message)
