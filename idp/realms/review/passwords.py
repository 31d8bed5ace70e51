"""Rules about passwords, about guessing, and about names and words that people log in with."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.representation import realm as file
from idp.realms.values import warning

_PLACE = "/passwordPolicy"
_COMPOSITION = frozenset({"digits", "lowerCase", "upperCase", "specialChars"})
_SHORTEST = 8
_ALLOWED = 64
_SHORTEST_MEMORY = 3600
_GUESSES = 100


def password_findings(found: file.Realm, realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about passwords and guessing."""
    yield from _policy(realm)
    yield from _guessing(realm)
    if found.duplicate_emails_allowed and found.login_with_email_allowed:
        problem = "Two people may have one e-mail address, and people log in by it."
        yield warning("R-EMAIL-LOGIN", "/duplicateEmailsAllowed", problem, "Set one of the two to false.")
    if found.default_locale and found.supported_locales and found.default_locale not in found.supported_locales:
        problem = f"“{found.default_locale}” is not among the supported languages."
        yield warning("R-DEFAULT-LOCALE", "/defaultLocale", problem, "Name one of supportedLocales.")
    for position, action in enumerate(found.required_actions or ()):
        if action.default_action and not action.enabled:
            problem = f"“{action.alias}” is for every new user, but it is switched off: nobody is asked to do it."
            place = f"/requiredActions/{position}/defaultAction"
            yield warning("A-DEFAULT-OFF", place, problem, "Set enabled to true, or defaultAction to false.")


def _policy(realm: Realm) -> Iterator[Finding]:
    numbers = {rule.name: int(rule.argument) for rule in realm.password_policy if rule.argument.isdecimal()}
    composition = sorted(name for name in _COMPOSITION if numbers.get(name, 0) > 0)
    if composition:
        problem = f"Passwords must be composed of kinds of characters ({', '.join(composition)})."
        yield warning("P-COMPOSITION", _PLACE, problem, "Remove these rules; ask for length and a list of bad ones.")
    if numbers.get("length", _SHORTEST) < _SHORTEST:
        problem = f"A password of {numbers['length']} characters is enough."
        yield warning("P-SHORT", _PLACE, problem, "Set length(8) or more; 15 where it is the only factor.")
    if numbers.get("maxLength", _ALLOWED) < _ALLOWED:
        problem = f"A password longer than {numbers['maxLength']} characters is refused."
        yield warning("P-LONG", _PLACE, problem, "Set maxLength(64) or more.")
    if realm.password_policy and not any(rule.name == "passwordBlacklist" for rule in realm.password_policy):
        problem = "Passwords are not compared with a list of common ones."
        yield warning("P-COMMON", _PLACE, problem, "Add passwordBlacklist(common).")


def _guessing(realm: Realm) -> Iterator[Finding]:
    policy = realm.brute_force
    if not policy.protected:
        return  # B-OFF says so
    if min(policy.wait_increment, policy.max_failure_wait) <= 0:
        place = "/waitIncrementSeconds" if policy.wait_increment <= 0 else "/maxFailureWaitSeconds"
        yield warning("B-WAIT", place, "A temporary lock ends in the moment it begins.", "Set 60, and 900 at most.")
    if policy.max_delta_time < _SHORTEST_MEMORY:
        problem = "Failures are forgotten in less than an hour: slow guessing is never noticed."
        yield warning("B-FORGET", "/maxDeltaTimeSeconds", problem, "Set 43200.")
    if policy.permanent_lockout and policy.failure_factor * (policy.max_temporary_lockouts + 1) > _GUESSES:
        problem = "More than a hundred guesses are allowed before a lock for good."
        yield warning("B-LATE", "/maxTemporaryLockouts", problem, "Set 15 or less, with a failureFactor of 5.")
