"""E-mail as a factor: what it proves, and how often somebody may be written to.

A mailbox is no possession: it opens from anywhere with what its owner knows, and NIST SP 800-63B-4 §3.1.3.1 does not
take it for an out-of-band device. It counts as something known, over a channel of its own: beside a password it is no
second element (RTS (EU) 2018/389 Art. 6), and it never makes one login stronger than a password does.
"""

from __future__ import annotations

from typing import Protocol

from idp.flows.networks import network_of
from idp.flows.step import Factor, Login, StepServices
from idp.model.flow import Category

MAILBOX = Factor(name="email", category=Category.KNOWLEDGE, channel="email", amr=("otp",))
_HOUR = 3600
_DAY = 24 * _HOUR
_OF_A_BROWSER, _OF_A_NETWORK = 20, 100  # letters in an hour


class Budget(Protocol):
    """How many letters one person may be sent."""

    @property
    def messages_per_hour(self) -> int:
        """In an hour."""

    @property
    def messages_per_day(self) -> int:
        """In a day."""


async def may_write(services: StepServices, login: Login, subject: str, budget: Budget, *, prefix: str) -> bool:
    """Count a letter against its budgets *before* it is sent: whose it is, and who asks for it.

    The day's budget comes last: what the others refuse is not spent of it.
    """
    hit, network = services.throttle.hit, network_of(login.address)
    return (
        await hit("mail-browser-hour", login.browser or login.ceremony, limit=_OF_A_BROWSER, window=_HOUR)
        and (not network or await hit("mail-network-hour", network, limit=_OF_A_NETWORK, window=_HOUR))
        and await hit(f"{prefix}-hour", subject, limit=budget.messages_per_hour, window=_HOUR)
        and await hit(f"{prefix}-day", subject, limit=budget.messages_per_day, window=_DAY)
    )
