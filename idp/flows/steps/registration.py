"""`registration-page-form`: somebody makes an account of their own, on one page (Keycloak's registration flow).

The page's parts are the executions of its `form-flow`: the account itself, its password, the terms. Everything is
judged before anything is kept, and each mistake stands at its field. The account proves nothing: whoever made it logs
in with it, through the flow that everybody goes through.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

import msgspec

from idp.crypto.digest import digest
from idp.flows.credentials.password_policy import described, violations
from idp.flows.credentials.sealed import password_purpose
from idp.flows.customers import terms
from idp.flows.customers.profile import Judged, field, judged, written
from idp.flows.customers.users import as_everybody
from idp.flows.engine import Usability
from idp.flows.networks import subscriber_of
from idp.flows.step import (
    Challenge,
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
from idp.model.policies.profile import KEYCLOAK_PROFILE, ProfileAttribute
from idp.model.realm import Realm
from idp.model.user import PasswordCredential, User

ACCOUNT, PASSWORD, TERMS = (
    "registration-user-creation",
    "registration-password-action",
    "registration-terms-and-conditions",
)
PARTS = frozenset({ACCOUNT, PASSWORD, TERMS, "registration-profile-action"})
"""`registration-profile-action` is what Keycloak had until version 23: the account's own checks say the same."""

_AN_HOUR = 3600  # seconds
_MOST_AN_HOUR = 20  # forms that one subscriber may send: each may tell whether a name is taken
_BY_THE_BANK = frozenset({"phoneNumber", "phoneNumberVerified", "locale"})
"""A number is where codes are sent to: it is confirmed before it counts, which this page cannot do."""


class RegistrationForm:
    """Shows the page and makes the account."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False, makes_user=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del config
        parts = {part.authenticator for part in execution.form}
        self._asks_password = PASSWORD in parts
        self._asks_terms = TERMS in parts
        self._realm = realm
        self._services = services
        self._attributes = tuple(_asked(realm))

    def usable(self, user: User | None) -> Usability:
        """For whoever is nobody yet."""
        return Usability.READY if user is None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        return self._page(login)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge the form as a whole, and make the account if nothing is wrong."""
        within = await self._services.throttle.hit(
            "registration", digest(subscriber_of(login.address)), limit=_MOST_AN_HOUR, window=_AN_HOUR
        )
        if not within:
            return self._page(login, message=Message(key="too_many_registrations"))
        judgement = judged(self._attributes, answer)
        user = self._user(login, judgement)
        message = self._refusal(answer, user)
        if not judgement.wrong and message is None and await self._is_taken(login, user):
            judgement = self._taken(judgement)
        if judgement.wrong or message is not None:
            return self._page(login, judgement=judgement, message=message)
        user = await self._with_password(user, answer, now=login.now) if self._asks_password else user
        if not await self._services.users.create(user):
            return self._page(login, judgement=self._taken(judgement))
        registered = StepEvent(type="REGISTER", user_id=user.id)
        notice = Message(key="account_made", kind="success")
        return Success(attempted_username=user.username, notice=notice, events=(registered,))

    def _user(self, login: Login, judgement: Judged) -> User:
        """Return the account as it would be; it has what every new user of the realm gets."""
        values = {name: found for name, found in judgement.values.items() if name != "username"}
        name = judgement.values.get("email" if self._realm.email_as_username else "username", ())
        speaks: dict[str, tuple[str, ...]] = {"locale": (login.locale,)}
        bare = User(id=_new_id(self._services), username="".join(name[:1]), created_at=login.now, attributes=speaks)
        user = as_everybody(self._realm, written(bare, values))
        if not self._asks_terms:
            return user
        version = terms.version_of(self._realm)
        return terms.accepted(user, self._realm, version=version, locale=login.locale, now=login.now)

    def _refusal(self, answer: Form, user: User) -> Message | None:
        """Return what is wrong beside the fields of the profile."""
        if self._asks_terms and "termsAccepted" not in answer:
            return Message(key="terms_declined")
        if not self._asks_password:
            return None
        password = answer.get("password", "")
        if not password:
            return Message(key="missing_field")
        if password != answer.get("password-confirm", ""):
            return Message(key="passwords_differ")
        return next(iter(violations(self._realm.password_policy, password, user)), None)

    async def _is_taken(self, login: Login, user: User) -> bool:
        """Tell whether somebody has the name or the address already.

        A name that is somebody's address would catch the logins of its owner, who may type either.
        """
        users = self._services.users
        if "@" in user.username and user.username.casefold() != user.email.casefold():
            return True
        if await users.by_username(user.username) is not None:
            return True
        if not user.email or self._realm.duplicate_emails:
            return False
        return not await users.reserve_address(user.email, login.transaction_id)

    def _taken(self, judgement: Judged) -> Judged:
        """Say so at the field that names the account, whichever it was: the other one would tell who is a customer."""
        name = "email" if self._realm.email_as_username else "username"
        return Judged(values=judgement.values, wrong={name: Message(key="profile_invalid:taken")})

    async def _with_password(self, user: User, answer: Form, *, now: int) -> User:
        hashed = await self._services.passwords.hash(answer["password"])
        sealed = self._services.sealer.seal(hashed, purpose=password_purpose(self._realm.name, user.id))
        credential = PasswordCredential(id=self._services.random(16).hex(), sealed=sealed, created_at=now)
        return msgspec.structs.replace(user, credentials=(credential,))

    def _page(self, login: Login, *, judgement: Judged | None = None, message: Message | None = None) -> Challenge:
        typed, wrong = (judgement.values, judgement.wrong) if judgement is not None else ({}, {})
        shown = [
            field(one, typed.get(one.name, ()), editable=True, wrong=wrong.get(one.name)) for one in self._attributes
        ]
        asks = {
            "fields": shown,
            "asks_password": self._asks_password,
            "rules": described(self._realm.password_policy),
            "terms": terms.words_of(self._realm, login.locale).split("\n\n") if self._asks_terms else (),
        }
        return Challenge(page="registration.html", fields=asks, message=message)


def _asked(realm: Realm) -> tuple[ProfileAttribute, ...]:
    """Return what the page asks for: what people may write of themselves."""
    policy = KEYCLOAK_PROFILE if realm.profile is None else realm.profile
    left_out = {*_BY_THE_BANK, "username"} if realm.email_as_username else _BY_THE_BANK
    named_by = "email" if realm.email_as_username else "username"
    return tuple(
        msgspec.structs.replace(one, required=True) if one.name == named_by else one
        for one in policy
        if one.edit and one.name not in left_out
    )


def _new_id(services: StepServices) -> str:
    return str(uuid.UUID(bytes=services.random(16), version=4))
