"""`email-otp`: a code sent to the user's verified e-mail address, by the rules of codes by SMS.

What it proves, and why that is no possession, stands in `idp.flows.messages.mailbox`.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.messages.mailbox import MAILBOX, may_write
from idp.flows.messages.sending import Refused
from idp.flows.step import Factor, Login, StepContract
from idp.flows.steps.sms_otp import SmsOtp
from idp.model.messages.mail import masked_address
from idp.model.messages.message import Carried
from idp.model.user import User


class EmailOtp(SmsOtp):
    """Sends a code when a person pressed a button, and asks for it."""

    contract: ClassVar[StepContract] = StepContract(proves=MAILBOX, sends_message=True)
    factor: ClassVar[Factor] = MAILBOX
    page: ClassVar[str] = "email-otp.html"
    shown: ClassVar[str] = "masked_address"
    events: ClassVar[tuple[str, str]] = ("SEND_EMAIL_CODE", "SEND_EMAIL_CODE_ERROR")

    def _to(self, user: User) -> str:
        """Return the address, once somebody has proven to read it: a typing error must send nobody's code abroad."""
        return user.email if user.email_verified else ""

    def _masked(self, user: User) -> str:
        return masked_address(user.email)

    async def _deliver(self, login: Login, code: str) -> Carried:
        await self._services.mail.send(
            login.realm, to=login.known_user.email, letter="email-otp", locale=login.locale, fields={"code": code}
        )
        return Carried()

    async def _refused(self, login: Login) -> Refused | None:
        subject = login.known_user.id
        admitted = await may_write(self._services, login, subject, self._config, prefix="email-code")
        return None if admitted else Refused(budget="e-mail", country="")
