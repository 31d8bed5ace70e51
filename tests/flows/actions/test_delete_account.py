"""Who may end an account."""

from __future__ import annotations

import pytest

from idp.flows.actions.delete_account import DeleteAccount
from idp.flows.step import Challenge, Failure
from idp.model.flow import RequiredActionSetting
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("token", "proven", "deletes"),
    [
        (False, (), False),
        (False, ("password",), True),
        (True, ("password",), False),
        (True, ("password", "sms-otp"), False),
        (True, ("password", "otp"), True),
    ],
)
async def test_an_account_ends_by_nothing_less_than_what_its_credentials_are_given_up_by(
    *, token: bool, proven: tuple[str, ...], deletes: bool
) -> None:
    """CVE-2026-3429, for all credentials at once: a password alone must not end an account that has a token."""
    bench = Bench()
    user = await bench.add_user(token=token)
    setting = RequiredActionSetting(alias="delete_account")
    action = DeleteAccount(setting, DeleteAccount.config_type(), realm=demo_realm(), services=bench.services)
    login = bench.login(user, proven=frozenset(proven))
    assert isinstance(await action.challenge(login), Challenge if deletes else Failure)
    assert isinstance(await action.verify(login, {"kc-delete": "1"}), Failure), "and never ends in a session"
    assert (await bench.stores.users.by_id(user.id) is None) is deletes
