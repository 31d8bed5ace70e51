"""A realm's password policy: what it refuses, what it says, and that first passwords keep it."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.credentials.password_policy import (
    CHECKS,
    LONGEST,
    OTHER_RULES,
    described,
    expired,
    generated,
    number,
    remembered,
    violations,
)
from idp.model.policies.credentials import PasswordRule
from idp.model.user import FormerPassword, PasswordCredential, User
from idp.realms.topics.password_policy import KNOWN, parsed
from idp.web.locales import Locales
from idp.web.pages import RealmView, Wording

ANA = User(id="u", username="ana.hoxha", created_at=1, email="Ana@Example.al")


def refused(policy: str, password: str) -> list[str]:
    rules, problems = parsed(policy)
    assert problems == []
    return [message.key.removeprefix("password_rejected:") for message in violations(rules, password, ANA)]


@pytest.mark.parametrize(
    ("policy", "bad", "good", "key"),
    [
        ("length(10)", "123456789", "1234567890", "too_short"),
        ("maxLength(10)", "12345678901", "1234567890", "too_long"),
        ("digits(2)", "abc1", "abc12", "digits"),
        ("lowerCase(2)", "ABCd", "ABcd", "lower"),
        ("upperCase(2)", "abcD", "abCD", "upper"),
        ("specialChars(1)", "abc1", "abc1!", "special"),
        ("notUsername", "ANA.Hoxha", "ANA.Hoxha1", "username"),
        ("notContainsUsername", "x-Ana.HOXHA-x", "x-ana-x", "username"),
        ("notEmail", "ana@example.AL", "ana@example.com", "email"),
        ("regexPattern([a-z]+)", "abc1", "abc", "pattern"),
        ("passwordBlacklist(common)", "PassWord", "a password that nobody has", "too_common"),
    ],
)
def test_a_rule_refuses_the_bad_password_and_accepts_the_good_one(policy: str, bad: str, good: str, key: str) -> None:
    assert refused(policy, bad) == [key]
    assert refused(policy, good) == []


def test_every_broken_rule_is_told_at_once() -> None:
    assert refused("length(10) and digits(1) and upperCase(1)", "short") == ["too_short", "digits", "upper"]


def test_the_length_counts_characters_and_not_bytes_and_after_normalisation() -> None:
    assert refused("length(10)", "ëëëëëëëëëë") == []
    assert refused("length(10)", "e\u0308" * 5) == ["too_short"], "ten code points, five characters"
    assert refused("length(4)", "🔑🔑🔑🔑") == []


def test_a_common_word_within_a_long_password_is_no_reason_to_refuse() -> None:
    assert refused("passwordBlacklist(common)", "password of my first house") == []


def test_whatever_the_policy_a_password_has_an_end() -> None:
    assert refused("", "x" * LONGEST) == []
    assert refused("length(1) and digits(9)", "x" * (LONGEST + 1)) == ["too_long"]


def test_the_whole_password_must_have_the_pattern_and_not_a_part_of_it() -> None:
    assert refused("regexPattern(ab)", "xabx") == ["pattern"]


def test_nobody_without_an_email_address_is_refused_for_it() -> None:
    rules, _ = parsed("notEmail")
    assert violations(rules, "", User(id="u", username="x", created_at=1)) == []


def test_a_user_name_is_recognised_in_any_spelling_of_its_letters() -> None:
    rules, _ = parsed("notUsername")
    assert violations(rules, "çelësi i DERËS", User(id="u", username="Çelësi i derës", created_at=1))


def test_every_rule_that_a_realm_file_may_name_is_honoured_somewhere() -> None:
    assert CHECKS.keys() | OTHER_RULES == KNOWN


DAY = 86400
FORMER = tuple(FormerPassword(sealed=bytes([days]), replaced_at=(100 - days) * DAY) for days in (1, 10, 40, 90))


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("", []),
        ("length(8)", []),
        ("passwordHistory(2)", [1, 10]),
        ("passwordAge(30)", [1, 10]),
        ("passwordAge(41) and passwordHistory(1)", [1, 10, 40]),
        ("passwordHistory(4) and passwordAge(5)", [1, 10, 40, 90]),
    ],
)
def test_the_last_passwords_and_those_of_the_last_days_may_not_come_back(policy: str, kept: list[int]) -> None:
    assert [one.sealed[0] for one in remembered(FORMER, parsed(policy)[0], now=100 * DAY)] == kept


def test_a_password_runs_out_on_the_day_that_the_policy_says() -> None:
    rules = parsed("forceExpiredPasswordChange(90)")[0]
    password = PasswordCredential(id="p", sealed=b"", created_at=5)
    assert not expired(rules, password, now=90 * DAY + 4)
    assert expired(rules, password, now=90 * DAY + 5)
    assert not expired(parsed("forceExpiredPasswordChange(0)")[0], password, now=900 * DAY)
    assert not expired(parsed("length(8)")[0], password, now=900 * DAY)


@pytest.mark.parametrize("written", ["passwordAge", "passwordAge()", "passwordAge(undefined)"])
def test_a_rule_without_its_number_has_the_number_of_keycloak(written: str) -> None:
    rules, problems = parsed(written)
    assert problems == []
    assert number(rules, "passwordAge", 0) == 30


@pytest.mark.parametrize("locale", ["sq", "en", "it"])
def test_the_page_can_say_every_rule_before_and_after_it_was_broken(locale: str) -> None:
    policy = (
        "length(10) and maxLength(128) and digits(1) and lowerCase(1) and upperCase(1) and specialChars(1) "
        "and notUsername and notContainsUsername and notEmail and passwordBlacklist(x) and passwordHistory(5) "
        "and passwordAge(30)"
    )
    rules, problems = parsed(policy)
    assert problems == []
    catalogues = Locales.load()
    words = Wording(locale=locale, translations=catalogues.translations(locale), realm=RealmView(title="Banka"))
    assert len(described(rules)) == len(rules)
    for rule in described(rules):
        assert words.rule(rule)
    for message in violations(rules, "x", ANA) + violations((), "x" * 300, ANA):
        assert words.say(message)
    broken = {m.key for r in rules for m in violations((r,), "ana.hoxha", ANA)}
    assert all(words.say({"key": key, "params": {"min": "1", "max": "2", "n": "3"}}) for key in broken)


COUNTS = st.integers(0, 6)


@given(digits=COUNTS, lower=COUNTS, upper=COUNTS, special=COUNTS, length=st.integers(0, 40))
def test_a_first_password_keeps_the_policy(digits: int, lower: int, upper: int, special: int, length: int) -> None:
    policy = (
        f"length({length}) and digits({digits}) and lowerCase({lower}) and upperCase({upper}) and "
        f"specialChars({special}) and notContainsUsername and notEmail and passwordBlacklist(x) and maxLength(64)"
    )
    rules, _ = parsed(policy)
    made = generated(rules, secrets.token_bytes)
    assert violations(rules, made, ANA) == []
    assert len(made) >= 12


def test_first_passwords_are_typed_from_a_message_so_no_letters_look_alike_and_none_is_a_blank() -> None:
    rules, _ = parsed("length(12) and specialChars(2)")
    letters = {letter for _ in range(200) for letter in generated(rules, secrets.token_bytes)}
    assert not letters & set("0O1lI|` \t\"'")
    assert len({generated(rules, secrets.token_bytes) for _ in range(200)}) == 200


def test_the_places_of_the_demanded_characters_are_not_foreseeable() -> None:
    rules = (PasswordRule(name="digits", argument="1"),)
    first = {generated(rules, secrets.token_bytes)[0].isdigit() for _ in range(200)}
    assert first == {True, False}
