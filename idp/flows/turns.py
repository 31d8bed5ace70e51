"""What a login may come to in one turn: the language between the runner and whoever stores and shows a login."""

from __future__ import annotations

from idp.flows.step import Challenge, Message
from idp.flows.tree import Execution
from idp.model.struct import Frozen
from idp.model.trusted.upstream import Arrival


class Ask(Frozen, frozen=True, kw_only=True):
    """Show `challenge`; `alternatives` are the other ways the person may choose.

    `may_decline`: the application wishes it, and the person need not.
    """

    execution: Execution
    challenge: Challenge
    alternatives: tuple[Execution, ...] = ()
    may_decline: bool = False


class Finished(Frozen, frozen=True, kw_only=True):
    """Everything demanded was done, in this order of evidence."""


class Refused(Frozen, frozen=True, kw_only=True):
    """The login cannot be completed. `reason` is for operators; `error` is what the client may be told.

    `event_error` is what the event says, where that is another word.
    """

    reason: str
    error: str = "access_denied"
    event_error: str = ""


class StartOver(Frozen, frozen=True, kw_only=True):
    """The login begins again from its first page."""

    message: Message | None = None


class Detoured(Frozen, frozen=True, kw_only=True):
    """Before the login goes on, who came from an upstream provider has to become a user."""

    arrival: Arrival


Turn = Ask | Finished | Refused | StartOver | Detoured
