"""A user's profile as a form: what is shown, what may be written, and what is wrong with it. Pure.

What a person proves themselves by is never changed here: a user name names them in the log, a telephone number and a
confirmed e-mail address receive codes. Each has a ceremony of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import msgspec

from idp.flows.step import Form, Message
from idp.model.policies.profile import ProfileAttribute, ProfilePolicy
from idp.model.struct import Frozen
from idp.model.user import User
from idp.realms.patterns import whole

_LONGEST = 2048  # characters of a value
_MOST_VALUES = 20
_NEVER_HERE = frozenset({"username", "phoneNumber", "phoneNumberVerified", "locale"})
_OWN_FIELDS = {"firstName": "first_name", "lastName": "last_name", "email": "email"}
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.[A-Za-z]{2,63}"
)
_OF_NAMES = re.compile(r"[<>&\"\x00-\x1f\x7f$%!#?§;*~/\\|^={}\[\]()]")
_OF_USER_NAMES = re.compile(r"[<>&\"'\s\x00-\x1f\x7f$%!#?§,;:*~/\\|^={}\[\]()]")
Values = Mapping[str, tuple[str, ...]]
Check = Callable[[str, Mapping[str, Any]], str | None]


class Judged(Frozen, frozen=True, kw_only=True):
    """What a form said: the values that are right, and a message for each attribute that is not."""

    values: dict[str, tuple[str, ...]]
    wrong: dict[str, Message]


def present(attribute: ProfileAttribute, user: User) -> tuple[str, ...]:
    """Return the values that a user has."""
    if attribute.name == "username":
        return (user.username,)
    own = _OWN_FIELDS.get(attribute.name)
    if own is not None:
        value: str = getattr(user, own)
        return (value,) if value else ()
    return user.attributes.get(attribute.name, ())


def may_write(attribute: ProfileAttribute, user: User) -> bool:
    """Tell whether a person may write an attribute of theirs in a form."""
    # An address that is there may be where codes and links are sent to: UPDATE_EMAIL proves the new one.
    taken = attribute.name == "email" and bool(user.email)
    return attribute.edit and attribute.name not in _NEVER_HERE and not taken


def lacking(policy: ProfilePolicy, user: User) -> tuple[ProfileAttribute, ...]:
    """Return what a person must still write down, or write down better."""
    return tuple(
        attribute
        for attribute in policy
        if may_write(attribute, user) and judged_value(attribute, present(attribute, user)) is not None
    )


def judged(attributes: tuple[ProfileAttribute, ...], form: Form) -> Judged:
    """Read and judge a form; an attribute that is not among `attributes` is not read."""
    values = {attribute.name: _typed(attribute, form.get(attribute.name, "")) for attribute in attributes}
    wrong = {a.name: found for a in attributes if (found := judged_value(a, values[a.name])) is not None}
    return Judged(values=values, wrong=wrong)


def judged_value(attribute: ProfileAttribute, values: tuple[str, ...]) -> Message | None:
    """Return what is wrong with the values of an attribute; None if nothing is."""
    if not values:
        return _said("required") if attribute.required else None
    if len(values) > _MOST_VALUES or any(len(value) > _LONGEST for value in values):
        return _said("length")
    if not all(_as_many(values, v.config) for v in attribute.validations if v.name == "multivalued"):
        return _said("count")
    for validation in attribute.validations:
        for value in values:
            found = CHECKS[validation.name](value, validation.config)
            if found is not None:
                return _said(found)
    return None


def written(user: User, values: Values) -> User:
    """Return the user with these values in their profile."""
    own = {_OWN_FIELDS[name]: "".join(found[:1]) for name, found in values.items() if name in _OWN_FIELDS}
    more = {name: found for name, found in values.items() if name not in _OWN_FIELDS}
    attributes = {name: found for name, found in (user.attributes | more).items() if found}
    verified = user.email_verified and own.get("email", user.email) == user.email
    return msgspec.structs.replace(user, attributes=attributes, email_verified=verified, **own)


def shown(
    policy: ProfilePolicy, user: User, *, editable: tuple[ProfileAttribute, ...], judgement: Judged | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the fields of a page, in the policy's order; what was typed wrongly stands there again, with a message."""
    for attribute in policy:
        if not attribute.view:
            continue
        typed = judgement.values.get(attribute.name) if judgement is not None else None
        values = present(attribute, user) if typed is None else typed
        wrong = judgement.wrong.get(attribute.name) if judgement is not None else None
        yield field(attribute, values, editable=attribute in editable, wrong=wrong)


def field(
    attribute: ProfileAttribute, values: tuple[str, ...], *, editable: bool, wrong: Message | None = None
) -> dict[str, Any]:
    """Return one field of a page."""
    return {
        "name": attribute.name,
        "label_key": attribute.label,
        "value": ("\n" if attribute.multivalued else "").join(values),
        "editable": editable,
        "required": attribute.required,
        "options": attribute.options,
        "multivalued": attribute.multivalued,
        "error": wrong,
    }


def _as_many(values: tuple[str, ...], config: Mapping[str, Any]) -> bool:
    return float(config.get("min", 0)) <= len(values) <= float(config.get("max", _MOST_VALUES))


def _typed(attribute: ProfileAttribute, text: str) -> tuple[str, ...]:
    """Return what was typed: without blanks around it; the values of an attribute with several, a line each."""
    lines = text.splitlines() if attribute.multivalued else [text]
    return tuple(filter(None, (unicodedata.normalize("NFC", line).strip() for line in lines)))


def _said(key: str) -> Message:
    return Message(key=f"profile_invalid:{key}")


def _length(value: str, config: Mapping[str, Any]) -> str | None:
    if len(value) > int(float(config.get("max", _LONGEST))):
        return "length"
    return "short" if len(value) < int(float(config.get("min", 0))) else None


def _number(value: str, config: Mapping[str, Any], *, whole: bool) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}" if whole else r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", value):
        return "number"
    number = float(value)
    within = float(config.get("min", "-inf")) <= number <= float(config.get("max", "inf"))
    return None if within else "number"


def _date(value: str, _: Mapping[str, Any]) -> str | None:
    try:
        date.fromisoformat(value)
    except ValueError:
        return "date"
    return None if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else "date"


def _uri(value: str, _: Mapping[str, Any]) -> str | None:
    try:
        parts = urlsplit(value)
    except ValueError:
        return "uri"
    # Never a `javascript:`: applications show these as links.
    return None if parts.scheme in {"http", "https"} and parts.netloc else "uri"


def _homograph(value: str, _: Mapping[str, Any]) -> str | None:
    """Refuse a name whose letters are of several scripts: it may be made to look like somebody else's."""
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in value if letter.isalpha()}
    return "characters" if len(scripts) > 1 else None


CHECKS: dict[str, Check] = {
    "length": _length,
    "integer": lambda value, config: _number(value, config, whole=True),
    "double": lambda value, config: _number(value, config, whole=False),
    "pattern": lambda value, config: None if whole(config.get("pattern", ".*"))(value) else "pattern",
    "email": lambda value, _: None if _EMAIL.fullmatch(value) else "email",
    "uri": _uri,
    "local-date": _date,
    "iso-date": _date,
    "options": lambda value, config: None if value in config["options"] else "choice",
    "multivalued": lambda _value, _config: None,  # counts the values: `judged_value`
    "person-name-prohibited-characters": lambda value, _: "characters" if _OF_NAMES.search(value) else None,
    "username-prohibited-characters": lambda value, _: "characters" if _OF_USER_NAMES.search(value) else None,
    "up-username-not-idn-homograph": _homograph,
}
"""What each of Keycloak's validators refuses: the end of the key of its message."""
