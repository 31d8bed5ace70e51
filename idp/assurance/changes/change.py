"""One change, and which way it goes."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class Direction(Enum):
    """What a change does to what the realm guarantees."""

    WEAKER = "weaker"
    STRONGER = "stronger"
    NEUTRAL = "neutral"


class Topic(Enum):
    """What a change is about, in the order in which somebody reads."""

    LOGIN = "Who is let in, and by what"
    RECOVERY = "Enrolment and recovery"
    PROTECTION = "Passwords and guessing"
    SESSION = "Sessions and lifetimes"
    CLIENT = "Clients"
    ACCESS = "Roles, scopes and what tokens say"
    OTHER = "Everything else"


class Change(Frozen, frozen=True, kw_only=True):
    """One change in a sentence. `subject` is the client it is about; empty: the whole realm.

    `pointer` is its JSON pointer: in the document after, or in the one before if it is gone. `before` and `after` are
    the values as JSON text, without secrets; None where there is none.
    """

    topic: Topic
    direction: Direction
    text: str
    subject: str = ""
    pointer: str = ""
    before: str | None = None
    after: str | None = None
