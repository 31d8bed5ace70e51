"""The Terms of Work: which version is in force, and its words. Who accepts them accepts these words."""

from __future__ import annotations

import msgspec

from idp.crypto.digest import digest
from idp.flows.customers.users import without_action
from idp.model.realm import Realm
from idp.model.user import TermsAcceptance, User

ALIAS = "TERMS_AND_CONDITIONS"
FIRST_VERSION = "1"


def words_of(realm: Realm, locale: str) -> str:
    """Return the text in a language, or in the realm's own."""
    texts = realm.texts
    return texts.get(locale, {}).get("termsText") or texts.get(realm.default_locale, {}).get("termsText", "")


def version_of(realm: Realm) -> str:
    """Return the present version, as the required action has it."""
    settings = (action for action in realm.required_actions if action.alias == ALIAS)
    return next((action.config.get("version", FIRST_VERSION) for action in settings), FIRST_VERSION)


def accepted(user: User, realm: Realm, *, version: str, locale: str, now: int) -> User:
    """Return the user after a yes: the version, a digest of the words that were shown, and the time are kept."""
    acceptance = TermsAcceptance(version=version, digest=digest(words_of(realm, locale)), at=now)
    return without_action(msgspec.structs.replace(user, terms=acceptance), ALIAS)
