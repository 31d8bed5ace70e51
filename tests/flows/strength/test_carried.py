"""Single sign-on, factor by factor: what a session has proven counts in another flow."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.flows.engine import Usability
from idp.flows.turns import Ask, Finished, Refused, StartOver
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.flow import Category, Evidence
from tests.flows.bench import (
    PASSWORD,
    PHONE,
    Bench,
    Edit,
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

COOKIE = step("auth-cookie", "ALTERNATIVE")
FORM = step("auth-username-password-form")
OTP = step("auth-otp-form")
SMS = step("sms-otp")


def alternative(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "requirement": "ALTERNATIVE"}


def forms(*lines: dict[str, Any], inner: tuple[dict[str, Any], ...] = (), configs: Any = ()) -> Edit:
    """A login by these lines, or by a session."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticatorConfig"].extend(configs)

    return all_edits(
        with_flows(flow("login", COOKIE, sub("forms", "ALTERNATIVE")), flow("forms", *lines), *inner), no_actions, edit
    )


def proven(bench: Bench, factor: str, *, age: int = 0, credential_id: str | None = None) -> Evidence:
    """What a session has proven, some seconds ago."""
    category = Category.KNOWLEDGE if factor == "password" else Category.POSSESSION
    return Evidence(
        execution="in another flow",
        factor=factor,
        category=category,
        channel="c",
        amr=(factor,),
        at=bench.now - age,
        ceremony="another tab",
        credential_id=credential_id,
    )


def with_session(walk: Walk, *earlier: Evidence, **request: Any) -> Walk:
    """Let a session answer for a login."""
    assert walk.session.request is not None
    asked = msgspec.structs.replace(walk.session.request, **request)
    walk.session = msgspec.structs.replace(
        walk.session, request=asked, user_id="user-1", attempted_username="ana", sso_sid="sid", earlier=earlier
    )
    return walk


async def test_whoever_has_proven_everything_is_asked_nothing() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(forms(FORM, OTP)))
    earlier = (proven(bench, "password", age=50), proven(bench, "otp", age=40, credential_id="token-1"))
    result = await with_session(walk, *earlier).show()
    assert isinstance(result.turn, Finished)
    assert [(e.factor, e.at) for e in walk.session.evidence] == [("password", bench.now - 50), ("otp", bench.now - 40)]
    user = await bench.user()
    assert walk.runner.stands(walk.session, user, now=bench.now, earlier=earlier)
    assert not walk.runner.stands(walk.session, user, now=bench.now)
    assert not walk.runner.stands(walk.session, user, now=bench.now, earlier=earlier[:1])


async def test_what_is_missing_is_asked_and_nothing_else() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = with_session(bench.run(demo_realm(forms(FORM, OTP))), proven(bench, "password"))
    await walk.show()
    assert walk.asks == "auth-otp-form"
    assert isinstance((await walk.enter(otp=bench.otp())).turn, Finished)


async def test_of_several_ways_the_one_that_was_proven_counts() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    second = flow("second", alternative(OTP), alternative(SMS))
    walk = bench.run(demo_realm(forms(FORM, sub("second"), inner=(second,))))
    result = await with_session(walk, proven(bench, "password"), proven(bench, "sms-otp")).show()
    assert isinstance(result.turn, Finished)
    assert bench.sms.messages == []


async def test_a_session_alone_is_worth_nothing_to_who_has_proven_nothing() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = with_session(bench.run(demo_realm(forms(FORM, OTP))))
    await walk.show()
    assert walk.asks == "auth-username-password-form"


async def test_a_known_user_is_asked_for_the_password_and_no_other_users_password_is_judged() -> None:
    """T-29: the name in the form means nothing."""
    bench = Bench()
    await bench.add_user()
    other = msgspec.structs.replace(await bench.user(), id="user-2", username="besa", email="", credentials=())
    assert await bench.stores.users.create(other)
    walk = with_session(bench.run(demo_realm(forms(FORM))), proven(bench, "otp"))
    result = await walk.show()
    assert isinstance(result.turn, Ask)
    assert (result.turn.challenge.fields["asks"], result.turn.challenge.fields["username"]) == ("password", "ana")
    assert isinstance((await walk.enter(username="besa", password="wrong")).turn, Ask)
    assert isinstance((await walk.enter(username="besa", password=PASSWORD)).turn, Finished)
    assert walk.session.user_id == "user-1"


async def test_the_name_is_not_asked_again_but_a_name_page_never_changes_the_user() -> None:
    bench = Bench()
    await bench.add_user()
    walk = bench.run(demo_realm(forms(step("auth-username-form"), step("auth-password-form"))))
    await with_session(walk).show()
    assert walk.asks == "auth-password-form"
    fresh = bench.run(demo_realm(forms(step("auth-username-form"), step("auth-password-form"))))
    await fresh.show()
    assert fresh.asks == "auth-username-form"


@pytest.mark.parametrize(("max_age", "asked"), [(None, False), (60, False), (59, True), (0, True)])
async def test_what_is_older_than_the_request_allows_is_asked_again(max_age: int | None, *, asked: bool) -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(forms(FORM, OTP)))
    earlier = (proven(bench, "password", age=60), proven(bench, "otp", age=1))
    result = await with_session(walk, *earlier, max_age=max_age).show()
    if not asked:
        assert isinstance(result.turn, Finished)
    else:
        assert walk.asks == "auth-username-password-form"
        result = await walk.enter(password=PASSWORD)
        assert isinstance(result.turn, Finished if max_age else Ask), "an age of zero asks for everything again"


async def test_a_credential_that_the_user_has_no_more_has_proven_nothing() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(forms(FORM, OTP)))
    await with_session(walk, proven(bench, "password"), proven(bench, "otp", credential_id="a lost phone")).show()
    assert walk.asks == "auth-otp-form"


async def test_a_password_that_was_changed_in_its_own_login_is_not_asked_again() -> None:
    """The first access of the guide: the first password is proven, and a new one chosen before the session begins."""
    bench = Bench()
    await bench.add_user()
    walk = with_session(bench.run(demo_realm(forms(FORM))), proven(bench, "password", credential_id="the first one"))
    assert isinstance((await walk.show()).turn, Finished)


async def test_without_a_session_nothing_is_carried_over() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = with_session(bench.run(demo_realm(forms(FORM, OTP))), proven(bench, "password"), proven(bench, "otp"))
    walk.session = msgspec.structs.replace(walk.session, sso_sid=None)
    await walk.show()
    assert walk.asks == "auth-username-password-form"


async def test_evidence_for_another_factor_than_the_step_proves_does_not_stand() -> None:
    bench = Bench()
    user = await bench.add_user(token=True)
    walk = bench.run(demo_realm(forms(FORM, OTP)))
    earlier = (proven(bench, "password"), proven(bench, "otp"))
    await with_session(walk, *earlier).show()
    swapped = tuple(
        msgspec.structs.replace(one, execution=other.execution)
        for one, other in zip(walk.session.evidence, reversed(walk.session.evidence), strict=True)
    )
    forged = msgspec.structs.replace(walk.session, evidence=swapped)
    assert not walk.runner.stands(forged, user, now=bench.now, earlier=earlier)


# --- access rules are decided with every login (T-10)


GUARDED = flow("rule", step("conditional-user-attribute", config="blocked"), step("deny-access-authenticator"))
BLOCKED = {"alias": "blocked", "config": {"attribute_name": "blocked", "attribute_expected_value": "yes"}}


@pytest.mark.parametrize("blocked", [True, False])
async def test_t10_a_session_does_not_go_past_the_rules_of_the_flow(*, blocked: bool) -> None:
    bench = Bench()
    await bench.add_user(attributes={"blocked": ("yes",)} if blocked else {})
    edit = forms(FORM, sub("rule", "CONDITIONAL"), inner=(GUARDED,), configs=[BLOCKED])
    result = await with_session(bench.run(demo_realm(edit)), proven(bench, "password")).show()
    assert isinstance(result.turn, Refused if blocked else Finished)


async def test_a_denial_is_final_whatever_other_ways_there_are() -> None:
    bench = Bench()
    await bench.add_user(attributes={"blocked": ("yes",), "phoneNumber": (PHONE,)}, token=True)
    inner = (
        flow("second", sub("strict", "ALTERNATIVE"), alternative(OTP)),
        flow("strict", SMS, sub("rule", "CONDITIONAL")),
    )
    edit = forms(FORM, sub("second"), inner=(*inner, GUARDED), configs=[BLOCKED])
    walk = bench.run(demo_realm(edit))
    await walk.show()
    await walk.enter(username="ana", password=PASSWORD)
    result = await walk.enter(code=bench.sms.code)
    assert isinstance(result.turn, Refused)
    assert result.turn.error == "access_denied"


async def test_a_step_without_a_page_is_no_way_that_a_person_could_choose() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    inner = (flow("second", alternative(OTP), alternative(step("deny-access-authenticator"))),)
    walk = bench.run(demo_realm(forms(FORM, sub("second"), inner=inner)))
    await walk.show()
    await walk.enter(username="ana", password=PASSWORD)
    assert (walk.asks, walk.ways) == ("auth-otp-form", {})
    await walk.enter(tryAnotherWay="1")
    assert walk.page != "select-method.html"


async def test_another_users_name_on_a_later_page_starts_the_login_over() -> None:
    bench = Bench()
    await bench.add_user()
    other = msgspec.structs.replace(await bench.user(), id="user-2", username="besa", email="")
    assert await bench.stores.users.create(other)
    walk = bench.run(demo_realm(with_flows(flow("login", step("auth-username-form"), step("auth-password-form")))))
    walk.session = msgspec.structs.replace(walk.session, user_id="user-1")
    await walk.show()
    assert isinstance((await walk.enter(username="besa")).turn, StartOver)


def test_a_cookie_is_never_a_step_that_runs() -> None:
    bench = Bench()
    walk = bench.run(demo_realm(forms(FORM)))
    cookie = walk.assembled.flows["login"].cookie()
    assert cookie is not None
    assert walk.assembled.usable(cookie, None) is Usability.NO


def passkey_pages(found: dict[str, Any]) -> None:
    """The name, outside of any level; then, for three hundred seconds of a session, the password."""
    found["webAuthnPolicyPasswordlessPasskeysEnabled"] = True
    config = {"loa-condition-level": "1", "loa-max-age": "300"}
    first = flow("first", step("conditional-level-of-authentication", config="one"), step("auth-password-form"))
    settings = ({"alias": "one", "config": config},)
    forms(step("auth-username-form"), sub("first", "CONDITIONAL"), inner=(first,), configs=settings)(found)


@pytest.mark.parametrize("age", [299, 300])
async def test_a_passkey_of_long_ago_does_not_become_young_again_on_the_page_of_the_password(age: int) -> None:
    bench = Bench()
    user = await bench.add_user()
    key = WebAuthnCredential(id="key-1", key_id=b"k", public_key=b"p", counter=0, created_at=0, passwordless=True)
    await bench.change(credentials=(*user.credentials, key))
    earlier = proven(bench, "webauthn-passwordless", age=age, credential_id="key-1")
    walk = with_session(bench.run(demo_realm(passkey_pages)), earlier)
    result = await walk.show()
    if age < 300:
        assert isinstance(result.turn, Finished)
        return
    assert walk.asks == "auth-password-form"
    assert {proof.at for proof in walk.session.evidence} == {bench.now - age}
    assert isinstance((await walk.enter(password=PASSWORD)).turn, Finished)
