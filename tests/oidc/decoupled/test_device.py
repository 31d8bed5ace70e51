"""The device authorization endpoint: who may ask, what the answer says, and how often."""

from __future__ import annotations

import re
import secrets
from typing import Any

import httpx
import pytest

from idp.crypto.digest import digest
from idp.model.pending import DeviceRules, PendingPolicy
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, SECRET, Bank
from tests.oidc.signers import asserting, claims, signed, staff

pytestmark = pytest.mark.anyio
CODE = re.compile(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}")
FORM = {"client_id": "app", "client_secret": SECRET, "scope": "openid phone admin"}


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    bank = staff(Bank(clock))
    for client in ("app", "spa"):
        bank.change_client(client, device=DeviceRules(enabled=True))
    return bank


async def ask(bank: Bank, **form: str) -> httpx.Response:
    return await bank.post("auth/device", {**FORM, **form})


async def test_the_answer_has_two_codes_and_where_to_take_them(bank: Bank) -> None:
    reply = await ask(bank)
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = reply.json()
    assert set(answer) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert CODE.fullmatch(answer["user_code"])
    assert len(answer["device_code"]) == 43, "256 bits"
    assert answer["verification_uri"] == f"{BASE}/realms/bank/device"
    assert answer["verification_uri_complete"] == f"{BASE}/realms/bank/device?user_code={answer['user_code']}"
    assert (answer["expires_in"], answer["interval"]) == (600, 5)
    pending = await bank.stores.pending.get(digest(answer["device_code"]))
    assert pending is not None
    assert pending.scope == ("openid", "phone", "profile", "email"), "what may be asked for, and the defaults"
    assert await bank.events() == ["OAUTH2_DEVICE_AUTH"]


async def test_times_are_the_clients_before_the_realms(clock: FakeClock) -> None:
    bank = Bank(clock, pending=PendingPolicy(device_lifespan=300, device_interval=7))
    bank.change_client("app", device=DeviceRules(enabled=True))
    answer = (await ask(bank)).json()
    assert (answer["expires_in"], answer["interval"]) == (300, 7)
    bank.change_client("app", device=DeviceRules(enabled=True, code_lifespan=60, polling_interval=1))
    answer = (await ask(bank)).json()
    assert (answer["expires_in"], answer["interval"]) == (60, 1)


async def test_a_public_client_names_itself(bank: Bank) -> None:
    assert (await bank.post("auth/device", {"client_id": "spa"})).status_code == 200


async def test_a_client_proves_itself_as_at_the_token_endpoint(bank: Bank) -> None:
    wrong = await ask(bank, client_secret="wrong")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    missing = await bank.post("auth/device", {"client_id": "app"})
    assert missing.status_code == 401
    bank.change_client("robot", device=DeviceRules(enabled=True))
    form = {key: value for key, value in asserting(signed(claims(bank))).items() if key != "grant_type"}
    assert (await bank.post("auth/device", form)).status_code == 200


async def test_a_client_that_is_not_switched_on_is_refused(bank: Bank) -> None:
    bank.change_client("app", device=DeviceRules())
    reply = await ask(bank)
    assert (reply.status_code, reply.json()["error"]) == (400, "unauthorized_client")
    assert await bank.events() == ["OAUTH2_DEVICE_AUTH_ERROR"]


async def test_only_a_posted_form_is_read(bank: Bank) -> None:
    address = "/realms/bank/protocol/openid-connect/auth/device"
    assert (await bank.http.get(address, params=FORM)).status_code == 405
    assert (await bank.http.post(address, json=FORM)).json()["error"] == "invalid_request"
    twice = await bank.http.post(
        address,
        content="client_id=spa&scope=openid&scope=phone",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert twice.json()["error"] == "invalid_request"


async def test_a_stranger_cannot_fill_the_store(bank: Bank) -> None:
    statuses = {(await bank.post("auth/device", {"client_id": "spa"})).status_code for _ in range(100)}
    assert statuses == {200}
    refused = await bank.post("auth/device", {"client_id": "spa"})
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert refused.headers["retry-after"] == "60"
    assert set(await bank.events()) == {"OAUTH2_DEVICE_AUTH"}, "a refusal costs no record either"
    assert (await ask(bank)).status_code == 200, "another client is not held responsible"
    bank.clock.advance(300)
    assert (await bank.post("auth/device", {"client_id": "spa"})).status_code == 200


async def test_a_user_code_that_is_in_use_is_drawn_again(clock: FakeClock) -> None:
    drawn = iter([bytes(8), bytes(8), bytes(range(8))])
    bank = Bank(clock, random=lambda size: next(drawn) if size == 8 else secrets.token_bytes(size))
    bank.change_client("app", device=DeviceRules(enabled=True))
    assert (await ask(bank)).json()["user_code"] == "BBBB-BBBB"
    assert (await ask(bank)).json()["user_code"] == "BCDF-GHJK"


async def test_discovery_names_the_endpoint_and_the_grant(bank: Bank) -> None:
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert document["device_authorization_endpoint"] == f"{BASE}/realms/bank/protocol/openid-connect/auth/device"
    assert "urn:ietf:params:oauth:grant-type:device_code" in document["grant_types_supported"]
