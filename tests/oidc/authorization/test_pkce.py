from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.authorization.pkce import verifies

# RFC 7636 appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_verifier_of_rfc_7636_answers_its_challenge() -> None:
    assert verifies(CHALLENGE, VERIFIER)


@pytest.mark.parametrize(
    ("challenge", "verifier"),
    [
        pytest.param(CHALLENGE, None, id="no verifier"),
        pytest.param(None, VERIFIER, id="a verifier for no challenge"),
        pytest.param(CHALLENGE, CHALLENGE, id="plain"),
        pytest.param(CHALLENGE, VERIFIER[:-1], id="too short"),
        pytest.param(CHALLENGE, VERIFIER * 3, id="too long"),
        pytest.param(CHALLENGE, VERIFIER + "\n", id="a line break"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_anything_else_does_not(challenge: str | None, verifier: str | None) -> None:
    assert not verifies(challenge, verifier)


def test_a_short_verifier_does_not_answer_even_its_own_challenge() -> None:
    assert not verifies("2CF24DBA", "hello")
    assert not verifies("LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ", "hello")


def test_without_a_challenge_no_verifier_is_wanted() -> None:
    assert verifies(None, None)


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_guess_verifies(verifier: str, challenge: str) -> None:
    assert not verifies(challenge, verifier)
