"""User name and password: `auth-username-password-form`, or `auth-username-form` and then `auth-password-form`.

Unknown user, wrong password, disabled, locked, expired first password: the person sees one and the same answer, after
the same work (RTS (EU) 2018/389 Art. 4(3)(a)). The log has the reason.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from idp.flows.credentials.sealed import password_purpose
from idp.flows.customers.attempts import count, count_unknown, failure_events
from idp.flows.customers.users import amend
from idp.flows.engine import Usability
from idp.flows.networks import subscriber_of
from idp.flows.step import (
    Challenge,
    Factor,
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
from idp.flows.tree import Execution
from idp.flows.webauthn.factors import PASSKEY, PASSKEY_WAYS
from idp.flows.webauthn.passkeys import PasskeyCheck, is_signed
from idp.model.flow import Category
from idp.model.flow_kind import FlowKind
from idp.model.policies.lockout import Attempt
from idp.model.realm import Realm
from idp.model.user import User

PAGE = "login.html"
FACTOR = Factor(name="password", category=Category.KNOWLEDGE, channel="browser", amr=("pwd",))
_LONGEST_USERNAME = 255


class NotThem(msgspec.Struct, frozen=True):
    """Why a password was not accepted; for the log only."""

    reason: str


def judge(user: User | None, *, attempt: Attempt, locked: bool, matches: bool, now: int) -> NotThem | None:
    """Return why this is not the user, or None if it is. The order does not show outside."""
    if user is None:
        return NotThem("user_not_found")
    if not user.enabled:
        return NotThem("user_disabled")
    if not attempt.admitted or locked:
        return NotThem("user_temporarily_disabled")
    if not matches:
        return NotThem("invalid_user_credentials")
    password = user.password
    if password is not None and password.expires_at is not None and now >= password.expires_at:
        return NotThem("temporary_password_expired")  # ASVS 6.4.1: first passwords are short-lived
    return None


class PasswordCheck:
    """Checks one password of one user, in the same time for every reason to refuse."""

    def __init__(self, services: StepServices) -> None:
        self._services = services

    async def check(self, login: Login, user: User | None, *, typed_name: str, password: str) -> Success | NotThemAfter:
        """Count, hash, judge, in this order."""
        with self._services.passwords.share(subscriber_of(login.address)):
            return await self._checked(login, user, typed_name=typed_name, password=password)

    async def _checked(
        self, login: Login, user: User | None, *, typed_name: str, password: str
    ) -> Success | NotThemAfter:
        with self._services.passwords.place():
            if user is not None:
                attempt = await count(login, self._services, user.id, FACTOR.name)
            else:
                attempt = await count_unknown(login, self._services, typed_name, FACTOR.name)
            locked = user is not None and await self._locked_elsewhere(user, login.now)
            hashed = self._hash_of(login, user) if attempt.admitted else None
            await self._services.settled()  # while the place is held: the count is on the disk before the check
        # Hash even when there is nothing to compare with: no refusal may be quicker than another.
        matches = await self._services.passwords.verify(password, hashed)
        refused = judge(user, attempt=attempt, locked=locked, matches=matches, now=login.now)
        if refused is not None or user is None:
            reason = refused.reason if refused is not None else "user_not_found"
            return NotThemAfter(attempt=attempt, reason=reason, user_id=user.id if user else None)
        await self._services.attempts.clear(user.id, FACTOR.name)
        if hashed is not None and self._services.passwords.outdated(hashed):
            await self._rehash(login, user, password)
        return Success(user_id=user.id, attempted_username=user.username, credential_id=_credential_id(user))

    async def _locked_elsewhere(self, user: User, now: int) -> bool:
        """Tell whether another factor is locked: then the whole login is refused, in the words of a wrong password."""
        locks = await self._services.attempts.locks(user.id)
        return any(lock.locked(now) for factor, lock in locks.factors.items() if factor != FACTOR.name)

    def _hash_of(self, login: Login, user: User | None) -> bytes | None:
        if user is None or user.password is None:
            return None
        return self._services.sealer.unseal(user.password.sealed, purpose=password_purpose(login.realm.name, user.id))

    async def _rehash(self, login: Login, user: User, password: str) -> None:
        """Replace an old kind of hash now that the password is known (Keycloak's stored hashes upgrade this way)."""
        hashed = await self._services.passwords.hash(password)
        sealed = self._services.sealer.seal(hashed, purpose=password_purpose(login.realm.name, user.id))
        checked = user.password

        def upgraded(present: User) -> User:
            if present.password != checked:
                return present  # somebody changed the password meanwhile: theirs stays
            credentials = tuple(
                msgspec.structs.replace(checked, sealed=sealed) if c == checked and checked is not None else c
                for c in present.credentials
            )
            return msgspec.structs.replace(present, credentials=credentials)

        await amend(self._services.users, user.id, upgraded)


class NotThemAfter(msgspec.Struct, frozen=True):
    """A refused password check, with what the log needs."""

    attempt: Attempt
    reason: str
    user_id: str | None

    @property
    def events(self) -> tuple[StepEvent, ...]:
        """What to record."""
        return failure_events(self.attempt, reason=self.reason, factor=FACTOR.name, user_id=self.user_id)


def _credential_id(user: User) -> str | None:
    return user.password.id if user.password is not None else None


async def find_user(realm: Realm, services: StepServices, name: str) -> User | None:
    """Find a user by what was typed: the user name, or the e-mail address where the realm allows it."""
    user = await services.users.by_username(name)
    if user is None and realm.login_with_email and "@" in name:
        user = await services.users.by_email(name)
    return user


class LoginPage:
    """The page of the three steps below. A realm with passkeys offers them on it (Keycloak 26.4, conditional UI)."""

    def __init__(self, *, realm: Realm, services: StepServices, asks: str) -> None:
        policy = realm.webauthn_passwordless
        self._asks = asks
        self._mediation = policy.mediation
        self._passkeys = PasskeyCheck(realm=realm, services=services) if policy.passkeys else None

    @property
    def offers_passkeys(self) -> bool:
        """Whether the page takes passkeys too."""
        return self._passkeys is not None

    def page(self, login: Login, *, username: str = "", message: Message | None = None) -> Challenge:
        """Show the page; who is known already (a session that has to prove more) is asked for no name."""
        submit = "login" if login.kind is FlowKind.BROWSER else "send"
        known = login.user.username if login.user is not None else ""
        fields: dict[str, Any] = {
            "asks": "password" if known and self._asks == "username+password" else self._asks,
            "submit": submit,
            "username": known or username or login.login_hint,
            "username_fixed": False,
        }
        if self._passkeys is not None:
            fields |= {"request": self._passkeys.ceremony.request(login), "mediation": self._mediation}
        return Challenge(page=PAGE, fields=fields, message=message)

    def refused(self, login: Login, refusal: NotThemAfter, *, username: str) -> Challenge:
        """Show the page after a wrong password, or a wrong name."""
        page = self.page(login, username=username, message=Message(key="invalid_credentials"))
        return msgspec.structs.replace(page, events=refusal.events)

    async def passkey(self, login: Login, answer: Form) -> Outcome | None:
        """Judge a passkey; None if the answer is none, or the realm takes none."""
        if self._passkeys is None or not is_signed(answer):
            return None
        result = await self._passkeys.check(login, answer)
        if isinstance(result, Success):
            return result
        page = self.page(login, username=login.attempted_username or "", message=result.message)
        return msgspec.structs.replace(page, events=result.events)


class UsernamePassword:
    """Both on one page."""

    contract: ClassVar[StepContract] = StepContract(
        proves=FACTOR, identifies=True, needs_user=False, offers_passkeys=True
    )
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._realm = realm
        self._services = services
        self._passwords = PasswordCheck(services)
        self._login = LoginPage(realm=realm, services=services, asks="username+password")

    def usable(self, user: User | None) -> Usability:
        """Always: whoever it is can be asked."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return self._login.page(login, username=login.attempted_username or "")

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge a user name and password, or a passkey."""
        by_passkey = await self._login.passkey(login, answer)
        if by_passkey is not None:
            return by_passkey
        user = login.user
        if user is not None:
            name = user.username  # never a name in the form (T-29)
        else:
            name = answer.get("username", "").strip()[:_LONGEST_USERNAME]
            user = await find_user(self._realm, self._services, name) if name else None
        result = await self._passwords.check(login, user, typed_name=name, password=answer.get("password", ""))
        match result:
            case Success():
                return result
            case _:
                return self._login.refused(login, result, username=name)


class Username:
    """The user name alone. Any name goes on to the next page: who exists is not told here."""

    contract: ClassVar[StepContract] = StepContract(identifies=True, needs_user=False, offers_passkeys=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._realm = realm
        self._services = services
        self._login = LoginPage(realm=realm, services=services, asks="username")

    def usable(self, user: User | None) -> Usability:
        """Always: whoever it is can be asked."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return self._login.page(login, username=login.attempted_username or "")

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Take the name, known or not, or a passkey that says it."""
        by_passkey = await self._login.passkey(login, answer)
        if by_passkey is not None:
            return by_passkey
        name = answer.get("username", "").strip()[:_LONGEST_USERNAME]
        if not name:
            return self._login.page(login, message=Message(key="missing_field"))
        user = await find_user(self._realm, self._services, name)
        return Success(user_id=user.id if user is not None else None, attempted_username=name)


class Password:
    """The password of the user named before (or of nobody, if there is no such user)."""

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, needs_user=False, offers_passkeys=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._passwords = PasswordCheck(services)
        self._login = LoginPage(realm=realm, services=services, asks="password")

    def usable(self, user: User | None) -> Usability:
        """Always, also for nobody: who exists is not told here."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show the page; a passkey that told the name has told more than a password could (as Keycloak has it)."""
        # Only one of this very login: what a session proved long ago must not become young again here.
        here = {proof.factor: proof for proof in login.evidence if proof.ceremony == login.ceremony}
        if self._login.offers_passkeys and PASSKEY.name in here:
            again = tuple(factor for factor in PASSKEY_WAYS[-1] if factor.name in here)
            return Success(credential_id=here[PASSKEY.name].credential_id, proven=again)
        return self._login.page(login, username=login.attempted_username or "")

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge the password of the user of this login, never of a name in the form (T-29); or a passkey of theirs."""
        by_passkey = await self._login.passkey(login, answer)
        if by_passkey is not None:
            return by_passkey
        name = login.attempted_username or ""
        result = await self._passwords.check(login, login.user, typed_name=name, password=answer.get("password", ""))
        match result:
            case Success():
                return result
            case _:
                return self._login.refused(login, result, username=name)
