"""Patterns of realm files: Keycloak's meaning, and no value that holds the server up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.realms.patterns import LONGEST_VALUE, whole

STRONG = r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?!.*(.)(password|[)(]{2})).{8,}$"


@pytest.mark.parametrize("expression", [r"(\w+\s?)+", r"^(([a-z])+.)+[A-Z]$", r"(?=(a+)+$)(a|aa)+b"])
def test_no_value_takes_long_whatever_the_pattern(expression: str) -> None:
    """With `re` each of these would still be at work when the suite is ended for taking too long."""
    assert not whole(expression)("a" * (LONGEST_VALUE - 1) + "!")


def test_the_whole_value_is_matched_and_an_endless_one_never() -> None:
    matches = whole("[A-Z]{2}|x+")
    assert [matches(value) for value in ("AL", "ALB", "AL\n", "x" * LONGEST_VALUE, "x" * (LONGEST_VALUE + 1))] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_classes_are_those_of_java() -> None:
    assert whole(r"\d+")("12")
    assert not whole(r"\d+")("\u0661\u0662")
    assert whole(r"\p{L}+")("çë")


@given(st.text(alphabet="aA1(x)password", max_size=24))
def test_looking_ahead_at_the_beginning_means_what_it_means_elsewhere(value: str) -> None:
    assert whole(STRONG)(value) is (re.fullmatch(STRONG, value) is not None)
    assert whole(f"(?i){STRONG}")(value) is (re.fullmatch(f"(?i){STRONG}", value) is not None)


@pytest.mark.parametrize(
    "expression",
    [
        "(",
        "[",
        "(?=a",
        "(?=a)b|c",
        "(?=a)*b",
        "b(?=a)",
        r"(?=[[:alpha:](])b",
        r"(?=\Q(\E)b",
        "(?<=a)b",
        r"(a)\1",
        "a++",
        "(a{1000}){1000}",
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"not valid here|looks ahead"):
        whole(expression)
