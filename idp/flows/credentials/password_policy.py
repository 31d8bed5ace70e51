"""What a realm demands of a new password: Keycloak's policy, judged as a pure function."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterable

from idp.flows.step import Message
from idp.model.policies.credentials import PasswordRule
from idp.model.user import FormerPassword, PasswordCredential, User
from idp.ports import RandomBytes
from idp.realms.patterns import whole

_DAY = 86400  # seconds
LONGEST = 256  # beyond this nobody types; a longer one only costs hashing time
_SPECIAL = "!#%+-=?@_"
_LETTERS = "abcdefghijkmnpqrstuvwxyz"
_CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"
Check = Callable[[str, str, User], Message | None]


def violations(rules: tuple[PasswordRule, ...], password: str, user: User) -> list[Message]:
    """Return what is wrong with a new password, every rule at once; empty if nothing is."""
    # NIST SP 800-63B-4 §3.1.1.2: each code point counts as one character, after normalisation.
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) > LONGEST:
        return [Message(key="password_rejected:too_long", params={"max": str(LONGEST)})]
    found = [CHECKS[rule.name](normal, rule.argument, user) for rule in rules if rule.name in CHECKS]
    return [message for message in found if message is not None]


def described(rules: tuple[PasswordRule, ...]) -> list[Message]:
    """Return the policy as words for the page that asks for a new password."""
    return [
        Message(key=f"password_rejected:{key}", params={name: rule.argument} if name else {})
        for rule in rules
        for key, name in [_WORDS.get(rule.name, ("", ""))]
        if key
    ]


def remembered(
    former: Iterable[FormerPassword], rules: tuple[PasswordRule, ...], *, now: int
) -> tuple[FormerPassword, ...]:
    """Return the former passwords (latest first) that may not come back: the last few, and those of the last days."""
    count, since = number(rules, "passwordHistory", 0), now - number(rules, "passwordAge", 0) * _DAY
    return tuple(one for position, one in enumerate(former) if position < count or one.replaced_at > since)


def expired(rules: tuple[PasswordRule, ...], password: PasswordCredential, *, now: int) -> bool:
    """Tell whether a password is so old that a new one must be chosen (`forceExpiredPasswordChange`, in days)."""
    days = number(rules, "forceExpiredPasswordChange", 0)
    return days > 0 and now >= password.created_at + days * _DAY


def number(rules: tuple[PasswordRule, ...], name: str, default: int) -> int:
    """Return the number of a rule; `default` where the policy does not have it."""
    return next((int(rule.argument) for rule in rules if rule.name == name), default)


def generated(rules: tuple[PasswordRule, ...], random: RandomBytes) -> str:
    """Return a first password that the policy accepts: no letters that look alike, for it is typed from a message.

    At least 12 characters of an alphabet of 57: more than 69 bits.
    """
    wanted = {rule.name: int(rule.argument) for rule in rules if rule.name in _COUNTED and rule.argument.isdigit()}
    sets = [(_DIGITS, wanted.get("digits", 1)), (_CAPITALS, wanted.get("upperCase", 1))]
    sets += [(_LETTERS, wanted.get("lowerCase", 1)), (_SPECIAL, wanted.get("specialChars", 0))]
    characters = [_pick(alphabet, random) for alphabet, count in sets for _ in range(count)]
    length = max(12, wanted.get("length", 0))
    while len(characters) < length:
        characters.append(_pick(_LETTERS + _CAPITALS + _DIGITS, random))
    for i in range(len(characters) - 1, 0, -1):  # Fisher-Yates with a source fit for secrets
        j = _below(i + 1, random)
        characters[i], characters[j] = characters[j], characters[i]
    return "".join(characters)


def _pick(alphabet: str, random: RandomBytes) -> str:
    return alphabet[_below(len(alphabet), random)]


def _below(limit: int, random: RandomBytes) -> int:
    # 64 bits for limits under 100: the modulo bias is below 2^-57.
    return int.from_bytes(random(8), "big") % limit


def _at_least(count: int, argument: str, key: str) -> Message | None:
    return None if count >= int(argument) else Message(key=f"password_rejected:{key}", params={"n": argument})


def _length(password: str, argument: str, user: User) -> Message | None:
    del user
    if len(password) >= int(argument):
        return None
    return Message(key="password_rejected:too_short", params={"min": argument})


def _max_length(password: str, argument: str, user: User) -> Message | None:
    del user
    if len(password) <= int(argument):
        return None
    return Message(key="password_rejected:too_long", params={"max": argument})


def _not_username(password: str, argument: str, user: User) -> Message | None:
    del argument
    return Message(key="password_rejected:username") if password.casefold() == user.username.casefold() else None


def _not_contains_username(password: str, argument: str, user: User) -> Message | None:
    del argument
    contained = user.username.casefold() in password.casefold()
    return Message(key="password_rejected:username") if contained else None


def _not_email(password: str, argument: str, user: User) -> Message | None:
    del argument
    is_email = bool(user.email) and password.casefold() == user.email.casefold()
    return Message(key="password_rejected:email") if is_email else None


def _pattern(password: str, argument: str, user: User) -> Message | None:
    del user
    return None if whole(argument)(password) else Message(key="password_rejected:pattern")


def _not_common(password: str, argument: str, user: User) -> Message | None:
    """Compare the whole password with the list, never a part of it (NIST SP 800-63B-4 §3.1.1.2)."""
    del argument, user
    return Message(key="password_rejected:too_common") if password.casefold() in _common_passwords() else None


@functools.cache
def _common_passwords() -> frozenset[str]:
    # Loaded at the first change of a password: 30,000 words that most logins never need.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - see above

    return frozenset(FREQUENCY_LISTS["passwords"])


CHECKS: dict[str, Check] = {
    "length": _length,
    "maxLength": _max_length,
    "digits": lambda p, n, _: _at_least(sum(c.isdigit() for c in p), n, "digits"),
    "lowerCase": lambda p, n, _: _at_least(sum(c.islower() for c in p), n, "lower"),
    "upperCase": lambda p, n, _: _at_least(sum(c.isupper() for c in p), n, "upper"),
    "specialChars": lambda p, n, _: _at_least(sum(not c.isalnum() for c in p), n, "special"),
    "notUsername": _not_username,
    "notContainsUsername": _not_contains_username,
    "notEmail": _not_email,
    "regexPattern": _pattern,
    "passwordBlacklist": _not_common,
}
"""Rules judged from the password alone."""

OTHER_RULES = frozenset(
    {
        "passwordHistory",
        "passwordAge",
        "forceExpiredPasswordChange",
        "maxAuthAge",
        "recoveryCodesWarningThreshold",
        "hashAlgorithm",
        "hashIterations",
    }
)
"""Rules honoured elsewhere: former passwords by the change itself, hashing by `idp.crypto.passwords`."""

_COUNTED = frozenset({"length", "digits", "lowerCase", "upperCase", "specialChars"})
_WORDS = {
    "length": ("too_short", "min"),
    "maxLength": ("too_long", "max"),
    "digits": ("digits", "n"),
    "lowerCase": ("lower", "n"),
    "upperCase": ("upper", "n"),
    "specialChars": ("special", "n"),
    "notUsername": ("username", ""),
    "notContainsUsername": ("username", ""),
    "notEmail": ("email", ""),
    "passwordBlacklist": ("too_common", ""),
    "passwordHistory": ("used_before", ""),
    "passwordAge": ("used_before", ""),
}
