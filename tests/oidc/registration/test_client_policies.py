"""Client policies at the door of registration: what they set, what they refuse, and that nobody leaves them."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.policy import ClientPolicy, PolicyPart
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.registration.registering import OPEN, initial_token, manage, refusal, registered, registrar, send
from tests.oidc.registration.test_management import update

pytestmark = pytest.mark.anyio


def policy(executor: str, source: str | None = None, **configuration: Any) -> ClientPolicy:
    named = {name.replace("_", "-"): value for name, value in configuration.items()}
    condition = (
        PolicyPart(name="any-client")
        if source is None
        else PolicyPart(name="client-updater-context", configuration={"update-client-source": [source]})
    )
    return ClientPolicy(
        name="theirs", conditions=(condition,), executors=(PolicyPart(name=executor, configuration=named),)
    )


async def under(clock: FakeClock, *policies: ClientPolicy) -> Bank:
    return await registrar(clock, OPEN, client_policies=policies)


async def test_a_policy_sets_what_a_registration_left_out(clock: FakeClock) -> None:
    bank = await under(clock, policy("pkce-enforcer", auto_configure=True))
    made = bank.provider.client((await registered(bank))["client_id"])
    assert made is not None
    assert made.pkce_required


async def test_a_policy_refuses_what_it_forbids(clock: FakeClock) -> None:
    signed = policy("secure-client-authenticator", allowed_client_authenticators=["client-jwt"])
    bank = await under(clock, signed)
    assert refusal(await send(bank)) == (400, "invalid_client_metadata")
    assert await bank.stores.registered_clients.all() == []


async def test_an_update_cannot_leave_a_policy(clock: FakeClock) -> None:
    bank = await under(clock, policy("pkce-enforcer", auto_configure=True))
    client = await registered(bank)
    answer = (await manage(bank, "PUT", client, json=update(client, client_name="Changed"))).json()
    made = bank.provider.client(answer["client_id"])
    assert made is not None
    assert made.name == "Changed"
    assert made.pkce_required


async def test_a_policy_for_strangers_is_about_them_only_and_for_good(clock: FakeClock) -> None:
    signed = policy("secure-client-authenticator", "ByAnonymous", allowed_client_authenticators=["client-jwt"])
    bank = await under(clock, signed)
    assert refusal(await send(bank)) == (400, "invalid_client_metadata")
    assert (await registered(bank, await initial_token(bank)))["client_secret"]
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    client = await registered(bank, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key]})
    detour = update(client, token_endpoint_auth_method="client_secret_basic")
    assert refusal(await manage(bank, "PUT", client, json=detour)) == (400, "invalid_client_metadata")
