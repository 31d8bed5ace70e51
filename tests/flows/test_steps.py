"""The step contract: what every registered step and required action keeps, whatever it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from idp.flows.actions.consent import AskConsent
from idp.flows.engine import Usability
from idp.flows.registry import ACTIONS, STEPS
from idp.flows.step import Authenticator, Challenge, Failure, Login, Message, Outcome, Restart, Success
from idp.flows.tree import Execution
from idp.model.clients.assertion import KeySource
from idp.model.flow import RequiredActionSetting, Requirement
from idp.model.secret import Secret
from idp.model.trusted.upstream import Arrival, FederatedIdentity, UpstreamProvider
from idp.web.locales import Locales
from idp.web.pages import Pages, RealmView
from tests.flows.bench import PASSWORD, Bench, demo_realm

pytestmark = pytest.mark.anyio

EVERY = [*STEPS, *ACTIONS, "consent"]
ELSEWHERE = {"identity-provider-redirector", "idp-create-user-if-unique"}
"""What sends to another provider, and what makes an account for who came: tests/stories/test_identity_providers.py."""
SILENT = {name for name, kind in STEPS.items() if kind.contract.silent} | ELSEWHERE
"""The steps that have no page: a cookie, and the ends of a branch that asks for nothing."""
CAME = Arrival(identity=FederatedIdentity(alias="other", subject="S"), execution="there", at=1)
OTHER = UpstreamProvider(
    alias="other",
    issuer="https://other.example",
    authorization_url="https://other.example/auth",
    token_url="https://other.example/token",
    keys=KeySource(jwks_url="https://other.example/certs"),
    client_id="bank",
    client_secret=Secret("s"),
)
REALM = msgspec.structs.replace(demo_realm(), upstreams={"other": OTHER})
ASKING = [name for name in EVERY if name not in SILENT]
NEED_A_TOKEN = {"auth-otp-form", "delete_credential"}
TYPED = ("username", "password", "otp", "code", "totp", "userLabel", "password-new", "password-confirm")
"""Every field that a person types into, on any page."""
PAGES = Pages(locales=Locales.load())


def made(name: str, bench: Bench, config: Mapping[str, str] | None = None) -> Authenticator:
    if name == "consent":
        return AskConsent(realm=REALM, services=bench.services)
    if name in ACTIONS:
        setting = RequiredActionSetting(alias=name)
        kind = ACTIONS[name]
        given = msgspec.convert(dict(config or {}), kind.config_type, strict=False)
        return kind(setting, given, realm=REALM, services=bench.services)
    step = STEPS[name]
    execution = Execution(id="here", authenticator=name, requirement=Requirement.REQUIRED)
    given = msgspec.convert(dict(config or {}), step.config_type, strict=False)
    return step(execution, given, realm=REALM, services=bench.services)


async def at_the_step(name: str, bench: Bench) -> tuple[Authenticator, Login]:
    """The step, and a login of a user whom it has something to ask."""
    user = await bench.add_user(token=name in NEED_A_TOKEN)
    return made(name, bench), bench.login(user, attempted_username="ana", execution="here", arrival=CAME)


def remembering(login: Login, outcome: Outcome) -> Login:
    """The next turn of the same login: the step's state went through the store."""
    assert isinstance(outcome, Challenge)
    memory = None if outcome.state is None else msgspec.msgpack.encode(outcome.state)
    return msgspec.structs.replace(login, memory=memory)


def rendered(challenge: Challenge, locale: str) -> str:
    message = challenge.message
    fields: dict[str, Any] = {
        **challenge.fields,
        "action": "/here",
        "message": {"key": message.key, "params": message.params, "kind": message.kind} if message else None,
        "can_try_another_way": True,
        "can_decline": True,
        "can_restart": True,
        "links": {},
    }
    realm = RealmView(title=REALM.title, texts=REALM.texts.get(locale, {}))
    return PAGES.render(challenge.page, locale=locale, realm=realm, **fields).decode()


@pytest.mark.parametrize("name", EVERY)
def test_whether_a_step_is_usable_can_be_asked_before_anybody_is_known(name: str) -> None:
    step = made(name, Bench())
    usable = step.usable(None)
    if step.contract.needs_user:
        assert usable is Usability.NO


@pytest.mark.parametrize("name", EVERY)
async def test_whether_a_step_is_usable_can_be_asked_of_a_user_who_has_nothing(name: str) -> None:
    bench = Bench()
    user = await bench.add_user(phone=False, credentials=())
    usable = made(name, bench).usable(user)
    if name in {"auth-otp-form", "sms-otp", "auth-cookie"}:
        assert usable is not Usability.READY


@pytest.mark.parametrize("name", ASKING)
async def test_looking_sends_nothing_keeps_nothing_and_changes_nothing(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    look = msgspec.structs.replace(login, posted=False)
    before = await bench.user()
    outcome = await step.challenge(look)
    assert isinstance(outcome, Challenge)
    assert outcome.state is None
    assert not outcome.once
    assert bench.sms.messages == []
    assert await bench.user() == before
    assert (await step.challenge(look)) == outcome


@pytest.mark.parametrize("name", ASKING)
async def test_asking_twice_sends_once_and_shows_the_same_page(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    first = await step.challenge(login)
    sent = len(bench.sms.messages)
    assert sent == (1 if name == "sms-otp" else 0)
    for posted in (True, False):
        again = await step.challenge(msgspec.structs.replace(remembering(login, first), posted=posted))
        assert isinstance(first, Challenge)
        assert isinstance(again, Challenge)
        assert again.page == first.page
        assert again.state == first.state
    assert len(bench.sms.messages) == sent


@pytest.mark.parametrize("name", ASKING)
async def test_what_a_step_remembers_survives_the_store(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    outcome = await step.challenge(login)
    assert isinstance(outcome, Challenge)
    if outcome.state is not None:
        assert remembering(login, outcome).state(type(outcome.state)) == outcome.state


ODD = [
    pytest.param({}, id="nothing"),
    pytest.param(dict.fromkeys(TYPED, ""), id="empty fields"),
    pytest.param(dict.fromkeys(TYPED, "   "), id="blanks"),
    pytest.param(dict.fromkeys(TYPED, "x" * 10_000), id="10 kB of letters"),
    pytest.param(dict.fromkeys(TYPED, "1" * 10_000), id="10 kB of digits"),
    pytest.param(dict.fromkeys(TYPED, "\x00٣\u202e🔑<b>"), id="odd characters"),
    pytest.param({"x" * 10_000: "x"}, id="a field that nobody has"),
    pytest.param({"selectedCredentialId": "no-such-token", "otp": "123456"}, id="a token that nobody has"),
]


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("answer", ODD)
async def test_an_odd_answer_never_succeeds_and_never_raises(name: str, answer: dict[str, str]) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    before = await bench.user()
    for at_page in (login, remembering(login, await step.challenge(login))):
        outcome = await step.verify(at_page, answer)
        if (
            name in {"auth-username-form", "direct-grant-validate-username", "reset-credentials-choose-user"}
            and answer.get("username", "").strip()
        ):
            # Any name goes on to the password: who exists is not told. It proves nothing, and finds nobody.
            assert isinstance(outcome, Success)
            assert outcome.user_id is None
            assert len(outcome.attempted_username or "") <= 255
        else:
            assert isinstance(outcome, Challenge)
            assert rendered(outcome, "sq")
    assert await bench.user() == before


@pytest.mark.parametrize("locale", ["sq", "en", "it"])
@pytest.mark.parametrize("name", ASKING)
async def test_a_steps_pages_can_be_shown_in_every_language(name: str, locale: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    login = msgspec.structs.replace(login, locale=locale)
    asked = await step.challenge(login)
    looked = await step.challenge(msgspec.structs.replace(login, posted=False))
    wrong = await step.verify(remembering(login, asked), dict.fromkeys(TYPED, "000000"))
    for outcome in (asked, looked, wrong):
        if isinstance(outcome, Challenge):
            page = rendered(outcome, locale)
            assert f'lang="{locale}"' in page
            assert "000000" not in page or name.startswith(("auth-username", "registration-page-form"))


@pytest.mark.parametrize("name", ["sms-otp", "soft-token-enrolment", "CONFIGURE_TOTP"])
async def test_every_message_of_a_step_with_a_memory_can_be_said(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    first = remembering(login, await step.challenge(login))
    late = msgspec.structs.replace(first, now=login.now + 700)
    bench.sms.down = True
    outcomes = [
        await step.verify(first, {"resend": "1"}),
        await step.verify(late, {"code": "000000", "totp": "000000"}),
        await step.verify(late, {"resend": "1"}),
    ]
    for outcome in outcomes:
        assert isinstance(outcome, Challenge)
        for locale in ("sq", "en", "it"):
            assert rendered(outcome, locale)


@pytest.mark.parametrize("name", ASKING)
async def test_what_a_step_wants_recorded_holds_nothing_that_was_typed(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    canary = "canary-7431"
    outcome = await step.verify(remembering(login, await step.challenge(login)), dict.fromkeys(TYPED, canary))
    assert canary not in repr(outcome.events)


@pytest.mark.parametrize("name", [n for n in (*STEPS, *ACTIONS) if n not in {*SILENT, "soft-token-gate"}])
async def test_what_hands_out_something_of_value_wants_a_proof_before_it(name: str) -> None:
    step = made(name, Bench())
    steps_that_give = {"soft-token-enrolment", "reset-password", "trust-device"}
    gives_value = name != "TERMS_AND_CONDITIONS" and (name in ACTIONS or name in steps_that_give)
    assert step.contract.needs_proof is gives_value


@pytest.mark.parametrize("name", ["soft-token-enrolment", "CONFIGURE_TOTP"])
@pytest.mark.parametrize(("token", "proven"), [(False, ()), (True, ("password",)), (True, ("password", "sms-otp"))])
async def test_no_token_is_made_for_who_has_proven_too_little(
    name: str,
    *,
    token: bool,
    proven: tuple[str, ...],
) -> None:
    bench = Bench()
    user = await bench.add_user(token=token)
    step = made(name, bench)
    login = bench.login(user, proven=frozenset(proven))
    for outcome in (await step.challenge(login), await step.verify(login, {"totp": "1"})):
        assert isinstance(outcome, Failure)


async def test_no_password_is_changed_for_who_has_proven_nothing() -> None:
    bench = Bench()
    before = await bench.add_user()
    login = bench.login(before, proven=frozenset())
    new = "një fjalëkalim krejt i ri"
    outcome = await made("UPDATE_PASSWORD", bench).verify(login, {"password-new": new, "password-confirm": new})
    assert isinstance(outcome, Failure)
    assert (await bench.user()).password == before.password


async def test_the_cookie_step_can_neither_be_asked_nor_answered() -> None:
    bench = Bench()
    user = await bench.add_user()
    step = made("auth-cookie", bench)
    assert step.usable(user) is Usability.NO
    assert isinstance(await step.challenge(bench.login(user)), Failure)
    assert isinstance(await step.verify(bench.login(user), {"anything": "1"}), Failure)


@pytest.mark.parametrize("name", ["auth-otp-form", "sms-otp", "soft-token-enrolment"])
async def test_at_the_limit_the_login_begins_again_at_its_first_factor(name: str) -> None:
    bench = Bench()
    step, login = await at_the_step(name, bench)
    at_page = remembering(login, await step.challenge(login))
    limit = REALM.brute_force.failure_factor
    answer = {"otp": "000000", "totp": "000000", "code": "000000"}
    outcomes = [await step.verify(at_page, answer) for _ in range(limit + 1)]
    assert all(isinstance(outcome, Challenge) for outcome in outcomes[: limit - 1])
    for restarted in outcomes[limit - 1 :]:
        assert restarted == Restart(message=Message(key="invalid_credentials"), events=restarted.events)


async def test_every_password_check_verifies_one_hash_whoever_it_is() -> None:
    bench = Bench()
    user = await bench.add_user()
    both, alone = made("auth-username-password-form", bench), made("auth-password-form", bench)
    for form in (
        {"username": "ana", "password": PASSWORD},
        {"username": "ana", "password": "wrong"},
        {"username": "ana", "password": ""},
        {"username": "ana"},
        {"username": "nobody", "password": "x"},
        {"username": "", "password": ""},
        {"username": "nobody", "password": "x" * 2000},
    ):
        bench.quick.verified.clear()
        await both.verify(bench.login(None), form)
        assert len(bench.quick.verified) == 1, form
    for named, password in ((user, "x"), (None, "x"), (None, "")):
        bench.quick.verified.clear()
        await alone.verify(bench.login(named, attempted_username="x"), {"password": password})
        assert len(bench.quick.verified) == 1


async def test_limits_of_sessions_ask_nobody_and_cannot_be_answered() -> None:
    bench = Bench()
    user = await bench.add_user()
    step = made("user-session-limits", bench)
    assert step.usable(user) is step.usable(None) is Usability.READY
    assert await step.challenge(bench.login(user)) == Success()
    assert isinstance(await step.verify(bench.login(user), {"anything": "1"}), Failure)
