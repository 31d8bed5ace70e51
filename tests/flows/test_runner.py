"""The runner: what it asks for, what it writes down, and what a finished login must stand on."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.turns import Finished, Refused, StartOver
from idp.model.flow import Status
from tests.flows.bench import (
    PASSWORD,
    Bench,
    Walk,
    all_edits,
    demo_realm,
    flow,
    no_actions,
    step,
    sub,
    with_flows,
)

pytestmark = pytest.mark.anyio

NAME_AND_PASSWORD = {"username": "ana", "password": PASSWORD}
PASSWORD_FORM = step("auth-username-password-form")
TWO_STEPS = all_edits(no_actions, with_flows(flow("login", PASSWORD_FORM, step("auth-otp-form"))))
TOKEN_OR_ENROLMENT = all_edits(
    no_actions,
    with_flows(
        flow("login", PASSWORD_FORM, sub("second")),
        flow("second", sub("enrol", "ALTERNATIVE"), step("auth-otp-form", "ALTERNATIVE")),
        flow("enrol", step("sms-otp"), step("soft-token-enrolment")),
    ),
)
CONDITIONAL_OTP = all_edits(
    no_actions,
    with_flows(
        flow("login", PASSWORD_FORM, sub("maybe", "CONDITIONAL")),
        flow("maybe", step("conditional-user-configured"), step("auth-otp-form")),
    ),
)


async def after_the_password(bench: Bench, walk: Walk) -> Walk:
    del bench
    await walk.show()
    await walk.enter(**NAME_AND_PASSWORD)
    return walk


async def test_what_was_proven_is_written_down_with_its_factor_its_time_and_its_tab() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TWO_STEPS)))
    bench.clock.advance(30)
    result = await walk.enter(otp=bench.otp())
    assert isinstance(result.turn, Finished)
    first, second = walk.session.evidence
    assert (first.factor, first.credential_id, first.ceremony) == ("password", "password-1", "tab-1")
    assert (second.factor, second.credential_id, second.at) == ("otp", "token-1", first.at + 30)
    assert await walk.stands()


async def test_a_way_that_failed_for_good_gives_way_to_the_next() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TOKEN_OR_ENROLMENT)))
    assert walk.asks == "sms-otp"
    # The user has a token, and has not proven it: another one is refused for good.
    result = await walk.enter(code=bench.sms.code)
    assert walk.asks == "auth-otp-form"
    assert [event.detail["reason"] for event in result.events if event.type == "LOGIN_ERROR"]
    assert isinstance((await walk.enter(otp=bench.otp())).turn, Finished)
    assert await walk.stands()


async def test_a_way_that_failed_for_good_is_not_offered_again() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TOKEN_OR_ENROLMENT)))
    await walk.enter(code=bench.sms.code)
    assert walk.ways == {}
    assert Status.ATTEMPTED in walk.session.progress.values()


async def test_a_failure_where_there_is_no_other_way_ends_the_login_with_its_reason() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    edit = all_edits(no_actions, with_flows(flow("login", PASSWORD_FORM, step("soft-token-enrolment"))))
    walk = await after_the_password(bench, bench.run(demo_realm(edit)))
    assert walk.result is not None
    assert isinstance(walk.result.turn, Refused)
    assert "was not proven in this login" in walk.result.turn.reason


async def test_a_required_step_that_is_not_possible_refuses_the_login_and_says_why_to_the_operator() -> None:
    bench = Bench()
    await bench.add_user(phone=False)
    edit = all_edits(no_actions, with_flows(flow("login", PASSWORD_FORM, step("sms-otp"))))
    walk = await after_the_password(bench, bench.run(demo_realm(edit)))
    assert walk.result is not None
    assert walk.result.turn == Refused(reason="sms-otp is not possible for this user")


async def test_who_enrols_a_token_at_the_end_is_not_asked_for_it_in_the_same_login() -> None:
    bench = Bench()
    await bench.add_user(required_actions=("CONFIGURE_TOTP",))
    walk = await after_the_password(bench, bench.run(demo_realm(CONDITIONAL_OTP)))
    assert walk.asks == "CONFIGURE_TOTP"
    await bench.change(credentials=(*(await bench.user()).credentials, bench.token_credential()), required_actions=())
    # As the enrolment would have left it: the action is done, and the user has a token now.
    done = {**walk.session.progress, "action-CONFIGURE_TOTP": Status.SUCCESS}
    walk.session = msgspec.structs.replace(walk.session, progress=done)
    assert isinstance((await walk.show()).turn, Finished)
    assert await walk.stands()


async def test_who_has_a_token_is_asked_for_it_before_the_required_actions() -> None:
    bench = Bench()
    await bench.add_user(token=True, required_actions=("VERIFY_PROFILE",))
    walk = await after_the_password(bench, bench.run(demo_realm(CONDITIONAL_OTP)))
    assert walk.asks == "auth-otp-form"
    await walk.enter(otp=bench.otp())
    assert walk.asks == "VERIFY_PROFILE"


async def test_the_form_of_another_step_does_not_answer_this_one() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(TWO_STEPS))
    await walk.show()
    result = await walk.runner.advance(walk.session, now=bench.now, answer=NAME_AND_PASSWORD, answers="elsewhere")
    assert result.session.evidence == ()
    assert result.session.progress == {}


@pytest.mark.parametrize("answers", [None, ""])
async def test_an_answer_to_nothing_is_judged_by_nobody(answers: str | None) -> None:
    bench = Bench()
    await bench.add_user()
    walk = bench.run(demo_realm(TWO_STEPS))
    result = await walk.runner.advance(walk.session, now=bench.now, answer=NAME_AND_PASSWORD, answers=answers)
    assert result.session.progress == {}


async def test_a_login_never_changes_its_user_half_way() -> None:
    bench = Bench()
    await bench.add_user()
    other = msgspec.structs.replace(await bench.user(), id="user-2", username="besa", email="")
    assert await bench.stores.users.create(other)
    walk = bench.run(demo_realm(with_flows(flow("login", step("auth-username-form"), step("auth-password-form")))))
    walk.session = msgspec.structs.replace(walk.session, user_id="user-2")
    await walk.show()
    result = await walk.enter(username="ana")
    assert isinstance(result.turn, StartOver)
    assert result.session.evidence == ()


async def test_a_user_who_is_disabled_during_the_login_gets_no_further() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TWO_STEPS)))
    await bench.change(enabled=False)
    result = await walk.enter(otp=bench.otp())
    assert isinstance(result.turn, Refused)


async def finished(bench: Bench) -> Walk:
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TWO_STEPS)))
    await walk.enter(otp=bench.otp())
    assert await walk.stands()
    return walk


async def test_progress_without_evidence_does_not_stand() -> None:
    walk = await finished(Bench())
    for evidence in ((), walk.session.evidence[:1], walk.session.evidence[1:]):
        assert not await walk.runner_stands(msgspec.structs.replace(walk.session, evidence=evidence))


async def test_evidence_without_progress_does_not_stand() -> None:
    walk = await finished(Bench())
    assert not await walk.runner_stands(msgspec.structs.replace(walk.session, progress={}))


async def test_evidence_of_another_tab_does_not_stand() -> None:
    walk = await finished(Bench())
    assert not await walk.runner_stands(msgspec.structs.replace(walk.session, tab_id="tab-2"))


async def test_evidence_of_one_step_does_not_stand_for_another() -> None:
    walk = await finished(Bench())
    first, second = walk.session.evidence
    moved = msgspec.structs.replace(second, execution=first.execution)
    assert not await walk.runner_stands(msgspec.structs.replace(walk.session, evidence=(first, moved)))


async def test_with_a_required_action_undone_a_login_does_not_stand() -> None:
    bench = Bench()
    walk = await finished(bench)
    await bench.change(required_actions=("VERIFY_PROFILE",))
    assert not await walk.stands()


async def test_a_session_that_answered_without_any_evidence_does_not_stand() -> None:
    bench = Bench()
    await bench.add_user()
    top = flow("login", step("auth-cookie", "ALTERNATIVE"), step("auth-username-password-form", "ALTERNATIVE"))
    walk = bench.run(demo_realm(all_edits(no_actions, with_flows(top))))
    cookie = walk.assembled.flows["login"].cookie()
    assert cookie is not None
    answered = msgspec.structs.replace(walk.session, user_id="user-1", progress={cookie.id: Status.SUCCESS})
    assert not await walk.runner_stands(answered)


async def test_a_way_that_is_not_offered_is_not_taken() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = await after_the_password(bench, bench.run(demo_realm(TOKEN_OR_ENROLMENT)))
    password = walk.assembled.flows["login"].root.children[0].id
    for wanted in (password, "no-such-execution", ""):
        await walk.enter(authenticationExecution=wanted)
        assert walk.page == "select-method.html"
        assert walk.session.chosen is None


async def test_a_required_action_that_nobody_knows_is_not_skipped() -> None:
    bench = Bench()
    await bench.add_user(token=True, required_actions=("VERIFY_EMAIL", "VERIFY_PROFILE"))
    walk = await after_the_password(bench, bench.run(demo_realm(TWO_STEPS)))
    result = await walk.enter(otp=bench.otp())
    assert result.turn == Refused(reason="the user has the unknown required action VERIFY_EMAIL")
