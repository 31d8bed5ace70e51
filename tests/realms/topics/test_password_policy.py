from __future__ import annotations

import pytest

from idp.model.policies.credentials import PasswordRule
from idp.realms.topics.password_policy import parsed


def test_rules_stand_side_by_side() -> None:
    rules, problems = parsed("length(12) and notUsername and passwordHistory(5)")
    assert problems == []
    assert rules == (
        PasswordRule(name="length", argument="12"),
        PasswordRule(name="notUsername"),
        PasswordRule(name="passwordHistory", argument="5"),
    )


def test_what_keycloak_exports_for_no_argument_is_none() -> None:
    assert parsed("notUsername(undefined)") == ((PasswordRule(name="notUsername"),), [])


def test_an_argument_reaches_to_the_last_bracket() -> None:
    assert parsed("regexPattern(^(a|b)+$)") == ((PasswordRule(name="regexPattern", argument="^(a|b)+$"),), [])


@pytest.mark.parametrize("text", ["", "  ", " and "])
def test_no_text_is_no_rule(text: str) -> None:
    assert parsed(text) == ((), [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lenght(8)", "There is no password rule “lenght”."),
        ("length(eight)", "“length” needs a number"),
        ("length(²)", "“length” needs a number"),
        ("length(-1)", "“length” needs a number"),
        ("length(" + "9" * 5000 + ")", "“length” needs a number"),
        ("regexPattern(()", "not valid"),
    ],
)
def test_a_wrong_rule_is_a_sentence_and_is_left_out(text: str, told: str) -> None:
    rules, (problem,) = parsed(f"{text} and digits(1)")
    assert told in problem
    assert rules == (PasswordRule(name="digits", argument="1"),)


def test_every_wrong_rule_is_told() -> None:
    assert len(parsed("a and b and length(x)")[1]) == 3
