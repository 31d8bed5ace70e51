"""Texts chosen by a key: all there, counted, and a realm's own words instead of them."""

from __future__ import annotations

import re
from itertools import product

import pytest

from idp.flows.credentials.password_policy import described
from idp.model.policies.credentials import PasswordRule
from idp.web import messages
from idp.web.pages import STATIC, RealmView, Wording
from tests.web.samples import CATALOGUES, LOCALES, PAGES, words


@pytest.mark.parametrize(("locale", "key"), list(product(LOCALES, messages.MESSAGES)))
def test_every_message_can_be_said(locale: str, key: str) -> None:
    params = {"seconds": "7", "min": "7", "max": "7", "n": "7", "name": "7", "left": "7"}
    said = words(locale).say({"key": key, "params": params})
    assert said
    assert "%" not in said


def test_one_message_hides_what_refused_a_login() -> None:
    assert not [key for key in messages.MESSAGES if "lock" in key or "disabled_user" in key or "unknown_user" in key]


def test_a_message_counts_in_words() -> None:
    assert words().say({"key": "resend_too_soon", "params": {"seconds": "1"}}).endswith("1 second.")
    assert words().say({"key": "resend_too_soon", "params": {"seconds": "30"}}).endswith("30 seconds.")
    assert words("sq").say({"key": "resend_too_soon", "params": {"seconds": "1"}}).endswith("1 sekonde.")


def test_a_message_that_nobody_knows_is_a_bug() -> None:
    with pytest.raises(KeyError):
        words().say("no_such_message")


@pytest.mark.parametrize("text", ["Prit {seconds} s, 100% e sigurt {tjetër} %(x)s", "Prit {seconds"])
def test_a_realm_s_own_words_replace_ours_and_cannot_break_a_page(text: str) -> None:
    said = words(resend_too_soon=text).say({"key": "resend_too_soon", "params": {"seconds": "9"}})
    assert said == text.replace("{seconds}", "9")


def test_a_realm_names_its_own_scopes_labels_and_methods() -> None:
    mine = words(**{"scope:pay": "Paguaj", "label:branch": "Dega", "method:card": "Karta", "methodHelp:card": "Fute"})
    assert (mine.scope("pay"), mine.label("branch"), mine.method("card")) == ("Paguaj", "Dega", "Karta")
    assert (mine.method_help("card"), mine.method_help("none"), mine.scope("other")) == ("Fute", "", "other")


def test_a_moment_is_written_as_the_language_writes_it() -> None:
    assert words("it").moment(0.0).startswith("1 gen 1970")
    assert words("sq").moment("2026-11-22") == "2026-11-22"
    tirana = Wording(
        locale="en",
        translations=CATALOGUES.translations("en"),
        realm=RealmView(title="B", timezone="Europe/Tirane"),
    )
    assert "1:00:00" in tirana.moment(0)


def test_every_key_and_page_that_a_step_names_exists() -> None:
    source = "".join(path.read_text() for path in (STATIC.parent / "flows").rglob("*.py"))
    assert set(re.findall(r'(?:Message|Notice)\(\s*key="([^"]+)"', source)) <= messages.MESSAGES.keys()
    assert set(re.findall(r'(?:page=|PAGE = )"([^"]+)"', source)) <= set(PAGES.names)


def test_every_rule_of_a_password_policy_is_told_beforehand() -> None:
    names = ("length", "maxLength", "digits", "lowerCase", "upperCase", "specialChars", "notUsername", "notEmail")
    rules = tuple(PasswordRule(name=name, argument="2") for name in (*names, "passwordHistory", "passwordBlacklist"))
    said = [words("sq").rule(message) for message in described(rules)]
    assert len(said) == len(rules)
    assert all(said)
