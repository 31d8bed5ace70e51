"""The name of an account that is made for who comes from another provider."""

from __future__ import annotations

import msgspec
import pytest

from idp.flows.step import Failure, Success
from idp.flows.steps.first_broker_login import CreateUserIfUnique
from idp.flows.steps.password import find_user
from idp.flows.tree import Execution
from idp.model.clients.assertion import KeySource
from idp.model.flow import Requirement
from idp.model.secret import Secret
from idp.model.trusted.upstream import Arrival, FederatedIdentity, UpstreamProvider
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio
HERE = Execution(id="here", authenticator="idp-create-user-if-unique", requirement=Requirement.REQUIRED)

OTHER = UpstreamProvider(
    alias="other",
    issuer="https://other.example",
    authorization_url="https://other.example/authorize",
    token_url="https://other.example/token",
    keys=KeySource(jwks_url="https://other.example/jwks"),
    client_id="hyrja",
    client_secret=Secret("a secret"),
)
REALM = msgspec.structs.replace(demo_realm(), upstreams={"other": OTHER}, login_with_email=True)


@pytest.mark.parametrize(
    ("name", "email", "made"),
    [
        ("ana@example.al", "thief@example.al", False),
        ("ana@example.al", "", False),
        ("Thief@example.al", "thief@example.al", True),
        ("thief", "thief@example.al", True),
    ],
)
async def test_nobody_is_named_by_the_address_of_somebody_else(name: str, email: str, *, made: bool) -> None:
    """At many providers people choose their names: one that is a customer's address would catch their logins here."""
    bench = Bench()
    await bench.add_user()
    await bench.change(email="ana@example.al", email_verified=True)
    came = Arrival(
        identity=FederatedIdentity(alias="other", subject="1", username=name), execution="x", at=0, email=email
    )
    step = CreateUserIfUnique(HERE, CreateUserIfUnique.config_type(), realm=REALM, services=bench.services)
    outcome = await step.challenge(bench.login(None, realm=REALM, arrival=came))
    assert isinstance(outcome, Success if made else Failure)
    found = await find_user(REALM, bench.services, "ana@example.al")
    assert found is not None
    assert found.id == "user-1"


@pytest.mark.parametrize("duplicates", [False, True])
async def test_of_two_who_come_with_one_address_at_once_one_gets_the_account(*, duplicates: bool) -> None:
    """Nobody would be found by an address that two have: neither could reset a password or log in by it."""
    bench = Bench()
    realm = msgspec.structs.replace(REALM, duplicate_emails=duplicates)
    assert await bench.services.users.reserve_address("New@example.al", "the other login")
    identity = FederatedIdentity(alias="other", subject="1", username="new")
    came = Arrival(identity=identity, execution="x", at=0, email="new@example.al")
    step = CreateUserIfUnique(HERE, CreateUserIfUnique.config_type(), realm=realm, services=bench.services)
    outcome = await step.challenge(bench.login(None, realm=realm, arrival=came))
    assert isinstance(outcome, Success if duplicates else Failure)
