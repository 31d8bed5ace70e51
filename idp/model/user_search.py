"""Looking for users as an administrator does: by what a name, an address or a number begins with."""

from __future__ import annotations

from enum import StrEnum

from idp.model.struct import Frozen
from idp.model.user import User


class UserField(StrEnum):
    """What users are looked for by."""

    USERNAME = "username"
    EMAIL = "email"
    NAME = "name"
    """First and last name, in both orders."""
    PHONE = "phone"


class UserSearch(Frozen, frozen=True, kw_only=True):
    """What is looked for: users of whom one of the `fields` begins with `text`, or is it (`exact`)."""

    text: str
    fields: tuple[UserField, ...] = tuple(UserField)
    exact: bool = False


class FoundUsers(Frozen, frozen=True, kw_only=True):
    """A page of what was found, field by field, each in the order of its text."""

    users: tuple[User, ...]
    after: str = ""
    """What asks for whoever may follow; nothing if nobody does."""
