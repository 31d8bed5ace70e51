"""`VERIFY_EMAIL` and `UPDATE_EMAIL`: a link to an address proves that whoever logs in reads it.

Both wait on their page; following the link (in any browser) is what changes the user, and the login then goes on in
its own tab. A new address takes effect only when it was proven, and the former one is told (ASVS 6.3.7, 7.5.1).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from idp.flows.credentials.held import STRONG, strong_factors
from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
from idp.flows.messages import action_links
from idp.flows.messages.mailbox import MAILBOX, may_write
from idp.flows.step import (
    Challenge,
    CredentialChange,
    Failure,
    Form,
    Login,
    Message,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.model.flow import RequiredActionSetting
from idp.model.messages.mail import mail_address, masked_address
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User
from idp.ports import LatestValues, MessageUndeliveredError, Users

VERIFY, UPDATE = "VERIFY_EMAIL", "UPDATE_EMAIL"
PAGE = "email-sent.html"
# Who reads the old mailbox must not take the account along to a new one, nor may a password where there is more.
CHANGE = CredentialChange(credential=MAILBOX.name, never_by=frozenset({MAILBOX.name}), guarded_by=STRONG)


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What an administrator may set; times in seconds."""

    cool_down_seconds: Annotated[int, Meta(ge=10, le=600)] = 60
    messages_per_hour: Annotated[int, Meta(ge=1, le=60)] = 5
    messages_per_day: Annotated[int, Meta(ge=1, le=200)] = 10


class Sent(Frozen, frozen=True, kw_only=True):
    """That a link is under way, and to which address."""

    email: str
    sent_at: int


class _Letter:
    """Sends a link of one purpose, and says when it may be sent again."""

    def __init__(self, purpose: action_links.Purpose, config: Config, *, realm: Realm, services: StepServices) -> None:
        self._purpose = purpose
        self._config = config
        self._realm = realm
        self._services = services

    async def send(self, login: Login, email: str, before: Sent | None) -> Challenge:
        user = login.known_user
        wait = self._wait(login, before) if before is not None and before.email == email else 0
        if wait:
            return self.page(login, before, Message(key="resend_too_soon", params={"seconds": str(wait)}))
        if not await may_write(self._services, login, user.id, self._config, prefix="link-mail"):
            return self.page(login, before, Message(key="too_many_sends"))
        link = await action_links.issued(
            self._services,
            self._realm,
            user,
            self._purpose,
            now=login.now,
            locale=login.locale,
            email=email,
            tab=login.ceremony,
            execution=login.execution,
        )
        fields = action_links.fields(self._services, self._realm, link, now=login.now)
        try:
            await self._services.mail.send(
                self._realm, to=email, letter=self._purpose, locale=login.locale, fields=fields
            )
        except MessageUndeliveredError:
            undelivered = StepEvent(type="SEND_VERIFY_EMAIL_ERROR", error="email_send_failed")
            page = self.page(login, before, Message(key="email_undelivered"))
            return msgspec.structs.replace(page, events=(undelivered,))
        event = StepEvent(type="SEND_VERIFY_EMAIL", detail={"to": masked_address(email)})
        told = Message(key="email_sent_again", kind="info") if before is not None else None
        return msgspec.structs.replace(self.page(login, Sent(email=email, sent_at=login.now), told), events=(event,))

    def page(self, login: Login, sent: Sent | None, message: Message | None = None) -> Challenge:
        fields = {
            "sent": sent is not None,
            "address": masked_address(sent.email if sent is not None else login.known_user.email),
            "resend_after": 0 if sent is None else self._wait(login, sent),
        }
        return Challenge(page=PAGE, fields=fields, state=sent, message=message)

    def _wait(self, login: Login, sent: Sent) -> int:
        return max(0, sent.sent_at + self._config.cool_down_seconds - login.now)


class VerifyEmail:
    """Waits until the link to the user's address was followed."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, sends_message=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, setting: RequiredActionSetting, config: Config, *, realm: Realm, services: StepServices) -> None:
        del setting
        self._wanted = realm.verify_email
        self._letter = _Letter("verify-email", config, realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for every user with an address."""
        return Usability.READY if user is not None and user.email else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Due where the realm wants addresses verified (`verifyEmail`), until this one is."""
        del now
        return self._wanted and bool(user.email) and not user.email_verified

    async def challenge(self, login: Login) -> Outcome:
        """Show the page; a letter leaves only in the answer to a press of a button, and only the first time."""
        if login.known_user.email_verified:
            return Success()
        sent = login.state(Sent)
        if sent is None and login.posted:
            return await self._letter.send(login, login.known_user.email, None)
        return self._letter.page(login, sent)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Go on once the address is verified, or send again."""
        if login.known_user.email_verified:
            return Success()
        sent = login.state(Sent)
        if "resend" in answer:
            return await self._letter.send(login, login.known_user.email, sent)
        return self._letter.page(login, sent, Message(key="email_not_confirmed"))


class UpdateEmail:
    """Asks for a new address, and waits until the link to it was followed."""

    contract: ClassVar[StepContract] = StepContract(
        needs_proof=True, sends_message=True, on_request=True, changes=CHANGE
    )
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, setting: RequiredActionSetting, config: Config, *, realm: Realm, services: StepServices) -> None:
        del setting
        self._letter = _Letter("update-email", config, realm=realm, services=services)

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Never by itself."""
        del user, now
        return False

    async def challenge(self, login: Login) -> Outcome:
        """Show the page: the form, or where the link went."""
        sent = login.state(Sent)
        if sent is not None and login.known_user.email == sent.email:
            return Success()
        return self._form(login) if sent is None else self._letter.page(login, sent)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Take a new address, go on once it is proven, or send again."""
        reason = CHANGE.refusal(login.proven, held=strong_factors(login.known_user))
        if reason is not None:
            return Failure(reason=reason)
        sent = login.state(Sent)
        if sent is None:
            return await self._take(login, answer.get("email", ""))
        if login.known_user.email == sent.email:
            return Success()
        if "another" in answer:
            return self._form(login)
        if "resend" in answer:
            return await self._letter.send(login, sent.email, sent)
        return self._letter.page(login, sent, Message(key="email_not_confirmed"))

    async def _take(self, login: Login, written: str) -> Outcome:
        email = mail_address(written)
        if email is None:
            return self._form(login, Message(key="profile_invalid:email"), written=written)
        # Whether it is somebody else's address is told to nobody here: whoever reads it there follows no such link.
        return await self._letter.send(login, email, None)

    def _form(self, login: Login, message: Message | None = None, *, written: str = "") -> Challenge:
        fields = {"email": written[:254] or login.known_user.email}
        return Challenge(page="update-email.html", fields=fields, message=message)


async def confirmed(users: Users, latest: LatestValues, link: action_links.ActionLink) -> User | None:
    """Take a followed link and change the user by it; None if it cannot be taken any more.

    An address that somebody else has by now stays theirs: two people must never be found by one name.
    """
    if not await action_links.taken(latest, link):
        return None
    if link.purpose == "update-email" and not await users.reserve_address(link.email, link.user_id):
        return None

    def changed(user: User) -> User:
        done = without_action(without_action(user, VERIFY), UPDATE if link.purpose == "update-email" else VERIFY)
        return msgspec.structs.replace(done, email=link.email, email_verified=True)

    return await amend(users, link.user_id, changed)
