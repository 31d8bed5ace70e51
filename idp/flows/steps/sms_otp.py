"""`sms-otp`: a code sent to the user's registered mobile number.

Nothing of a code is stored: it is recomputed from a key, the transaction, its purpose and the number (bank.md 5.2). A
resend repeats the same code, neither longer-lived nor with new tries; a new transaction kills the one before it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from idp.crypto.digest import same
from idp.crypto.one_time_codes import keyed_code, normalised
from idp.flows.customers.attempts import count_after_proof, failure_events
from idp.flows.engine import Usability
from idp.flows.messages.deliveries import KEPT, event_type_of
from idp.flows.messages.sending import Budget, Refused, Wanted, refused_by_budget
from idp.flows.networks import network_of
from idp.flows.step import (
    Challenge,
    Factor,
    Form,
    Login,
    Message,
    Outcome,
    Restart,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.flow import Category
from idp.model.messages.message import Carried, DeliveryState, MessageDelivery
from idp.model.policies.lockout import Attempt
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User
from idp.ports import MessageUndeliveredError

FACTOR = Factor(name="sms-otp", category=Category.POSSESSION, channel="sms", amr=("otp", "sms"))

# Written within GSM 03.38: one letter outside it (ë, ç) doubles the price of the message. The realm may give its own
# words (`localizationTexts`, key `smsOtp`, with {code}).
TEXTS = {
    "sq": "Kodi i verifikimit: {code}. Mos ia tregoni askujt.",
    "en": "Your verification code: {code}. Never tell it to anybody.",
    "it": "Il suo codice di verifica: {code}. Non lo comunichi a nessuno.",
}


class Config(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What an administrator may set; times in seconds."""

    digits: Annotated[int, Meta(ge=6, le=8)] = 6
    lifetime_seconds: Annotated[int, Meta(ge=30, le=600)] = 180  # NIST SP 800-63B-4 §3.1.3: at most ten minutes
    tries_per_code: Annotated[int, Meta(ge=1, le=5)] = 3
    sends_per_transaction: Annotated[int, Meta(ge=1, le=5)] = 3
    cool_down_seconds: Annotated[int, Meta(ge=10, le=600)] = 30  # doubles with each send
    messages_per_hour: Annotated[int, Meta(ge=1, le=60)] = 5
    messages_per_day: Annotated[int, Meta(ge=1, le=200)] = 10


class Sent(Frozen, frozen=True, kw_only=True):
    """The transaction under way; the code itself is nowhere."""

    transaction: str
    sends: int
    sent_at: int
    expires_at: int
    tries: int = 0
    carried: Carried = Carried()


class SmsOtp:
    """Sends a code when a person pressed a button, and asks for it."""

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, sends_message=True)
    config_type: ClassVar[type[Config]] = Config
    factor: ClassVar[Factor] = FACTOR
    page: ClassVar[str] = "sms-otp.html"
    shown: ClassVar[str] = "masked_phone"
    events: ClassVar[tuple[str, str]] = ("SEND_SMS", "SEND_SMS_ERROR")

    def __init__(
        self,
        execution: Execution,
        config: Config,
        *,
        realm: Realm,
        services: StepServices,
        budget: Budget = refused_by_budget,
    ) -> None:
        self._budget = budget
        self._execution = execution
        self._config = config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready if the bank knows the user's number; nobody can add one here."""
        return Usability.READY if user is not None and self._to(user) else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Show the page. A message goes out only in the answer to a press of a button, and only the first time."""
        sent = login.state(Sent)
        if sent is None and login.posted:
            return await self._begin(login)
        lost = sent is not None and await self._is_lost(sent)
        return self._page(login, sent, Message(key="sms_not_delivered") if lost else None)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge a code, or send again."""
        sent = login.state(Sent)
        if answer.get("resend"):
            return await self._resend(login, sent)
        if sent is None:
            return self._page(login, sent)  # nothing was sent, and no button was pressed to send it
        code = normalised(answer.get("code", ""))
        if not code:
            return self._page(login, sent, Message(key="invalid_code"))  # nothing was tried, so nothing is counted
        attempt = await count_after_proof(login, self._services, login.known_user.id, self.factor.name)
        if not attempt.admitted:
            return self._locked(login, attempt, "user_temporarily_disabled")
        if await self._accepts(login, sent, code):
            await self._services.attempts.clear(login.known_user.id, self.factor.name)
            return Success()
        return self._wrong(login, sent, attempt)

    async def _accepts(self, login: Login, sent: Sent, code: str) -> bool:
        if login.now >= sent.expires_at or not same(code, self._code(login, sent.transaction)):
            return False
        # Taken atomically: a code of an older transaction, or a second use of this one, is nobody's.
        purpose = self._purpose(login)
        return await self._services.latest.take(purpose, login.known_user.id, sent.transaction)

    def _wrong(self, login: Login, sent: Sent, attempt: Attempt) -> Outcome:
        user_id = login.known_user.id
        expired = login.now >= sent.expires_at
        reason = "expired_code" if expired else "invalid_user_credentials"
        if attempt.newly_locked:
            return self._locked(login, attempt, reason)
        events = failure_events(attempt, reason=reason, factor=self.factor.name, user_id=user_id)
        tried = msgspec.structs.replace(sent, tries=sent.tries + 1)
        if expired or tried.tries >= self._config.tries_per_code:
            # Not only the code dies but its transaction: what remains is asking for a new one.
            spent = msgspec.structs.replace(tried, expires_at=min(sent.expires_at, login.now))
            page = self._page(login, spent, Message(key="code_expired"))
        else:
            page = self._page(login, tried, Message(key="invalid_code"))
        return msgspec.structs.replace(page, events=events)

    def _locked(self, login: Login, attempt: Attempt, reason: str) -> Outcome:
        events = failure_events(attempt, reason=reason, factor=self.factor.name, user_id=login.known_user.id)
        return Restart(message=Message(key="invalid_credentials"), events=events)

    async def _resend(self, login: Login, sent: Sent | None) -> Outcome:
        if sent is None:
            return await self._begin(login)
        wait = sent.sent_at + self._cool_down(sent) - login.now
        if wait > 0:
            return self._page(login, sent, Message(key="resend_too_soon", params={"seconds": str(wait)}))
        if login.now >= sent.expires_at:
            return await self._begin(login)
        if sent.sends >= self._config.sends_per_transaction:
            return self._page(login, sent, Message(key="too_many_sends"))
        again = msgspec.structs.replace(sent, sends=sent.sends + 1, sent_at=login.now)
        return await self._send(login, again, before=sent)

    async def _begin(self, login: Login) -> Outcome:
        transaction = self._services.random(16).hex()
        expires_at = login.now + self._config.lifetime_seconds
        sent = Sent(transaction=transaction, sends=1, sent_at=login.now, expires_at=expires_at)
        return await self._send(login, sent, before=None)

    async def _send(self, login: Login, sent: Sent, *, before: Sent | None) -> Challenge:
        refused = await self._refused(login)
        if refused is not None:
            spent = StepEvent(
                type=self.events[1],
                error=f"{self.factor.channel}_refused",
                detail=refused.detail,
                user_id=login.known_user.id,
            )
            page = self._page(login, before, Message(key="too_many_sends"))
            return msgspec.structs.replace(page, events=(spent,))
        if before is None:
            # Only now: a message that may not be sent must not kill the code that the person holds.
            lifetime = self._config.lifetime_seconds
            await self._services.latest.set(self._purpose(login), login.known_user.id, sent.transaction, ttl=lifetime)
        try:
            carried = await self._deliver(login, self._code(login, sent.transaction))
        except MessageUndeliveredError:
            # The factor is never skipped: without a message there is no way on but trying later.
            undelivered = StepEvent(
                type=self.events[1], error=f"{self.factor.channel}_undelivered", user_id=login.known_user.id
            )
            page = self._page(login, before, Message(key=f"{self.factor.channel}_undelivered"))
            return msgspec.structs.replace(page, events=(undelivered,))
        events = await self._written_down(login, sent, carried)
        told = Message(key="sms_sent_again", kind="info") if sent.sends > 1 else None
        page = self._page(login, msgspec.structs.replace(sent, carried=carried), told)
        return msgspec.structs.replace(page, events=events)

    async def _written_down(self, login: Login, sent: Sent, carried: Carried) -> tuple[StepEvent, ...]:
        """Keep whose message the gateway has, for its receipt; a receipt that was faster is told now."""
        detail = {"to": self._masked(login.known_user), "send": str(sent.sends), "gateway": carried.gateway}
        event = StepEvent(type=self.events[0], detail=detail)
        if not carried.message_id:
            return (event,)
        mine = MessageDelivery(transaction_id=login.transaction_id, user_id=login.known_user.id)
        messages = self._services.message_deliveries
        delivery = await messages.sent(carried.gateway, carried.message_id, mine, ttl=KEPT)
        news = event_type_of(delivery)
        told = () if news is None else (StepEvent(type=news, detail={"gateway": carried.gateway}),)
        return (event, *told)

    async def _is_lost(self, sent: Sent) -> bool:
        """Tell whether the gateway has said that the last message will not arrive."""
        if not sent.carried.message_id:
            return False
        delivery = await self._services.message_deliveries.get(sent.carried.gateway, sent.carried.message_id)
        return delivery is not None and delivery.state is DeliveryState.UNDELIVERED

    async def _refused(self, login: Login) -> Refused | None:
        """Count the message against its budgets *before* it is sent: pumping ends here (bank.md 5.3)."""
        wanted = Wanted(
            number=login.known_user.phone,
            user_id=login.known_user.id,
            browser=login.browser,
            network=network_of(login.address),
        )
        hour, day = self._config.messages_per_hour, self._config.messages_per_day
        return await self._budget(self._services.throttle, self._realm, wanted, per_hour=hour, per_day=day)

    def _to(self, user: User) -> str:
        """Return where a code goes; empty if the bank knows no such place."""
        return user.phone

    def _masked(self, user: User) -> str:
        return masked(user.phone)

    async def _deliver(self, login: Login, code: str) -> Carried:
        """Hand the message over, or raise `MessageUndeliveredError`."""
        return await self._services.sms.send(to=login.known_user.phone, text=self._text(login, code))

    def _purpose(self, login: Login) -> str:
        """What the code is good for: one execution of one kind of flow."""
        return f"{self.factor.channel}|{login.kind.value}|{self._execution.id}"

    def _code(self, login: Login, transaction: str) -> str:
        parts = (self._realm.name, transaction, self._purpose(login), login.known_user.id, self._to(login.known_user))
        return keyed_code(self._services.code_key, *parts, digits=self._config.digits)

    def _text(self, login: Login, code: str) -> str:
        words = self._realm.texts.get(login.locale, {}).get("smsOtp") or TEXTS.get(login.locale, TEXTS["en"])
        # Last line: origin-bound one-time codes, so that a browser fills the code in only on our own page.
        return f"{words.replace('{code}', code)}\n\n@{self._services.site} #{code}"

    def _cool_down(self, sent: Sent) -> int:
        return int(self._config.cool_down_seconds * 2 ** (sent.sends - 1))

    def _page(self, login: Login, sent: Sent | None, message: Message | None = None) -> Challenge:
        wait = 0 if sent is None else max(0, sent.sent_at + self._cool_down(sent) - login.now)
        fields = {self.shown: self._masked(login.known_user), "sent": sent is not None, "resend_after": wait}
        return Challenge(page=self.page, fields=fields, state=sent, message=message)


def masked(phone: str) -> str:
    """Show enough of a number to recognise one's own: `+355 •• ••• •67`."""
    return f"{phone[:4]} •• ••• •{phone[-2:]}"
