"""What users are found by: a record for each address, name and number, so that every search is a range of keys.

A key is the field, the text and the user's id, which is the record's value as well. Usernames need none: their claims
are in that order already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from idp.model.user import User
from idp.model.user_search import UserField, UserSearch
from idp.stores.verbs.shelf import folded

TERM = "user-term"
"""The kind of these records."""

_LONGEST = 200
"""Characters of a text that are kept: what is longer is found by its beginning."""

_END = "\n"
"""Behind the text; no text has it, and everything that is longer sorts behind it."""

_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]*")


def terms_of(user: User) -> frozenset[str]:
    """Return the key of every record that a user is found by, besides the claim on the username."""
    texts = (
        (UserField.EMAIL, _spaced(user.email)),
        (UserField.NAME, _spaced(f"{user.first_name} {user.last_name}")),
        (UserField.NAME, _spaced(f"{user.last_name} {user.first_name}")),
        (UserField.PHONE, _digits(user.phone)),
    )
    return frozenset(f"{field}:{text}{_END}{user.id}" for field, text in texts if text)


def prefix_of(search: UserSearch, field: UserField) -> str | None:
    """Return what the keys begin with that a search asks for in one field; None if nothing there can be meant."""
    match field:
        case UserField.USERNAME:
            return folded(search.text.strip())
        case UserField.PHONE:
            text = _digits(search.text)
        case _:
            text = _spaced(search.text)
    if not text:
        return None
    return f"{field}:{text}{_END if search.exact else ''}"


def is_first_hit(user: User, search: UserSearch, field: UserField, key: str) -> bool:
    """Tell whether a user is shown for this key, and not already for an earlier one; nor for what was since changed."""
    return next(_hits(user, search), None) == (field, key)


def _hits(user: User, search: UserSearch) -> Iterator[tuple[UserField, str]]:
    """Yield every key that a search finds a user by, in the order in which it comes to them."""
    name, terms = folded(user.username), sorted(terms_of(user))
    for field in search.fields:
        prefix = prefix_of(search, field)
        if prefix is None:
            continue
        if field is not UserField.USERNAME:
            yield from ((field, term) for term in terms if term.startswith(prefix))
        elif name == prefix or (name.startswith(prefix) and not search.exact):
            yield field, name


def _spaced(text: str) -> str:
    """Return a text folded, with one space between its words, and cut."""
    return " ".join(folded(text).split())[:_LONGEST]


def _digits(text: str) -> str:
    """Return the digits of a number in international form, however it is written; nothing if it is none."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return ""
    digits = re.sub("[^0-9]", "", stripped)
    return digits.removeprefix("00") if not stripped.startswith("+") else digits
