"""What whoever asks about a login is to show or do: the language between tabs and the pages over HTTP."""

from __future__ import annotations

from idp.flows.turns import Ask
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen


class Page(Frozen, frozen=True, kw_only=True):
    """Show this challenge now; its answer brings the nonce back."""

    session: AuthenticationSession
    ask: Ask
    nonce: str


class GoOn(Frozen, frozen=True, kw_only=True):
    """Redirect to the page of this tab."""

    session: AuthenticationSession


class Completed(Frozen, frozen=True, kw_only=True):
    """The flow is passed and the tab is taken: the caller, and only this caller, may commit it."""

    session: AuthenticationSession


class Rejected(Frozen, frozen=True, kw_only=True):
    """The login has ended without success."""

    session: AuthenticationSession
    error: str
    reason: str


class Registered(Frozen, frozen=True, kw_only=True):
    """A flow that does not log in has ended, and there is no login to go back to."""

    session: AuthenticationSession


class Gone(Frozen, frozen=True, kw_only=True):
    """No such login in this browser; `continues` is the tab in which an ended one went on."""

    continues: str | None = None


View = Page | GoOn | Completed | Rejected | Registered | Gone
