"""Keys are enrolled and judged: exact challenge, origin and relying party, a counter that grows, the policy."""

from __future__ import annotations

import base64
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.flows.actions.webauthn_register import MOST_KEYS, RegisterPasskey, RegisterSecurityKey
from idp.flows.outcomes import _proven
from idp.flows.step import Authenticator, Challenge, Failure, Login, Outcome, Restart, Success
from idp.flows.steps.webauthn import Passkey, SecurityKey
from idp.flows.strength.levels import level_of
from idp.flows.tree import Execution
from idp.flows.webauthn.domains import foreign_domains
from idp.flows.webauthn.factors import PASSKEY, SECURITY_KEY, UNLOCKING
from idp.flows.webauthn.passkeys import COUNTER
from idp.model.credentials.webauthn import WebAuthnCredential, WebAuthnPolicy
from idp.model.flow import Evidence, RequiredActionSetting, Requirement
from idp.model.realm import Realm
from idp.model.user import User
from tests.authenticator import SoftwareKey
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio

REALM = demo_realm()
HERE = Execution(id="here", authenticator="webauthn-authenticator", requirement=Requirement.REQUIRED)
PROVEN = frozenset({"password"})


def under(**policy: Any) -> Realm:
    """The demo's realm with this policy for both kinds of keys."""
    made = WebAuthnPolicy(**policy)
    return msgspec.structs.replace(REALM, webauthn=made, webauthn_passwordless=made)


def answered(login: Login) -> Login:
    """The login as it is when the answer to its page is judged."""
    return msgspec.structs.replace(login, answers=login.answers + 1)


def registration(bench: Bench, realm: Realm, *, passwordless: bool) -> RegisterSecurityKey | RegisterPasskey:
    kind = RegisterPasskey if passwordless else RegisterSecurityKey
    setting = RequiredActionSetting(alias="webauthn-register" + ("-passwordless" if passwordless else ""))
    return kind(setting, kind.config_type(), realm=realm, services=bench.services)


async def enrol(
    bench: Bench, key: SoftwareKey, *, passwordless: bool = False, realm: Realm = REALM, **changed: Any
) -> Outcome:
    """Go through the page of the action; `changed` is what the authenticator gets wrong."""
    action = registration(bench, realm, passwordless=passwordless)
    user = await bench.user()
    proven = changed.pop("proven", PROVEN | set(_held(user)))
    login = bench.login(user, realm=realm, proven=proven, answers=3)
    page = await action.challenge(login)
    if isinstance(page, Failure):
        return page
    assert isinstance(page, Challenge)
    return await action.verify(answered(login), key.create(page.fields["creation"], **changed))


def _held(user: User) -> list[str]:
    return ["webauthn"] * bool(user.security_keys) + ["webauthn-passwordless"] * bool(user.passkeys)


async def log_in(
    bench: Bench, key: SoftwareKey, *, passwordless: bool = False, realm: Realm = REALM, **changed: Any
) -> Outcome:
    """Go through the page of the step."""
    kind = Passkey if passwordless else SecurityKey
    step = kind(HERE, kind.config_type(), realm=realm, services=bench.services)
    user = None if passwordless else await bench.user()
    login = bench.login(user, realm=realm, proven=PROVEN, answers=1)
    page = await step.challenge(login)
    assert isinstance(page, Challenge)
    answer = {**key.get(page.fields["request"], **changed), **changed.get("fields", {})}
    return await step.verify(answered(login), answer)


async def enrolled(*, passwordless: bool = False, realm: Realm = REALM, **of_key: Any) -> tuple[Bench, SoftwareKey]:
    bench, key = Bench(), SoftwareKey(**of_key)
    await bench.add_user()
    outcome = await enrol(bench, key, passwordless=passwordless, realm=realm)
    assert isinstance(outcome, Success), outcome
    return bench, key


async def the_key(bench: Bench) -> WebAuthnCredential:
    (key,) = (await bench.user()).credentials_of(WebAuthnCredential)
    return key


@pytest.mark.parametrize("passwordless", [False, True])
async def test_a_key_is_enrolled_and_logs_its_user_in(*, passwordless: bool) -> None:
    bench, key = await enrolled(passwordless=passwordless)
    kept = await the_key(bench)
    assert (kept.passwordless, kept.key_id, kept.transports) == (passwordless, key.key_id, ("usb", "internal"))
    outcome = await log_in(bench, key, passwordless=passwordless)
    assert isinstance(outcome, Success)
    assert outcome.credential_id == kept.id
    assert outcome.user_id == ("user-1" if passwordless else None)
    assert (await the_key(bench)).counter == key.counter


@pytest.mark.parametrize("passwordless", [False, True])
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"origin": "https://bank.evil.example"}, id="another origin"),
        pytest.param({"origin": "http://localhost:8081"}, id="another port"),
        pytest.param({"origin": "http://localhost:8080/"}, id="not exactly our origin"),
        pytest.param({"rp_id": "evil.example"}, id="another relying party"),
        pytest.param({"challenge": "AAAA"}, id="another challenge"),
    ],
)
async def test_what_was_made_for_something_else_is_neither_enrolled_nor_let_in(
    wrong: dict[str, Any], *, passwordless: bool
) -> None:
    bench, key = await enrolled(passwordless=passwordless)
    before = await bench.user()
    for kind in (wrong, {"kind": "webauthn.create"}):
        outcome = await log_in(bench, key, passwordless=passwordless, **kind)
        assert isinstance(outcome, Challenge)
        assert outcome.message is not None
        assert outcome.message.key == "webauthn_refused"
        assert outcome.events
    for kind in (wrong, {"kind": "webauthn.get"}):
        outcome = await enrol(bench, SoftwareKey(), passwordless=passwordless, **kind)
        assert isinstance(outcome, Challenge)
        assert outcome.message is not None
        assert outcome.message.key == "webauthn_not_registered"
    assert await bench.user() == before


async def test_an_answer_is_good_for_one_page_of_one_tab_and_step() -> None:
    bench, key = await enrolled()
    step = SecurityKey(HERE, SecurityKey.config_type(), realm=REALM, services=bench.services)
    login = bench.login(await bench.user(), proven=PROVEN, answers=1)
    page = await step.challenge(login)
    assert isinstance(page, Challenge)
    answer = key.get(page.fields["request"])
    for other in (
        msgspec.structs.replace(login, answers=3),
        msgspec.structs.replace(login, answers=1),
        msgspec.structs.replace(answered(login), ceremony="tab-2"),
        msgspec.structs.replace(answered(login), execution="elsewhere"),
        msgspec.structs.replace(answered(login), user=msgspec.structs.replace(await bench.user(), id="user-2")),
    ):
        assert not isinstance(await step.verify(other, answer), Success)
    assert isinstance(await step.verify(answered(login), answer), Success)


async def test_a_key_used_in_another_sites_frame_lets_nobody_in() -> None:
    bench, key = await enrolled(passwordless=True)
    assert not isinstance(await log_in(bench, key, passwordless=True, cross_origin=True), Success)
    assert isinstance(await log_in(bench, key, passwordless=True, cross_origin=False), Success)


@pytest.mark.parametrize("passwordless", [False, True])
async def test_a_cloned_key_shows_by_its_counter(*, passwordless: bool) -> None:
    bench, key = await enrolled(passwordless=passwordless)
    key.counter = 40
    assert isinstance(await log_in(bench, key, passwordless=passwordless), Success)
    for clone in (40, 20):  # the next answer has the same counter, or an older one
        key.counter = clone
        outcome = await log_in(bench, key, passwordless=passwordless)
        assert isinstance(outcome, Challenge)
        assert COUNTER in {event.error for event in outcome.events}
    assert (await the_key(bench)).counter == 41
    key.counter = 41
    assert isinstance(await log_in(bench, key, passwordless=passwordless), Success)


async def test_of_two_answers_with_one_counter_one_counts() -> None:
    bench, key = await enrolled(passwordless=True)
    outcomes: list[Outcome] = []

    async def attempt() -> None:
        key.counter = 7
        outcomes.append(await log_in(bench, key, passwordless=True))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(attempt)
    assert [isinstance(outcome, Success) for outcome in outcomes].count(True) == 1


async def test_a_passkey_that_counts_nothing_may_be_used_again() -> None:
    bench, key = await enrolled(passwordless=True, counts=False)
    for _ in range(3):
        assert isinstance(await log_in(bench, key, passwordless=True), Success)


@pytest.mark.parametrize("passwordless", [False, True])
async def test_required_unlocking_is_checked_and_not_just_asked_for(*, passwordless: bool) -> None:
    realm = under(user_verification="required")
    bench, key = await enrolled(passwordless=passwordless, realm=realm)
    key.verified = False
    assert not isinstance(await log_in(bench, key, passwordless=passwordless, realm=realm), Success)
    locked = SoftwareKey(verified=False)
    assert not isinstance(await enrol(bench, locked, passwordless=passwordless, realm=realm), Success)
    lax = under(user_verification="preferred")
    assert isinstance(await log_in(bench, key, passwordless=passwordless, realm=lax), Success)


async def names_proven(bench: Bench, key: SoftwareKey, realm: Realm = REALM) -> tuple[list[str], int, tuple[str, ...]]:
    outcome = await log_in(bench, key, passwordless=True, realm=realm)
    assert isinstance(outcome, Success)
    proven = _proven(Passkey.contract, outcome)
    evidence = [
        Evidence(
            execution="here", factor=f.name, category=f.category, channel=f.channel, amr=f.amr, at=0, ceremony="tab"
        )
        for f in proven
    ]
    return [f.name for f in proven], level_of(evidence), proven[0].amr


async def test_an_unlocked_key_that_cannot_be_copied_is_two_elements() -> None:
    """RTS (EU) 2018/389 Art. 4(1): possession and knowledge, of one gesture (decision 0026)."""
    lax = under(user_verification="preferred")
    bench, key = await enrolled(passwordless=True, realm=lax)
    assert await names_proven(bench, key, lax) == ([PASSKEY.name, UNLOCKING.name], 2, ("pop", "user"))
    key.verified = False
    assert await names_proven(bench, key, lax) == ([PASSKEY.name], 1, ("pop", "user"))


async def test_a_synced_passkey_is_one_element_unless_the_realm_says_otherwise() -> None:
    bench, key = await enrolled(passwordless=True, synced=True)
    assert (await the_key(bench)).backup_eligible
    assert await names_proven(bench, key) == ([PASSKEY.name], 1, ("swk", "user"))
    generous = under(synced="two-factors")
    assert await names_proven(bench, key, generous) == ([PASSKEY.name, UNLOCKING.name], 2, ("swk", "user"))


async def test_a_realm_may_refuse_synced_passkeys() -> None:
    strict = under(synced="refused")
    bench, key = await enrolled(passwordless=True, synced=True)
    assert not isinstance(await log_in(bench, key, passwordless=True, realm=strict), Success)
    assert not isinstance(await enrol(bench, SoftwareKey(synced=True), passwordless=True, realm=strict), Success)
    assert isinstance(await enrol(bench, SoftwareKey(), passwordless=True, realm=strict), Success)


async def test_a_key_never_becomes_one_that_can_be_copied() -> None:
    bench, key = await enrolled(passwordless=True)
    key.synced = True
    assert not isinstance(await log_in(bench, key, passwordless=True), Success)


async def test_only_acceptable_models_are_enrolled() -> None:
    wanted = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
    realm = under(acceptable_aaguids=(wanted,))
    bench = Bench()
    await bench.add_user()
    assert not isinstance(await enrol(bench, SoftwareKey(), realm=realm), Success)
    right = SoftwareKey(aaguid=bytes.fromhex(wanted.replace("-", "")))
    assert isinstance(await enrol(bench, right, realm=realm), Success)


async def test_a_realm_that_wants_models_attested_takes_no_key_without() -> None:
    bench = Bench()
    await bench.add_user()
    assert not isinstance(await enrol(bench, SoftwareKey(), realm=under(attestation="direct")), Success)
    assert isinstance(await enrol(bench, SoftwareKey(), realm=under(attestation="indirect")), Success)


async def test_keys_of_algorithms_that_were_not_asked_for_are_not_taken() -> None:
    bench = Bench()
    await bench.add_user()
    assert not isinstance(await enrol(bench, SoftwareKey(), realm=under(algorithms=("RS256",))), Success)


async def test_another_origin_is_taken_where_the_policy_names_it() -> None:
    app = "https://app.bank.al"
    bench = Bench()
    await bench.add_user()
    assert not isinstance(await enrol(bench, SoftwareKey(origin=app)), Success)
    assert isinstance(await enrol(bench, SoftwareKey(origin=app), realm=under(extra_origins=(app,))), Success)


async def test_an_authenticator_of_another_attachment_is_not_taken() -> None:
    bench = Bench()
    await bench.add_user()
    realm = under(attachment="platform")
    action = registration(bench, realm, passwordless=False)
    login = bench.login(await bench.user(), realm=realm, proven=PROVEN, answers=1)
    page = await action.challenge(login)
    assert isinstance(page, Challenge)
    for said, taken in (("cross-platform", False), ("platform", True)):
        answer = {**SoftwareKey().create(page.fields["creation"]), "authenticatorAttachment": said}
        assert isinstance(await action.verify(answered(login), answer), Success) is taken


async def test_a_second_factor_that_says_it_is_somebody_elses_is_refused() -> None:
    bench, key = await enrolled()
    assert not isinstance(await log_in(bench, key, fields={"userHandle": "bm9ib2R5"}), Success)
    assert isinstance(await log_in(bench, key, fields={"userHandle": ""}), Success)


async def test_a_key_of_the_same_authenticator_is_excluded_where_the_policy_says_so() -> None:
    realm = under(avoid_same_authenticator=True, timeout=90)
    bench, _ = await enrolled(realm=realm)
    action = registration(bench, realm, passwordless=False)
    page = await action.challenge(bench.login(await bench.user(), realm=realm, proven=PROVEN | {"webauthn"}))
    assert isinstance(page, Challenge)
    options = msgspec.json.decode(page.fields["creation"])
    assert len(options["excludeCredentials"]) == 1
    assert options["timeout"] == 90_000
    assert "ana" not in base64.urlsafe_b64decode(options["user"]["id"] + "==").decode(), "the handle is nobody's name"


async def test_a_key_is_registered_once_and_keys_are_not_without_end() -> None:
    bench, key = await enrolled()
    key.counter = 0
    assert not isinstance(await enrol(bench, key), Success)
    for _ in range(MOST_KEYS - 1):
        assert isinstance(await enrol(bench, SoftwareKey()), Success)
    assert not isinstance(await enrol(bench, SoftwareKey()), Success)


@pytest.mark.parametrize("passwordless", [False, True])
@pytest.mark.parametrize("proven", [(), ("sms-otp",), ("email", "sms-otp")])
async def test_no_key_for_who_has_proven_nothing_or_a_message_alone(
    proven: tuple[str, ...], *, passwordless: bool
) -> None:
    bench = Bench()
    await bench.add_user()
    outcome = await enrol(bench, SoftwareKey(), passwordless=passwordless, proven=frozenset(proven))
    assert isinstance(outcome, Failure)


async def test_a_password_alone_adds_no_key_beside_a_strong_factor() -> None:
    """CVE-2023-3597."""
    bench, _ = await enrolled()
    assert isinstance(await enrol(bench, SoftwareKey(), proven=PROVEN), Failure)
    assert isinstance(await enrol(bench, SoftwareKey(), passwordless=True, proven=PROVEN), Failure)
    assert isinstance(await enrol(bench, SoftwareKey(), proven=PROVEN | {"webauthn"}), Success)
    other = Bench()
    await other.add_user(token=True)
    assert isinstance(await enrol(other, SoftwareKey(), proven=PROVEN), Failure)
    assert isinstance(await enrol(other, SoftwareKey(), proven=PROVEN | {"otp"}), Success)


async def test_an_enrolment_that_was_open_before_another_factor_came_ends_without_a_key() -> None:
    bench = Bench()
    await bench.add_user()
    action = registration(bench, REALM, passwordless=False)
    login = bench.login(await bench.user(), proven=PROVEN, answers=1)
    page = await action.challenge(login)
    assert isinstance(page, Challenge)
    assert isinstance(await enrol(bench, SoftwareKey()), Success)
    outcome = await action.verify(answered(login), SoftwareKey().create(page.fields["creation"]))
    assert not isinstance(outcome, Success)
    assert len((await bench.user()).security_keys) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"userHandle": ""},
        {"userHandle": "bm9ib2R5"},
        {"userHandle": "%%%"},
        {"userHandle": "/w"},
        {"credentialId": "AAAA"},
        {"credentialId": ""},
        {"signature": "AAAA"},
        {"authenticatorData": "AAAA"},
        {"clientDataJSON": "AAAA"},
    ],
)
async def test_every_passkey_that_is_not_accepted_reads_the_same(fields: dict[str, str]) -> None:
    bench, key = await enrolled(passwordless=True)
    outcome = await log_in(bench, key, passwordless=True, fields=fields)
    assert isinstance(outcome, Challenge)
    assert outcome.message is not None
    assert outcome.message.key == "webauthn_refused"


async def test_who_is_disabled_or_locked_is_not_let_in_by_a_passkey() -> None:
    bench, key = await enrolled(passwordless=True)
    await bench.change(enabled=False)
    assert not isinstance(await log_in(bench, key, passwordless=True), Success)
    await bench.change(enabled=True)
    assert isinstance(await log_in(bench, key, passwordless=True), Success)
    for _ in range(REALM.brute_force.failure_factor):
        await bench.stores.attempts.hit("user-1", "password", policy=REALM.brute_force, now=bench.now)
    assert not isinstance(await log_in(bench, key, passwordless=True), Success)


async def test_wrong_signatures_count_as_a_second_factor_and_lock_nobody_out_of_a_passkey() -> None:
    bench, key = await enrolled()
    outcomes = [
        await log_in(bench, key, origin="https://evil.example") for _ in range(REALM.brute_force.failure_factor)
    ]
    assert isinstance(outcomes[-1], Restart)
    assert isinstance(await log_in(bench, key), Restart), "the right key too"
    other, passkey = await enrolled(passwordless=True)
    for _ in range(REALM.brute_force.failure_factor * 2):
        await log_in(other, passkey, passwordless=True, origin="https://evil.example")
    assert isinstance(await log_in(other, passkey, passwordless=True), Success)


async def test_a_key_of_one_kind_does_not_serve_as_the_other() -> None:
    bench, key = await enrolled()
    assert not isinstance(await log_in(bench, key, passwordless=True), Success)
    bench, key = await enrolled(passwordless=True)
    outcome = await log_in(bench, key)
    assert not isinstance(outcome, Success)


async def test_a_passkeys_page_lists_no_keys_and_a_second_factors_page_names_them_to_who_has_proven_a_first() -> None:
    bench, _ = await enrolled()
    step = SecurityKey(HERE, SecurityKey.config_type(), realm=REALM, services=bench.services)
    for proven, shown in ((PROVEN, 1), (frozenset(), 0)):
        page = await step.challenge(bench.login(await bench.user(), proven=proven))
        assert isinstance(page, Challenge)
        assert len(page.fields["keys"]) == shown
    bench, _ = await enrolled(passwordless=True)
    passkey = Passkey(HERE, Passkey.config_type(), realm=REALM, services=bench.services)
    page = await passkey.challenge(bench.login(await bench.user()))
    assert isinstance(page, Challenge)
    assert '"allowCredentials":[]' in page.fields["request"]


ANY_TEXT = st.text(max_size=300)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {"authenticatorData": ANY_TEXT.filter(bool), "attestationObject": ANY_TEXT.filter(bool)},
        optional=dict.fromkeys(
            ("clientDataJSON", "signature", "credentialId", "userHandle", "publicKeyCredentialId", "transports"),
            ANY_TEXT,
        ),
    )
)
def test_no_form_whatever_it_holds_passes_or_breaks_a_page_of_keys(answer: dict[str, str]) -> None:
    async def tried() -> None:
        bench, _ = await enrolled(passwordless=True)
        user = await bench.user()
        login = bench.login(user, proven=PROVEN | {PASSKEY.name}, answers=1)
        steps: list[Authenticator] = [
            Passkey(HERE, Passkey.config_type(), realm=REALM, services=bench.services),
            SecurityKey(HERE, SecurityKey.config_type(), realm=REALM, services=bench.services),
            registration(bench, REALM, passwordless=True),
            registration(bench, REALM, passwordless=False),
        ]
        for step in steps:
            assert isinstance(await step.verify(login, answer), Challenge)
        assert await bench.user() == user

    anyio.run(tried)


@pytest.mark.parametrize(
    ("domain", "host", "refused"),
    [
        ("", "login.bank.al", False),
        ("login.bank.al", "login.bank.al", False),
        ("bank.al", "login.bank.al", False),
        ("login.bank.al", "bank.al", True),
        ("ank.al", "login.bank.al", True),
        ("bank.example", "login.bank.al", True),
    ],
)
def test_a_domain_that_is_not_above_the_host_is_told(domain: str, host: str, *, refused: bool) -> None:
    assert foreign_domains(under(rp_id=domain), host) == ((domain,) if refused else ())


def test_the_contract_says_what_the_steps_prove() -> None:
    assert SecurityKey.contract.ways == ((SECURITY_KEY,),)
    assert Passkey.contract.ways == ((PASSKEY,), (PASSKEY, UNLOCKING))
