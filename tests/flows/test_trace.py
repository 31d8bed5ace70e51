"""What a refusal leaves for the operator: the engine's own questions and what it was answered, without values."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.facts import REQUEST_SCOPE, USER_ATTRIBUTES, USER_CREDENTIALS, Facts
from idp.flows.trace import WITHHELD, _seen, path_of
from idp.model.flow import Status
from tests.flows.bench import PHONE, Bench, all_edits, demo_realm, flow, no_actions, step, sub, with_flows
from tests.flows.test_runner import PASSWORD_FORM, after_the_password

pytestmark = pytest.mark.anyio

REFUSED = all_edits(
    no_actions,
    with_flows(
        flow("login", PASSWORD_FORM, sub("maybe", "CONDITIONAL"), step("sms-otp")),
        flow("maybe", step("conditional-user-configured"), step("auth-otp-form")),
    ),
)


async def test_a_refusal_says_each_step_and_condition_that_was_looked_at() -> None:
    bench = Bench()
    await bench.add_user(phone=False)
    walk = await after_the_password(bench, bench.run(demo_realm(REFUSED)))
    assert walk.result is not None
    told = [(one.within, one.authenticator, one.answer) for one in walk.result.considered]
    assert told == [
        ("login", "auth-username-password-form", "success"),
        ("maybe", "conditional-user-configured", "no"),
        ("login", "sms-otp", "no"),
    ]
    assert walk.result.considered[1].inputs == {"auth-otp-form set up": "setup"}
    assert walk.result.considered[1].condition


async def test_a_login_that_goes_on_keeps_no_trace() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(REFUSED)))
    assert walk.result is not None
    assert walk.result.considered == ()


async def test_nothing_of_the_person_is_in_it() -> None:
    bench = Bench()
    await bench.add_user(phone=False, attributes={"segment": ("very private",)})
    walk = await after_the_password(bench, bench.run(demo_realm(REFUSED)))
    assert walk.result is not None
    told = msgspec.json.encode(walk.result.considered).decode()
    for private in ("very private", PHONE, "ana@example.al", "Ana", "ana"):
        assert private not in told


async def test_facts_are_named_and_those_of_a_person_are_withheld() -> None:
    bench = Bench()
    walk = bench.run(demo_realm(REFUSED))
    root = walk.assembled.flows["login"].root
    facts = Facts(realm=walk.assembled.realm, scope=("openid", "phone"))
    assert _seen(REQUEST_SCOPE, walk.assembled, root, facts) == {REQUEST_SCOPE: "openid phone"}
    assert _seen(USER_ATTRIBUTES, walk.assembled, root, facts) == {USER_ATTRIBUTES: WITHHELD}
    assert "sms-otp set up" in _seen(USER_CREDENTIALS, walk.assembled, root, facts)


async def test_the_path_names_the_steps_in_their_order_and_what_did_not_simply_succeed() -> None:
    bench = Bench()
    await bench.add_user(token=True, phone=False)
    walk = await after_the_password(bench, bench.run(demo_realm(REFUSED)))
    assert walk.result is not None
    session = walk.result.session
    assert path_of(walk.assembled, session) == "auth-username-password-form"
    after = msgspec.structs.replace(
        session, progress={**session.progress, "action-UPDATE_PASSWORD": Status.SUCCESS, "gone": Status.ATTEMPTED}
    )
    assert path_of(walk.assembled, after) == "auth-username-password-form UPDATE_PASSWORD gone:attempted"
