"""Keycloak's pitfalls, each by the number of its test in the reference (part 2.16): shapes of flows, levels, forms.

T-20 to T-36, users, guessing, tabs and versions, stand in `test_keycloak_pitfalls_at_work`.

T-10 and T-13 stand in `tests/flows/strength/test_carried` and `test_blocks`, T-12 in `test_review`, T-14 in
`test_step_up`, T-19 and T-23 in `test_reset_credentials`; `tests/flows/test_keycloak_semantics` sees that none is
missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from idp.crypto.digest import digest
from idp.flows.strength.levels import requested_level
from idp.flows.tree import leaves
from idp.flows.turns import Finished, Refused
from idp.model.user import User
from tests.flows.bench import PASSWORD as KNOWN
from tests.flows.bench import (
    Bench,
    all_edits,
    compiled,
    demo_realm,
    flow,
    no_actions,
    step,
    sub,
    told,
    with_flows,
)
from tests.stories.browser import Browser
from tests.stories.rearranged import (
    CONFIGURED,
    COOKIE,
    FORM,
    OTP,
    SMS,
    action_of,
    customer,
    forms,
    override,
    redeemed,
    settled,
)
from tests.stories.world import Customer, World, provider

pytestmark = pytest.mark.anyio

MAYBE_OTP = flow("maybe", CONFIGURED, OTP)
NAME_AND_PASSWORD = {"username": "ana", "password": KNOWN}


def alternative(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "requirement": "ALTERNATIVE"}


# --- T-1 to T-9, T-33: shapes of flows


def test_t01_required_beside_alternative_does_not_start_and_the_finding_explains() -> None:
    flows, findings, _ = compiled(flow("login", FORM, alternative(OTP)))
    (finding,) = told(findings, "F-MIXED-LEVEL")
    assert flows == {}
    assert "auth-otp-form ALTERNATIVE" in finding.problem
    assert "sub-flow" in finding.repair


def test_t02_conditional_beside_alternative_does_not_start() -> None:
    lines = (sub("maybe", "CONDITIONAL"), alternative(SMS))
    flows, findings, _ = compiled(flow("login", FORM, sub("second")), flow("second", *lines), MAYBE_OTP)
    assert told(findings, "F-MIXED-LEVEL")
    assert flows == {}


async def test_t03_a_required_step_that_fails_in_an_alternative_gives_way_to_the_next_alternative() -> None:
    edit = all_edits(
        no_actions,
        with_flows(
            flow("login", FORM, sub("second")),
            flow("second", sub("renewal", "ALTERNATIVE"), alternative(OTP)),
            flow("renewal", SMS, step("soft-token-enrolment")),
        ),
    )
    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(edit))
    await walk.show()
    await walk.enter(**NAME_AND_PASSWORD)
    await walk.enter(code=bench.sms.code)  # the enrolment behind it fails: the present token was not proven
    assert walk.asks == "auth-otp-form"
    assert isinstance((await walk.enter(otp=bench.otp())).turn, Finished)


def test_t04_conditional_without_an_enabled_condition_does_not_start() -> None:
    off = {**CONFIGURED, "requirement": "DISABLED"}
    flows, findings, _ = compiled(flow("login", FORM, sub("maybe", "CONDITIONAL")), flow("maybe", off, OTP))
    assert told(findings, "F-NO-CONDITION")
    assert flows == {}


def test_t05_a_condition_in_a_required_subflow_does_not_start() -> None:
    flows, findings, _ = compiled(flow("login", FORM, sub("maybe")), MAYBE_OTP)
    assert told(findings, "F-CONDITION-IGNORED")
    assert flows == {}


@pytest.mark.parametrize(("token", "asked"), [(True, "auth-otp-form"), (False, "nothing")])
async def test_t06_user_configured_looks_into_nested_subflows(*, token: bool, asked: str) -> None:
    nested = flow("either", alternative(OTP), alternative(SMS))
    edit = all_edits(
        no_actions,
        with_flows(flow("login", FORM, sub("maybe", "CONDITIONAL")), flow("maybe", CONFIGURED, sub("either")), nested),
    )
    bench = Bench()
    await bench.add_user(token=token, phone=False)
    walk = bench.run(demo_realm(edit))
    await walk.show()
    result = await walk.enter(**NAME_AND_PASSWORD)
    assert isinstance(result.turn, Finished) if asked == "nothing" else walk.asks == asked


async def test_t07_a_level_of_false_conditionals_is_reported_and_refused_with_a_reason() -> None:
    edit = all_edits(
        no_actions,
        with_flows(flow("login", FORM, sub("second")), flow("second", sub("maybe", "CONDITIONAL")), MAYBE_OTP),
    )
    bench = Bench()
    await bench.add_user()
    walk = bench.run(demo_realm(edit))
    await walk.show()
    result = await walk.enter(**NAME_AND_PASSWORD)
    assert isinstance(result.turn, Refused)
    assert "nothing applied" in result.turn.reason
    _, findings, _ = compiled(
        flow("login", FORM, sub("second")), flow("second", sub("maybe", "CONDITIONAL")), MAYBE_OTP
    )
    assert told(findings, "F-ONLY-CONDITIONAL")


def test_t08_an_alternative_that_always_passes_does_not_start_before_others() -> None:
    flows, findings, _ = compiled(
        flow("login", FORM, sub("second")),
        flow("second", sub("free", "ALTERNATIVE"), alternative(OTP)),
        flow("free", step("soft-token-gate")),
    )
    assert "auth-otp-form" in told(findings, "F-UNREACHABLE")[0].problem
    assert flows == {}


async def test_t09_nobody_sets_up_a_token_before_having_proven_anything() -> None:
    edit = all_edits(no_actions, with_flows(flow("login", step("auth-username-form"), OTP, step("auth-password-form"))))
    bench = Bench()
    await bench.add_user()
    walk = bench.run(demo_realm(edit))
    await walk.show()
    result = await walk.enter(username="ana")
    assert isinstance(result.turn, Refused)
    assert "nothing was proven before it" in result.turn.reason
    assert result.session.actions == ()


async def test_t33_of_two_executions_of_one_kind_either_can_be_chosen() -> None:
    configs = [
        {"alias": "short", "config": {"digits": "6"}},
        {"alias": "long", "config": {"digits": "8"}},
    ]

    def edit(found: dict[str, Any]) -> None:
        found["authenticatorConfig"] += configs

    either = flow("either", step("sms-otp", "ALTERNATIVE", "short"), step("sms-otp", "ALTERNATIVE", "long"))
    realm = demo_realm(all_edits(no_actions, with_flows(flow("login", FORM, sub("either")), either), edit))
    for position, digits in ((0, 6), (1, 8)):
        bench = Bench()
        await bench.add_user()
        walk = bench.run(realm)
        await walk.show()
        await walk.enter(**NAME_AND_PASSWORD)
        assert walk.result is not None
        ids = [step.id for step in leaves(walk.assembled.flows["login"].root) if step.authenticator == "sms-otp"]
        assert len(set(ids)) == 2
        await walk.enter(tryAnotherWay="on")
        await walk.enter(authenticationExecution=ids[position])
        assert len(bench.sms.code) == digits
        assert isinstance((await walk.enter(code=bench.sms.code)).turn, Finished)
        assert walk.session.evidence[-1].execution == ids[position]


# --- T-11, T-15: sessions and levels


async def test_t11_a_session_of_a_weaker_flow_does_not_answer_for_a_stronger_one(tmp_path: Path) -> None:
    weak = flow("cards login", COOKIE, alternative(FORM), id="cards-flow")
    async with provider(tmp_path, edit=settled(forms(FORM, OTP), override("cards", weak))) as world:
        cards, bank, arta = world.client(client_id="cards"), world.client(), customer(world)
        browser = await arta.begin(cards)
        await arta.give_password(browser)
        assert (await redeemed(cards, browser.answer))["acr"] == "pwd"

        await browser.open(bank.request(prompt="none"))
        assert browser.answer["error"] == "login_required"
        page = await browser.open(bank.request())
        assert not browser.has_left
        assert "kc-form-login" not in page.forms, "the password was proven, and is not asked again"
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        first = await redeemed(bank, browser.answer)
        assert (first["acr"], first["amr"]) == ("mfa-otp", ["pwd", "otp", "mfa"])

        await browser.open(cards.request(prompt="none"))
        again = await redeemed(cards, browser.answer)
        assert (again["acr"], again["amr"]) == ("pwd", ["pwd"]), "what its own flow asks for, and no more"
        assert again["sid"] == first["sid"]


async def test_t15_of_several_acr_values_the_weakest_is_enough_in_any_order(tmp_path: Path) -> None:
    edit = settled(forms(FORM, sub("maybe", "CONDITIONAL"), inner=(MAYBE_OTP,)))
    async with provider(tmp_path, edit=edit) as world:
        bank, arta = world.client(), customer(world)
        await world.change_user("arta.hoxha", without_token)
        browser = await arta.begin(bank)
        await arta.give_password(browser)
        assert (await redeemed(bank, browser.answer))["acr"] == "pwd"
        for asked, silent in (("pwd mfa-otp", True), ("mfa-otp pwd", True), ("mfa-otp", False), ("pwd", True)):
            await browser.open(bank.request(acr_values=asked, prompt="none"))
            assert ("code" in browser.answer) is silent, asked
        realm = world.site.desks["small-business"].realm
        assert requested_level(realm, ("mfa-otp", "pwd")) == 1


def without_token(user: User) -> User:
    return msgspec.structs.replace(user, credentials=user.credentials[:1])


# --- T-16 to T-18: forms that answer nothing


@pytest.fixture
def answers_of() -> Mapping[str, dict[str, str]]:
    return {
        "try another way": {"tryAnotherWay": "on"},
        "a way that is not offered": {"authenticationExecution": "no-such-execution"},
        "nothing": {},
        "a code without its name": {"": "123456"},
        "both": {"tryAnotherWay": "on", "authenticationExecution": "x", "otp": "000000"},
    }


async def test_t16_asking_for_another_way_where_there_is_none_never_advances(
    world: World, answers_of: Mapping[str, dict[str, str]]
) -> None:
    bank = world.client()
    arta = Customer(world, "arta.hoxha", "+355692000101")
    await arta.settle(bank)
    for answer in answers_of.values():
        browser = await arta.begin(bank)
        for form in ("kc-form-login", "kc-otp-login-form"):
            if form == "kc-otp-login-form":
                await arta.give_password(browser)
            assert browser.page is not None
            asked = action_of(browser.page)
            await browser.post(asked, answer)
            await browser.post(action_of(browser.page), {})
            page = await browser.reload()
            assert form in page.forms, answer
            assert not browser.has_left


async def test_t17_starting_again_keeps_the_flow_that_was_chosen_for_the_request(tmp_path: Path) -> None:
    strong = flow("cards login", COOKIE, sub("cards forms", "ALTERNATIVE"), id="cards-flow")

    def edit(found: dict[str, Any]) -> None:
        settled(forms(FORM), override("cards", strong))(found)
        found["authenticationFlows"].append(flow("cards forms", FORM, OTP))

    async with provider(tmp_path, edit=edit) as world:
        cards, arta = world.client(client_id="cards"), customer(world)
        browser = await arta.begin(cards)
        await arta.give_password(browser)
        page = await browser.press("restart")
        assert "kc-form-login" in page.forms
        page = await arta.give_password(browser)
        assert not browser.has_left, "the weaker flow of the realm would end here"
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        assert (await redeemed(cards, browser.answer))["acr"] == "mfa-otp"


async def test_t17_an_expired_login_keeps_the_flow_too(tmp_path: Path) -> None:
    strong = flow("cards login", COOKIE, sub("cards forms", "ALTERNATIVE"), id="cards-flow")

    def edit(found: dict[str, Any]) -> None:
        settled(forms(FORM), override("cards", strong))(found)
        found["authenticationFlows"].append(flow("cards forms", FORM, OTP))

    async with provider(tmp_path, edit=edit) as world:
        arta = customer(world)
        browser = await arta.begin(world.client(client_id="cards"))
        await arta.give_password(browser)
        world.clock.advance(1801)
        await browser.submit("kc-otp-login-form", otp=arta.code())
        assert browser.page is not None
        assert "kc-form-login" in browser.page.forms
        await arta.give_password(browser)
        assert "kc-otp-login-form" in browser.page.forms


async def test_t18_a_step_that_asked_nothing_cannot_be_answered(world: World) -> None:
    besnik = Customer(world, "besnik.leka", "+355692000102")
    bank = world.client()
    browser = await besnik.begin(bank)
    flows = world.site.desks["small-business"].published.current().flows
    for compiled_flow in flows.values():
        for place in leaves(compiled_flow.root):
            forged = with_query(action_of(browser.page), execution=place.id)
            page = await browser.post(forged, {"anything": "1", "cancel": "1", "kc-confirm": "1", "otp": "000000"})
            assert not browser.has_left
            assert "kc-form-login" in page.forms
    session = await world.site.desks["small-business"].tabs.of_browser(tab_of(browser), _browser_id(world, browser))
    assert session is not None
    assert session.progress == {}
    assert session.evidence == ()


def _browser_id(world: World, browser: Browser) -> str:
    name = world.site.desks["small-business"].cookie_name("browser")
    return digest(browser.http.cookies[name])


def with_query(url: str, **changed: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    return parts._replace(query=urlencode(query)).geturl()


def tab_of(browser: Browser) -> str:
    return parse_qs(urlsplit(action_of(browser.page)).query)["tab_id"][0]
