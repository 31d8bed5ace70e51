"""`reset-credential-email`: a link to the user's address; following it proves the mailbox.

Nobody learns here whether there is such a user, whether they have an address, or whether they are locked: the page is
the same, what is counted is the same, and the letter is sent beside the request, which therefore takes the same time.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from idp.crypto.digest import digest, same
from idp.flows.engine import Usability
from idp.flows.messages import action_links
from idp.flows.messages.mailbox import MAILBOX, may_write
from idp.flows.step import (
    Challenge,
    Form,
    Login,
    Message,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

PAGE = "email-sent.html"
PURPOSE: action_links.Purpose = "reset-credentials"


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What an administrator may set; times in seconds."""

    sends_per_transaction: Annotated[int, Meta(ge=1, le=5)] = 3
    cool_down_seconds: Annotated[int, Meta(ge=10, le=600)] = 60  # doubles with each send
    messages_per_hour: Annotated[int, Meta(ge=1, le=60)] = 5
    messages_per_day: Annotated[int, Meta(ge=1, le=200)] = 10


class Sent(Frozen, frozen=True, kw_only=True):
    """The link that this login waits for; for a user that does not exist, one that nobody has."""

    nonce: str
    sends: int
    sent_at: int


class ResetEmail:
    """Sends a link when a person pressed a button, and waits until it is followed."""

    contract: ClassVar[StepContract] = StepContract(proves=MAILBOX, needs_user=False, sends_message=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, execution: Execution, config: Config, *, realm: Realm, services: StepServices) -> None:
        del execution
        self._config = config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Always, also for nobody: who exists is not told here."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show the page. A letter leaves only in the answer to a press of a button, and only the first time."""
        sent = login.state(Sent)
        if sent is None and login.posted:
            return await self._send(login, sends=1)
        return self._page(login, sent)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Follow the link, or send again."""
        sent = login.state(Sent)
        if action_links.PARAMETER in answer:
            return await self._follow(login, sent, answer[action_links.PARAMETER])
        if "resend" not in answer:
            return self._page(login, sent)
        if sent is None:
            return await self._send(login, sends=1)
        wait = sent.sent_at + self._cool_down(sent) - login.now
        if wait > 0:
            return self._page(login, sent, Message(key="resend_too_soon", params={"seconds": str(wait)}))
        if sent.sends >= self._config.sends_per_transaction:
            return self._page(login, sent, Message(key="too_many_sends"))
        return await self._send(login, sends=sent.sends + 1)

    async def _follow(self, login: Login, sent: Sent | None, text: str) -> Outcome:
        """Only the link that this very login waits for counts, and only once (T-19, CVE-2026-37982)."""
        link = action_links.read(self._services.sealer, self._realm.name, text)
        user = login.user
        if (
            link is None
            or sent is None
            or user is None
            or link.purpose != PURPOSE
            or link.user_id != user.id
            or link.execution != login.execution
            or not same(link.nonce, sent.nonce)
            or not action_links.stands(link, user, now=login.now)
            or not await action_links.taken(self._services.latest, link)
        ):
            refused = StepEvent(type="RESET_PASSWORD_ERROR", error="invalid_code")
            return msgspec.structs.replace(self._page(login, sent, Message(key="link_invalid")), events=(refused,))
        return Success(events=(StepEvent(type="RESET_PASSWORD", detail={"channel": MAILBOX.channel}),))

    async def _send(self, login: Login, *, sends: int) -> Outcome:
        user = login.user
        sent = Sent(nonce=self._services.random(16).hex(), sends=sends, sent_at=login.now)
        writable = await self._may_reset(login) and user is not None and bool(user.email)
        # Counted in the same way for everybody: what is refused looks like what is sent.
        admitted = await may_write(self._services, login, self._subject(login), self._config, prefix="reset-mail")
        if writable and admitted and user is not None:
            link = await action_links.issued(
                self._services,
                self._realm,
                user,
                PURPOSE,
                now=login.now,
                locale=login.locale,
                tab=login.ceremony,
                execution=login.execution,
            )
            sent = msgspec.structs.replace(sent, nonce=link.nonce)
            fields = action_links.fields(self._services, self._realm, link, now=login.now)
            self._services.beside.begin(
                self._services.mail.send(self._realm, to=user.email, letter=PURPOSE, locale=login.locale, fields=fields)
            )
        else:
            lifespan = self._realm.lifespans.action_link(PURPOSE)
            await self._services.latest.set("action-link|nobody", digest(sent.nonce), sent.nonce, ttl=lifespan)
        event = StepEvent(
            type="SEND_RESET_PASSWORD" if writable and admitted else "SEND_RESET_PASSWORD_ERROR",
            error=None if writable and admitted else ("email_send_failed" if admitted else "too_many_requests"),
        )
        told = Message(key="email_sent_again", kind="info") if sends > 1 else None
        return msgspec.structs.replace(self._page(login, sent, told), events=(event,))

    async def _may_reset(self, login: Login) -> bool:
        """Tell whether the user may have a link: a disabled one, or one locked for good, is not let in by it."""
        locks = await self._services.attempts.locks(self._subject(login))
        permanent = any(lock.permanent for lock in locks.factors.values())
        return login.user is not None and login.user.enabled and not permanent

    def _subject(self, login: Login) -> str:
        name = (login.attempted_username or "").casefold()
        return login.user.id if login.user is not None else f"unknown:{digest(name)}"

    def _cool_down(self, sent: Sent) -> int:
        return int(self._config.cool_down_seconds * 2 ** (sent.sends - 1))

    def _page(self, login: Login, sent: Sent | None, message: Message | None = None) -> Challenge:
        wait = 0 if sent is None else max(0, sent.sent_at + self._cool_down(sent) - login.now)
        fields = {"sent": sent is not None, "resend_after": wait, "username": login.attempted_username or ""}
        return Challenge(page=PAGE, fields=fields, state=sent, message=message)
