"""`reset-credential-sms`: a code to the registered number, for banks whose customers have no e-mail address.

Where the login's second factor is a code by SMS too, one channel opens everything: the prover shows it (RTS (EU)
2018/389 Art. 25(2)(c)(i)).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.crypto.digest import digest
from idp.flows.engine import Usability
from idp.flows.messages.sending import Wanted, refused_by_person, sent_by_bank
from idp.flows.step import Challenge, Form, Login, Message, Outcome, StepContract, StepServices, Success
from idp.flows.steps.sms_otp import FACTOR, Config, SmsOtp
from idp.flows.tree import Execution
from idp.model.messages.message import Carried
from idp.model.realm import Realm
from idp.model.user import User
from idp.ports import Beside, SmsSender

_MASK = "•••"  # the number itself would tell who is a customer


class ResetSms:
    """As `sms-otp`, but nobody learns whether there is such a user, a number, or a lock.

    Whoever cannot be sent a code goes through the very same turns as somebody who can, with a stand-in's counters and
    without a message; no code is ever right there.
    """

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, needs_user=False, sends_message=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, execution: Execution, config: Config, *, realm: Realm, services: StepServices) -> None:
        self._services = services

        def step(sender: SmsSender) -> SmsOtp:
            # Sent beside the request: a gateway's answer would take the time that tells customers from strangers.
            beside = msgspec.structs.replace(services, sms=_SentBeside(sender, services.beside))
            # What is refused in sight is counted alike for customers and for strangers: by who asks.
            return SmsOtp(execution, config, realm=realm, services=beside, budget=refused_by_person)

        self._real, self._silent = step(_OfTheBank(realm, services)), step(_Nobody())

    def usable(self, user: User | None) -> Usability:
        """Always, also for nobody: who exists is not told here."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show the page; a message leaves only in the answer to a press of a button."""
        step, seen, _ = await self._as_seen(login)
        return _unmarked(await step.challenge(seen))

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Judge a code, or send again."""
        step, seen, real = await self._as_seen(login)
        outcome = await step.verify(seen, answer)
        if isinstance(outcome, Success) and not real:  # a guess hit the code that nobody was sent
            return _unmarked(msgspec.structs.replace(await self._page(step, seen), message=Message(key="invalid_code")))
        return _unmarked(outcome)

    async def _page(self, step: SmsOtp, seen: Login) -> Challenge:
        page = await step.challenge(msgspec.structs.replace(seen, posted=False))
        assert isinstance(page, Challenge)
        return page

    async def _as_seen(self, login: Login) -> tuple[SmsOtp, Login, bool]:
        """Return the step, the login with the user or a stand-in, and whether it is the user."""
        name = (login.attempted_username or "").casefold()
        stand_in = User(
            id=f"unknown:{digest(name)}",
            username=name,
            created_at=0,
            attributes={"phoneNumber": (_number_of(name),)},
        )
        subject = login.user.id if login.user is not None else stand_in.id
        # Forgotten after a while, or anybody could fill the store for ever with names that nobody has.
        unlasting = msgspec.structs.replace(login.realm.brute_force, permanent_lockout=False)
        nobody = msgspec.structs.replace(
            login, user=stand_in, realm=msgspec.structs.replace(login.realm, brute_force=unlasting)
        )
        locks = await self._services.attempts.locks(subject)
        locked = any(lock.permanent for lock in locks.factors.values())
        user = login.user
        if user is None or locked or not (user.enabled and user.phone):
            return self._silent, nobody, False
        return self._real, login, True


def _number_of(name: str) -> str:
    """Return a number that counts as one, and is nobody's: it is never written to."""
    return f"+35569{int.from_bytes(digest(name).encode()) % 10**7:07}"


class _SentBeside:
    """An `idp.ports.SmsSender` that waits for nobody; whether the message was taken stands in the log."""

    def __init__(self, sender: SmsSender, beside: Beside) -> None:
        self._sender = sender
        self._beside = beside

    async def send(self, *, to: str, text: str) -> Carried:
        self._beside.begin(self._sent(to, text))
        return Carried()

    async def _sent(self, to: str, text: str) -> None:
        await self._sender.send(to=to, text=text)


class _OfTheBank:
    """An `idp.ports.SmsSender` that counts for the bank's own budgets, out of sight.

    A refusal that is seen (this prefix is not served, the day's money is spent) would tell who is a customer; and
    strangers' names must not use up what customers' messages are paid from.
    """

    def __init__(self, realm: Realm, services: StepServices) -> None:
        self._realm = realm
        self._services = services

    async def send(self, *, to: str, text: str) -> Carried:
        wanted = Wanted(number=to, user_id="")
        return await sent_by_bank(self._services.throttle, self._services.sms, self._realm, wanted, text)


class _Nobody:
    """An `idp.ports.SmsSender` for those who are sent nothing."""

    async def send(self, *, to: str, text: str) -> Carried:
        del to, text
        return Carried()


def _unmarked(outcome: Outcome) -> Outcome:
    """Return the outcome without the number, and without events that name a stand-in."""
    events = tuple(
        msgspec.structs.replace(
            event, user_id=None if (event.user_id or "").startswith("unknown:") else event.user_id, detail={}
        )
        for event in outcome.events
    )
    outcome = msgspec.structs.replace(outcome, events=events)
    if not isinstance(outcome, Challenge):
        return outcome
    return msgspec.structs.replace(outcome, fields={**outcome.fields, "masked_phone": _MASK})
