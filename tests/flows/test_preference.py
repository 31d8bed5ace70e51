"""Among alternatives the user's saved order of credentials says which is asked first, and nothing else changes."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.preference import rank, with_password
from idp.flows.registry import STEPS
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.flow import Status
from idp.model.user import OtpCredential, PasswordCredential, User
from tests.flows.bench import Bench, all_edits, demo_realm, flow, no_actions, step, sub, with_flows
from tests.flows.trees import ALTERNATIVE, REQUIRED, Passage, leaf, level

OTP = OtpCredential(id="t", sealed=b"", created_at=1)
PASSWORD = PasswordCredential(id="p", sealed=b"", created_at=1)
KEY = WebAuthnCredential(id="k", key_id=b"", public_key=b"", counter=0, created_at=1, passwordless=False)
PASSKEY = msgspec.structs.replace(KEY, id="l", passwordless=True)
ANA = User(id="ana", username="ana", created_at=1, credentials=(KEY, PASSWORD, OTP))

WAYS = level("second", *(leaf(name, ALTERNATIVE) for name in ("otp", "sms", "key", "codes")))


def test_the_order_of_the_user_counts_and_a_way_without_a_saved_credential_stays_where_it_is() -> None:
    assert Passage(WAYS, order=("codes", "key", "otp")).offers == ("codes", "sms", "key", "otp")


def test_without_an_order_of_the_user_the_flow_says_it() -> None:
    assert Passage(WAYS).offers == ("otp", "sms", "key", "codes")


def test_it_reaches_into_sub_flows() -> None:
    tree = level(
        "second",
        level("a", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE), requirement=ALTERNATIVE),
        leaf("key", ALTERNATIVE),
    )
    assert Passage(tree, order=("key", "otp")).offers == ("key", "sms", "otp")


def test_who_has_begun_a_way_goes_on_with_it_whatever_their_order_is() -> None:
    begun = level("a", leaf("first"), leaf("otp"), requirement=ALTERNATIVE)
    tree = level("second", begun, leaf("key", ALTERNATIVE))
    passage = Passage(tree, order=("key", "otp"), done={"first": Status.SUCCESS})
    assert passage.offers == ("otp", "key")


def test_a_way_that_was_chosen_comes_before_the_order() -> None:
    passage = Passage(WAYS, order=("key", "otp"))
    passage.chosen = "sms"
    assert passage.asks == "sms"


def test_what_is_required_keeps_the_order_of_the_flow() -> None:
    assert Passage(level("all", leaf("otp", REQUIRED), leaf("key", REQUIRED)), order=("key", "otp")).asks == "otp"


def test_t33_two_steps_for_one_kind_of_credential_can_both_be_chosen() -> None:
    contract = STEPS["auth-otp-form"].contract
    assert rank(contract, ANA) == 2
    tree = level("second", leaf("otp", ALTERNATIVE), leaf("other otp", ALTERNATIVE), leaf("key", ALTERNATIVE))
    assert set(Passage(tree, order=("key", "otp", "other otp")).offers) == {"otp", "other otp", "key"}


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("webauthn-authenticator", 0),
        ("auth-password-form", 1),
        ("auth-otp-form", 2),
        ("webauthn-authenticator-passwordless", None),
        ("auth-recovery-authn-code-form", None),
        ("auth-cookie", None),
        ("email-otp", None),
    ],
)
def test_the_place_of_a_step_is_that_of_the_credential_it_proves(step: str, place: int | None) -> None:
    assert rank(STEPS[step].contract, ANA) == place
    assert rank(STEPS[step].contract, None) is None


NAME_FIRST = all_edits(
    no_actions,
    with_flows(
        flow("login", step("auth-username-form"), sub("proof")),
        flow("proof", step("auth-password-form", "ALTERNATIVE"), step("auth-otp-form", "ALTERNATIVE"), topLevel=False),
    ),
)


@pytest.mark.anyio
@pytest.mark.parametrize("token_first", [False, True])
async def test_a_login_asks_first_for_what_the_customer_saved_first(*, token_first: bool) -> None:
    bench = Bench()
    saved = (await bench.password_credential(), bench.token_credential())
    await bench.add_user(credentials=saved[::-1] if token_first else saved)
    walk = bench.run(demo_realm(NAME_FIRST))
    await walk.show()
    await walk.enter(username="ana")
    assert walk.asks == ("auth-otp-form" if token_first else "auth-password-form")


def test_a_passkey_is_no_security_key() -> None:
    user = msgspec.structs.replace(ANA, credentials=(PASSKEY,))
    assert rank(STEPS["webauthn-authenticator-passwordless"].contract, user) == 0
    assert rank(STEPS["webauthn-authenticator"].contract, user) is None


def test_a_changed_password_keeps_its_place_and_a_first_one_comes_first() -> None:
    fresh = msgspec.structs.replace(PASSWORD, id="fresh")
    assert with_password(ANA, fresh) == (KEY, fresh, OTP)
    assert with_password(msgspec.structs.replace(ANA, credentials=(OTP,)), fresh) == (fresh, OTP)
