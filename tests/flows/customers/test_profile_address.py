"""The address that a person without one writes into the profile."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.actions.profile import UpdateProfile
from idp.flows.step import Challenge, Success
from idp.model.flow import RequiredActionSetting
from idp.model.policies.profile import KEYCLOAK_PROFILE
from idp.model.user import User
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio

OWNER = User(id="owner", username="besa", created_at=0, email="besa@example.al", email_verified=True)
REALM = msgspec.structs.replace(demo_realm(), profile=KEYCLOAK_PROFILE)


async def write(bench: Bench, email: str) -> Challenge | Success:
    action = UpdateProfile(
        RequiredActionSetting(alias="UPDATE_PROFILE"), UpdateProfile.config_type(), realm=REALM, services=bench.services
    )
    form = {"kc-confirm": "1", "firstName": "Ana", "lastName": "Hoxha", "email": email}
    outcome = await action.verify(bench.login(await bench.user(), realm=REALM), form)
    assert isinstance(outcome, Challenge | Success)
    return outcome


async def test_the_address_of_another_customer_is_not_taken_away_from_them() -> None:
    """Of two who have one address nobody is found by it: whoever writes it ends their login and their reset."""
    bench = Bench()
    await bench.add_user()
    await bench.change(email="")
    assert await bench.stores.users.create(OWNER)
    page = await write(bench, "BESA@example.al")
    assert isinstance(page, Challenge)
    (field,) = [one for one in page.fields["fields"] if one["name"] == "email"]
    assert field["error"].key == "profile_invalid:taken"
    assert await bench.stores.users.by_email("besa@example.al") == OWNER
    assert isinstance(await write(bench, "ana@example.al"), Success)
    assert (await bench.user()).email == "ana@example.al"
    assert not (await bench.user()).email_verified


async def test_nobody_learns_from_the_form_who_else_is_a_customer() -> None:
    bench = Bench()
    await bench.add_user()
    await bench.change(email="")
    assert await bench.stores.users.create(OWNER)
    for _ in range(5):
        assert isinstance(await write(bench, OWNER.email), Challenge)
    assert isinstance(await write(bench, "nobody@example.al"), Challenge), "which reads like a customer's from here on"
