"""The client credentials grant: a client acts for itself, and nobody has logged in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.model.clients.assertion import KeySource
from idp.model.user import User
from idp.oidc.sessions.gate import may_go_on
from tests.fakes import FakeClock
from tests.oidc.harness import SECRET, Bank, payload
from tests.oidc.signers import JWKS, asserting, claims, signed, staff

pytestmark = pytest.mark.anyio
FORM = {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET}


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    bank = staff(Bank(clock))
    bank.change_client("app", service_account=True)
    return bank


async def granted(bank: Bank, **form: str) -> dict[str, Any]:
    reply = await bank.post("token", {**FORM, **form})
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = reply.json()
    return answer


async def test_a_client_gets_an_access_token_and_nothing_else(bank: Bank) -> None:
    answer = await granted(bank)
    assert set(answer) == {"access_token", "expires_in", "token_type", "not-before-policy", "scope"}
    found = payload(answer["access_token"])
    assert found["client_id"] == found["azp"] == found["aud"] == "app"
    assert not {"sid", "auth_time", "acr", "nonce"} & set(found), "nobody has logged in"
    assert await bank.events() == ["CLIENT_LOGIN"]


async def test_the_service_account_is_the_same_every_time_and_another_for_each_client(bank: Bank) -> None:
    first, second = [payload((await granted(bank))["access_token"])["sub"] for _ in range(2)]
    reply = await bank.post("token", asserting(signed(claims(bank))))
    assert first == second != payload(reply.json()["access_token"])["sub"]
    assert first == "d1abaa80-a0b1-5805-8751-af1b6e1e70d4"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "profile email"),
        ("phone", "phone profile email"),
        ("phone phone", "phone profile email"),
        ("openid", "profile email"),
        ("offline_access openid", "profile email"),
        ("admin phone", "phone profile email"),
    ],
)
async def test_the_scopes_are_the_clients_without_those_of_a_person(bank: Bank, asked: str, given: str) -> None:
    answer = await granted(bank, scope=asked)
    assert answer["scope"] == given == payload(answer["access_token"])["scope"]
    assert "id_token" not in answer
    assert "refresh_token" not in answer


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({"service_account": False}, 400, "unauthorized_client", id="no service account"),
        pytest.param({"enabled": False}, 401, "invalid_client", id="CVE-2025-64521 disabled client"),
        pytest.param({"secret": None}, 401, "invalid_client", id="no secret"),
    ],
)
async def test_a_client_that_may_not_is_refused(bank: Bank, changes: dict[str, Any], status: int, error: str) -> None:
    bank.change_client("app", **changes)
    reply = await bank.post("token", FORM)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_a_public_client_has_no_service_account_whatever_is_configured(bank: Bank) -> None:
    bank.change_client("spa", service_account=True)
    reply = await bank.post("token", {"grant_type": "client_credentials", "client_id": "spa"})
    assert (reply.status_code, reply.json()["error"]) == (400, "unauthorized_client")


async def test_introspection_knows_the_token_and_whose_it_is(bank: Bank) -> None:
    token = (await granted(bank))["access_token"]
    found = await bank.introspect(token)
    assert found["active"] is True
    assert found["username"] == "service-account-app"
    assert found["sub"] == payload(token)["sub"]
    assert "sid" not in found
    assert await bank.introspect(token, "other") == {"active": False}
    bank.clock.advance(301)
    assert await bank.introspect(token) == {"active": False}


@pytest.mark.parametrize("change", [{"service_account": False}, {"enabled": False}])
async def test_a_token_dies_with_the_service_account(bank: Bank, change: dict[str, Any]) -> None:
    token = (await granted(bank))["access_token"]
    bank.change_client("app", default_scopes=("openid", "profile"))
    assert (await bank.userinfo(token)).status_code == 403
    bank.change_client("app", **change)
    assert (await bank.userinfo(token)).status_code == 401


async def test_a_revoked_token_is_dead_and_the_next_one_is_not(bank: Bank) -> None:
    token, other = (await granted(bank))["access_token"], (await granted(bank))["access_token"]
    form = {"client_id": "app", "client_secret": SECRET, "token": token}
    assert (await bank.post("revoke", form)).status_code == 200
    assert await bank.introspect(token) == {"active": False}
    assert (await bank.introspect(other))["active"] is True
    assert "REVOKE_GRANT" in await bank.events()


async def test_another_client_cannot_revoke_it(bank: Bank) -> None:
    token = (await granted(bank))["access_token"]
    form = {"client_id": "other", "client_secret": "another secret of many characters", "token": token}
    assert (await bank.post("revoke", form)).status_code == 200
    assert (await bank.introspect(token))["active"] is True


async def test_userinfo_has_nothing_to_say_about_a_client(bank: Bank) -> None:
    reply = await bank.userinfo((await granted(bank, scope="openid"))["access_token"])
    assert reply.status_code == 403
    assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]


async def test_it_cannot_be_refreshed_or_used_as_a_code(bank: Bank) -> None:
    token = (await granted(bank))["access_token"]
    assert (await bank.refresh(token)).json()["error"] == "invalid_grant"
    assert (await bank.redeem(token)).json()["error"] == "invalid_grant"


async def test_a_client_with_a_key_gets_one_too(bank: Bank) -> None:
    bank.change_client("app", authentication="client-jwt", keys=KeySource(jwks=JWKS))
    assert (await bank.post("token", FORM)).status_code == 401
    assert (await bank.post("token", asserting(signed(claims(bank, "app"))))).status_code == 200


async def test_a_customers_token_is_not_a_clients(bank: Bank) -> None:
    """A token of a login has a session; without one it counts only for the service account itself."""
    token = (await bank.tokens())["access_token"]
    assert (await bank.introspect(token))["username"] == "ana"
    await bank.stores.user_sessions.end("sid-1")
    assert await bank.introspect(token) == {"active": False}


ROBOT = User(
    id="a-known-id", username="service-account-app", created_at=1, service_account_of="app", realm_roles=("customer",)
)


async def test_a_service_account_that_keycloak_brought_keeps_its_id_and_its_roles(bank: Bank) -> None:
    assert await bank.stores.users.create(ROBOT)
    token = (await granted(bank))["access_token"]
    assert payload(token)["sub"] == "a-known-id"
    assert (await bank.introspect(token))["sub"] == "a-known-id"


async def test_a_user_who_only_has_the_name_is_no_service_account(bank: Bank) -> None:
    assert await bank.stores.users.create(msgspec.structs.replace(ROBOT, service_account_of=""))
    assert payload((await granted(bank))["access_token"])["sub"] != "a-known-id"


async def test_a_service_account_that_is_switched_off_gets_nothing_and_its_tokens_are_dead(bank: Bank) -> None:
    assert await bank.stores.users.create(ROBOT)
    token = (await granted(bank))["access_token"]
    assert await bank.stores.users.replace(msgspec.structs.replace(ROBOT, enabled=False))
    reply = await bank.post("token", FORM)
    assert (reply.status_code, reply.json()["error"]) == (400, "unauthorized_client")
    assert await bank.introspect(token) == {"active": False}


async def test_nobody_goes_on_as_a_service_account(bank: Bank) -> None:
    assert await bank.stores.users.create(ROBOT)
    assert await may_go_on(bank.provider, ROBOT.id) is None
