"""How strong a login was follows from its evidence, never from what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.levels import acr_of, amr_of, level_of, requested_level
from idp.flows.registry import STEPS
from idp.flows.step import Factor
from idp.flows.steps.otp import FACTOR as OTP
from idp.flows.steps.password import FACTOR as PASSWORD
from idp.flows.steps.sms_otp import FACTOR as SMS
from idp.model.flow import Category, Evidence
from idp.model.realm import Realm

REALM = Realm(name="r", version="v", acr_levels={"pwd": 1, "mfa-otp": 2})
FACE = Factor(name="face", category=Category.INHERENCE, channel="device", amr=("face",))


def proofs(*factors: Factor) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(execution=f.name, factor=f.name, category=f.category, channel=f.channel, amr=f.amr, at=1, ceremony="t")
        for f in factors
    )


@pytest.mark.parametrize(
    ("factors", "level"),
    [
        pytest.param((), 0, id="nothing"),
        pytest.param((PASSWORD,), 1, id="knowledge"),
        pytest.param((OTP,), 1, id="possession"),
        pytest.param((PASSWORD, OTP), 2, id="knowledge and possession"),
        pytest.param((PASSWORD, SMS), 2, id="knowledge and the phone"),
        pytest.param((PASSWORD, PASSWORD), 1, id="two passwords"),
        pytest.param((OTP, SMS), 1, id="two codes sent to one phone"),
        pytest.param((PASSWORD, OTP, FACE), 2, id="three categories"),
    ],
)
def test_the_level_counts_categories_and_not_steps(factors: tuple[Factor, ...], level: int) -> None:
    assert level_of(proofs(*factors)) == level


@pytest.mark.parametrize(
    ("factors", "amr"),
    [
        ((), ()),
        ((PASSWORD,), ("pwd",)),
        ((PASSWORD, OTP), ("pwd", "otp", "mfa")),
        ((PASSWORD, SMS), ("pwd", "otp", "sms", "mfa")),
        ((PASSWORD, SMS, OTP), ("pwd", "otp", "sms", "mfa")),
        ((OTP, SMS), ("otp", "sms")),
    ],
)
def test_the_methods_are_those_used_each_once_with_mfa_for_two_categories(
    factors: tuple[Factor, ...], amr: tuple[str, ...]
) -> None:
    assert amr_of(proofs(*factors)) == amr


@given(st.lists(st.sampled_from([PASSWORD, OTP, SMS, FACE])), st.sampled_from([PASSWORD, OTP, SMS, FACE]))
def test_more_evidence_never_makes_a_login_weaker(factors: list[Factor], more: Factor) -> None:
    assert level_of(proofs(*factors, more)) >= level_of(proofs(*factors))
    assert level_of(proofs(*factors)) <= len({factor.category for factor in factors})


@pytest.mark.parametrize(("level", "acr"), [(0, "0"), (1, "pwd"), (2, "mfa-otp")])
def test_the_acr_is_the_strongest_that_the_level_fulfils(level: int, acr: str) -> None:
    assert acr_of(REALM, level) == acr


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_realm_without_names_says_the_level_itself(level: int) -> None:
    assert acr_of(Realm(name="r", version="v"), level) == str(level)


def test_a_level_below_every_name_is_not_called_by_one_of_them() -> None:
    assert acr_of(Realm(name="r", version="v", acr_levels={"mfa-otp": 2}), 1) == "1"


@pytest.mark.parametrize(
    ("asked", "level"),
    [
        pytest.param((), 0, id="nothing"),
        pytest.param(("mfa-otp",), 2, id="one"),
        pytest.param(("mfa-otp", "pwd"), 1, id="T-15: the weakest acceptable, in any order"),
        pytest.param(("pwd", "mfa-otp"), 1, id="T-15: the other order"),
        pytest.param(("2",), 2, id="a number is a level"),
        pytest.param(("0",), 0, id="zero"),
        pytest.param(("platinum",), 0, id="an unknown one asks for nothing"),
        pytest.param(("platinum", "mfa-otp"), 2, id="nor does it weaken what the realm knows"),
        pytest.param(("²",), 0, id="a digit of another kind is no number"),
        pytest.param(("99999999999999999999",), 0, id="nor is what no level can be"),
    ],
)
def test_the_requested_level_is_the_weakest_that_is_acceptable(asked: tuple[str, ...], level: int) -> None:
    assert requested_level(REALM, asked) == level


@given(st.lists(st.text()))
def test_no_request_makes_the_level_fail(asked: list[str]) -> None:
    assert 0 <= requested_level(REALM, asked) <= 9


def test_every_step_that_proves_something_says_by_which_method() -> None:
    for name, kind in STEPS.items():
        factor = kind.contract.proves
        assert factor is None or factor.amr, name
