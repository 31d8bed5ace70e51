"""A credential is given up by its owner, with a strong factor and never with less."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.actions.delete_credential import DeleteCredential
from idp.flows.step import Challenge, Failure, Success
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.flow import RequiredActionSetting
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio

ALIAS = "delete_credential"
KEY = WebAuthnCredential(
    id="key-1", key_id=b"k", public_key=b"p", counter=0, created_at=0, passwordless=False, label="Çelësi blu"
)
REMOVE = {"accept": "1", "selectedCredentialId": "key-1"}


def action(bench: Bench) -> DeleteCredential:
    setting = RequiredActionSetting(alias=ALIAS)
    return DeleteCredential(setting, DeleteCredential.config_type(), realm=demo_realm(), services=bench.services)


async def owner(bench: Bench) -> None:
    user = await bench.add_user(token=True, required_actions=(ALIAS,))
    await bench.change(credentials=(*user.credentials, KEY))


@pytest.mark.parametrize("proven", [(), ("password",), ("password", "sms-otp"), ("email",), ("webauthn-passwordless",)])
async def test_nothing_is_given_up_for_less_than_a_strong_factor_of_the_users_own(proven: tuple[str, ...]) -> None:
    """CVE-2026-3429."""
    bench = Bench()
    await owner(bench)
    before = await bench.user()
    login = bench.login(before, proven=frozenset(proven))
    assert isinstance(await action(bench).challenge(login), Failure)
    for answer in (REMOVE, {"cancel-aia": "1"}, {}):
        assert isinstance(await action(bench).verify(login, answer), Failure)
    assert await bench.user() == before


@pytest.mark.parametrize("factor", ["otp", "webauthn"])
async def test_one_strong_factor_gives_up_another_or_itself(factor: str) -> None:
    bench = Bench()
    await owner(bench)
    login = bench.login(await bench.user(), proven=frozenset({"password", factor}))
    page = await action(bench).challenge(login)
    assert isinstance(page, Challenge)
    assert [(c["kind"], c["label"]) for c in page.fields["credentials"]] == [
        ("otp", "token-1"),
        ("webauthn", "Çelësi blu"),
    ], "a password is none of them"
    outcome = await action(bench).verify(login, REMOVE)
    assert isinstance(outcome, Success)
    assert outcome.events[0].detail == {"credential_type": "webauthn", "credential_id": "key-1"}
    after = await bench.user()
    assert (after.security_keys, len(after.otps), after.required_actions) == ((), 1, ())
    assert after.password is not None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"accept": "1"},
        {"accept": "1", "selectedCredentialId": "password-1"},
        {"accept": "1", "selectedCredentialId": "nobodys"},
        {"selectedCredentialId": "key-1"},
    ],
)
async def test_what_was_not_chosen_stays(answer: dict[str, str]) -> None:
    bench = Bench()
    await owner(bench)
    before = await bench.user()
    outcome = await action(bench).verify(bench.login(before), answer)
    assert isinstance(outcome, Challenge)
    assert await bench.user() == before


async def test_who_keeps_everything_is_not_asked_again() -> None:
    bench = Bench()
    await owner(bench)
    assert isinstance(await action(bench).verify(bench.login(await bench.user()), {"cancel-aia": "1"}), Success)
    after = await bench.user()
    assert (len(after.credentials), after.required_actions) == (3, ())


async def test_who_has_nothing_to_give_up_is_not_asked() -> None:
    bench = Bench()
    user = await bench.add_user()
    login = msgspec.structs.replace(bench.login(user), proven=frozenset({"password"}))
    assert isinstance(await action(bench).challenge(login), Success)


async def test_an_application_that_names_one_credential_offers_that_one_alone() -> None:
    """`kc_action=delete_credential:key-1`."""
    bench = Bench()
    await owner(bench)
    login = bench.login(await bench.user(), proven=frozenset({"password", "otp"}), action_parameter="key-1")
    page = await action(bench).challenge(login)
    assert isinstance(page, Challenge)
    assert [c["id"] for c in page.fields["credentials"]] == ["key-1"]
    assert isinstance(await action(bench).verify(login, {**REMOVE, "selectedCredentialId": "token-1"}), Challenge)
    assert len((await bench.user()).otps) == 1
    assert isinstance(await action(bench).verify(login, REMOVE), Success)
