"""How strong a login was follows from its evidence, never from what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.registry import STEPS
from idp.flows.step import Factor
from idp.flows.steps.otp import FACTOR as OTP
from idp.flows.steps.password import FACTOR as PASSWORD
from idp.flows.steps.sms_otp import FACTOR as SMS
from idp.flows.strength.levels import OUT_OF_REACH, acr_of, amr_of, demanded_level, level_of, requested_level, told_acr
from idp.model.client import Client
from idp.model.flow import Category, Evidence
from idp.model.oauth import AuthorizationRequest, ClaimRequest, ClaimsRequest, GrantTerms
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
    assert amr_of(proofs(*factors), now=0) == amr


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
        # RFC 8176 has no word for a method that another house saw, and we have not.
        assert factor is None or factor.amr or factor.channel == "upstream", name


NAMES = Realm(name="r", version="v", acr_levels={"pwd": 1, "mfa-otp": 2, "urn:sca": 2})


def asking(*values: object, essential: bool = True, acr_values: tuple[str, ...] = ()) -> AuthorizationRequest:
    claims = ClaimsRequest(id_token={"acr": ClaimRequest(essential=essential, values=values)})
    return AuthorizationRequest(
        client_id="app",
        redirect_uri="https://app/",
        response_mode="query",
        scope=(),
        acr_values=acr_values,
        terms=GrantTerms(claims=claims),
    )


@pytest.mark.parametrize(
    ("values", "minimum", "level"),
    [
        ((), "", 0),
        (("pwd",), "", 1),
        (("mfa-otp", "pwd"), "", 1),
        (("urn:sca",), "", 2),
        (("unknown",), "", OUT_OF_REACH),
        (("unknown", "pwd"), "", 1),
        ((1, None), "", 0),
        (("2",), "", 2),
        ((), "mfa-otp", 2),
        (("pwd",), "mfa-otp", 2),
        (("mfa-otp",), "pwd", 2),
        ((), "unknown", OUT_OF_REACH),
    ],
)
def test_the_demanded_level_is_what_the_request_and_the_client_insist_on(
    values: tuple[object, ...], minimum: str, level: int
) -> None:
    client = Client(client_id="app", minimum_acr=minimum)
    assert demanded_level(NAMES, client, asking(*values)) == level
    assert demanded_level(NAMES, Client(client_id="app"), asking(*values, essential=False)) == 0


@pytest.mark.parametrize(
    ("request_", "level", "acr"),
    [
        (asking("pwd"), 2, "pwd"),
        (asking("pwd", "mfa-otp"), 2, "mfa-otp"),
        (asking("pwd", "mfa-otp"), 1, "pwd"),
        (asking("mfa-otp"), 2, "mfa-otp"),
        (asking(acr_values=("mfa-otp",)), 2, "mfa-otp"),
        (asking(acr_values=("urn:sca", "mfa-otp")), 2, "urn:sca"),
        (asking(acr_values=("pwd",)), 2, "urn:sca"),
        (asking(acr_values=("mfa-otp",)), 1, "pwd"),
        (asking("pwd", essential=False), 2, "urn:sca"),
        (asking(), 0, "0"),
    ],
)
def test_the_client_is_told_the_name_that_it_asked_for_if_the_login_fulfils_it(
    request_: AuthorizationRequest, level: int, acr: str
) -> None:
    """OpenID Connect Core §5.5.1.1: an essential acr is one of its values, or the login has failed."""
    assert told_acr(NAMES, Client(client_id="app"), level, request_) == acr
