"""A login by passkey: who it is comes with the key. Used by its own step and by the pages that ask for a user name."""

from __future__ import annotations

import base64
import binascii

import msgspec

from idp.flows.customers.attempts import count_after_proof, failure_events
from idp.flows.customers.users import amend
from idp.flows.step import Form, Login, Message, StepEvent, StepServices, Success
from idp.flows.webauthn.ceremony import KeyCeremony, Refused
from idp.flows.webauthn.factors import PASSKEY, SECURITY_KEY, proven_by_passkey, proven_by_security_key
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

COUNTER = "the signature counter did not grow: the key may have been cloned"
_LONGEST_HANDLE = 128


class NotProven(Frozen, frozen=True, kw_only=True):
    """A key that did not prove itself: one message for every reason, and what to record."""

    events: tuple[StepEvent, ...] = ()
    locked: bool = False
    message: Message = Message(key="webauthn_refused")


def is_signed(answer: Form) -> bool:
    """Tell whether a form brings a key's answer, rather than what a person types."""
    return bool(answer.get("authenticatorData"))


class PasskeyCheck:
    """Judges an answer that names its user itself."""

    def __init__(self, *, realm: Realm, services: StepServices) -> None:
        self.ceremony = KeyCeremony(realm=realm, services=services, passwordless=True)
        self._services = services

    async def check(self, login: Login, answer: Form) -> Success | NotProven:
        """Find the user, judge the signature, keep the counter. Every refusal reads the same."""
        user_id = _user_id(answer)
        user = await self._services.users.by_id(user_id) if user_id else login.user
        reason = await self._not_welcome(login, user)
        if reason is not None or user is None:
            return _not_proven(reason or "user_not_found", user)
        asserted = self.ceremony.asserted(login, answer, user)
        if isinstance(asserted, Refused):
            return _not_proven(asserted.reason, user)
        if not await used(self._services, user, asserted.key):
            return _not_proven(COUNTER, user)
        proven = proven_by_passkey(asserted.key, self.ceremony.policy, unlocked=asserted.unlocked)
        return Success(user_id=user.id, attempted_username=user.username, credential_id=asserted.key.id, proven=proven)

    async def _not_welcome(self, login: Login, user: User | None) -> str | None:
        """Nothing is counted: a signature cannot be guessed, and whoever knows an id must not lock its owner out."""
        if user is None:
            return "user_not_found"
        if login.user is not None and login.user.id != user.id:
            return "the key is another user's"
        if not user.enabled:
            return "user_disabled"
        locks = await self._services.attempts.locks(user.id)
        locked = any(lock.locked(login.now) for lock in locks.factors.values())
        return "user_temporarily_disabled" if locked else None


class SecurityKeyCheck:
    """Judges the second factor of a user who has proven a first one."""

    def __init__(self, *, realm: Realm, services: StepServices) -> None:
        self.ceremony = KeyCeremony(realm=realm, services=services, passwordless=False)
        self._services = services

    async def check(self, login: Login, answer: Form) -> Success | NotProven:
        """Count, judge, keep the counter, in this order."""
        user, factor = login.known_user, SECURITY_KEY.name
        attempt = await count_after_proof(login, self._services, user.id, factor)
        if not attempt.admitted:
            events = failure_events(attempt, reason="user_temporarily_disabled", factor=factor, user_id=user.id)
            return NotProven(events=events, locked=True)
        asserted = self.ceremony.asserted(login, answer, user)
        if not isinstance(asserted, Refused) and await used(self._services, user, asserted.key):
            await self._services.attempts.clear(user.id, factor)
            return Success(credential_id=asserted.key.id, proven=proven_by_security_key(asserted.key))
        reason = asserted.reason if isinstance(asserted, Refused) else COUNTER
        events = failure_events(attempt, reason=reason, factor=factor, user_id=user.id)
        return NotProven(events=events, locked=attempt.newly_locked)


async def used(services: StepServices, user: User, key: WebAuthnCredential) -> bool:
    """Keep a key as it is after its use; false if its counter did not grow, or the key is gone meanwhile.

    WebAuthn Level 3 §6.1.1: of a key and its copy the counters run apart. Compared where it is written, so that of two
    answers with one counter one counts. A key that counts nothing stays at zero.
    """
    grew = False

    def kept(present: User) -> User:
        nonlocal grew
        stored = next((c for c in present.credentials if isinstance(c, WebAuthnCredential) and c.id == key.id), None)
        grew = stored is not None and (key.counter > stored.counter or key.counter == stored.counter == 0)
        credentials = tuple(key if c is stored and grew else c for c in present.credentials)
        return msgspec.structs.replace(present, credentials=credentials)

    await amend(services.users, user.id, kept)
    return grew


def _not_proven(reason: str, user: User | None) -> NotProven:
    detail = {"factor": PASSKEY.name}
    user_id = user.id if user is not None else None
    return NotProven(events=(StepEvent(type="LOGIN_ERROR", error=reason, detail=detail, user_id=user_id),))


def _user_id(answer: Form) -> str:
    """Read the user handle: the id of a user, in base64url. What cannot be read is nobody's."""
    handle = answer.get("userHandle", "")
    if len(handle) > _LONGEST_HANDLE:
        return ""
    try:
        return base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
