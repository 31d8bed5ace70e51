"""How many forms one subscriber may send to become a customer."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.step import Challenge, Success
from idp.flows.steps.registration import ACCOUNT, RegistrationForm
from idp.flows.tree import Execution
from idp.model.flow import Requirement
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio

PART = Execution(id="account", authenticator=ACCOUNT, requirement=Requirement.REQUIRED)
FORM = Execution(id="form", authenticator="registration-page-form", requirement=Requirement.REQUIRED, form=(PART,))


async def test_a_line_with_many_addresses_has_one_budget() -> None:
    """Each form may tell whether a name is taken, and a line at home has 2⁶⁴ addresses of IPv6."""
    bench = Bench()
    step = RegistrationForm(FORM, RegistrationForm.config_type(), realm=demo_realm(), services=bench.services)
    told = []
    for number in range(21):
        login = bench.login(None, address=f"2001:db8::{number + 1:x}")
        page = await step.verify(login, {})
        assert isinstance(page, Challenge)
        told.append(page.message.key if page.message is not None else "")
    assert told == [""] * 20 + ["too_many_registrations"]


@pytest.mark.parametrize("duplicates", [False, True])
async def test_of_two_who_register_one_address_at_once_one_gets_it(*, duplicates: bool) -> None:
    bench = Bench()
    realm = msgspec.structs.replace(demo_realm(), duplicate_emails=duplicates)
    assert await bench.services.users.reserve_address("New@example.al", "the other login")
    step = RegistrationForm(FORM, RegistrationForm.config_type(), realm=realm, services=bench.services)
    form = {
        "username": "new",
        "email": "new@example.al",
        "firstName": "N",
        "lastName": "E",
        "phoneNumber": "+355691234567",
    }
    outcome = await step.verify(bench.login(None, realm=realm), form)
    assert isinstance(outcome, Success if duplicates else Challenge)
    found = await bench.services.users.by_username("new")
    assert (found is not None) is duplicates
