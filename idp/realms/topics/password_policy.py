"""Keycloak's password policy text: `length(12) and notUsername and passwordHistory(5)`."""

from __future__ import annotations

import re

from idp.model.policies.credentials import PasswordRule
from idp.realms.patterns import whole

_NUMBER = {
    "length": "8",
    "maxLength": "64",
    "digits": "1",
    "lowerCase": "1",
    "upperCase": "1",
    "specialChars": "1",
    "passwordHistory": "3",
    "passwordAge": "30",
    "forceExpiredPasswordChange": "365",
    "maxAuthAge": "300",
    "recoveryCodesWarningThreshold": "4",
    "hashIterations": "",
}
"""Rules with a number, and the number that Keycloak takes where none is written."""
_TEXT = frozenset({"regexPattern", "passwordBlacklist", "hashAlgorithm"})
_NOTHING = frozenset({"notUsername", "notContainsUsername", "notEmail"})
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")  # not `isdigit`, which takes “²” for a digit
KNOWN = frozenset(_NUMBER) | _TEXT | _NOTHING


def parsed(text: str) -> tuple[tuple[PasswordRule, ...], list[str]]:
    """Return the rules, and a sentence for everything that is wrong with the text.

    The text is split on the literal ` and `; a rule is `name` or `name(argument)`, where the argument is all from the
    first `(` to the last character. Rules without an argument are exported as `name(undefined)`: Keycloak's default.
    """
    rules: list[PasswordRule] = []
    problems: list[str] = []
    for part in (part.strip() for part in text.split(" and ")):
        if not part:
            continue
        name, _, argument = part.partition("(")
        argument = argument.removesuffix(")")
        written = "" if argument == "undefined" else argument
        rule = PasswordRule(name=name, argument=written or _NUMBER.get(name, ""))
        problem = _problem(rule)
        if problem:
            problems.append(problem)
        else:
            rules.append(rule)
    return tuple(rules), problems


def _problem(rule: PasswordRule) -> str | None:
    if rule.name not in KNOWN:
        return f"There is no password rule “{rule.name}”."
    if rule.name in _NUMBER and not _WHOLE_NUMBER.fullmatch(rule.argument):
        return f"The password rule “{rule.name}” needs a number, not “{rule.argument}”."
    if rule.name == "regexPattern":
        try:
            whole(rule.argument)
        except ValueError as error:
            return f"The pattern of the password rule regexPattern is not valid: {error}."
    return None
