"""Grants that are polled for: what a client is told at each moment, and who gets the tokens."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from idp.crypto.digest import digest
from idp.model.oauth import AuthorizationCode
from idp.model.pending import BackchannelRules, DeviceRules, PendingAuthorization, PendingState
from idp.oidc.grants.polled import CIBA, DEVICE_CODE
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, SECRET, Bank, credentials, payload

pytestmark = pytest.mark.anyio
HANDLES = {DEVICE_CODE: "device_code", CIBA: "auth_req_id"}
BOTH = pytest.mark.parametrize("grant", [DEVICE_CODE, CIBA])


@pytest.fixture
async def bank(clock: FakeClock) -> Bank:
    bank = Bank(clock)
    for client in ("app", "other"):
        bank.change_client(client, device=DeviceRules(enabled=True), backchannel=BackchannelRules(enabled=True))
    await bank.customer()
    await bank.login()
    return bank


async def waits(bank: Bank, grant: str, handle: str = "handle", **changes: Any) -> PendingAuthorization:
    now = bank.provider.now()
    pending = PendingAuthorization(
        key=digest(handle),
        ticket=f"ticket of {handle}",
        kind="device" if grant == DEVICE_CODE else "backchannel",
        client_id="app",
        transaction_id="tx-1",
        scope=("openid", "profile"),
        created_at=now,
        expires_at=now + 600,
        interval=5,
    )
    pending = msgspec.structs.replace(pending, **changes)
    assert await bank.stores.pending.create(pending)
    return pending


async def approved(bank: Bank, grant: str, **changes: Any) -> PendingAuthorization:
    now = bank.provider.now()
    code = AuthorizationCode(
        client_id="app",
        redirect_uri="",
        user_id=ANA.id,
        sid="sid-1",
        transaction_id="tx-1",
        scope=("openid", "profile"),
        nonce=None,
        code_challenge=None,
        auth_time=now,
        acr="2fa",
        amr=("pwd", "otp"),
        issued_at=now,
        expires_at=now + 60,
        family_id="family-1",
    )
    return await waits(bank, grant, **{"state": PendingState.APPROVED, "approval": code, **changes})


async def poll(bank: Bank, grant: str, handle: str | None = "handle", client: str = "app") -> httpx.Response:
    form = {"grant_type": grant, **credentials(client)}
    return await bank.post("token", form | ({HANDLES[grant]: handle} if handle is not None else {}))


async def error(bank: Bank, grant: str, handle: str | None = "handle", client: str = "app") -> str:
    reply = await poll(bank, grant, handle, client)
    assert reply.status_code == 400, reply.text
    found: str = reply.json()["error"]
    return found


@BOTH
async def test_what_was_approved_is_worth_the_tokens_of_that_login(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    bank.clock.advance(61)  # longer than a code lives: the request's own time counts
    answer = (await poll(bank, grant)).json()
    claims = payload(answer["id_token"])
    assert claims["sub"] == ANA.id
    assert (claims["acr"], claims["amr"], claims["sid"]) == ("2fa", ["pwd", "otp"], "sid-1")
    assert "at_hash" in claims
    assert "nonce" not in claims
    assert "urn:openid:params:jwt:claim:auth_req_id" not in claims, "of pushed tokens only (CIBA Core §10.3.1)"
    assert answer["scope"] == "openid profile"
    assert (await bank.refresh(answer["refresh_token"])).status_code == 200


@BOTH
async def test_it_is_redeemed_once(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    assert (await poll(bank, grant)).status_code == 200
    assert await error(bank, grant) == "invalid_grant"


@BOTH
async def test_a_handle_of_one_grant_is_none_of_the_other(bank: Bank, grant: str) -> None:
    await approved(bank, CIBA if grant == DEVICE_CODE else DEVICE_CODE)
    assert await error(bank, grant) == "invalid_grant"


@BOTH
@pytest.mark.parametrize("handle", ["unknown", "", "x" * 5000])
async def test_an_unknown_handle_is_an_invalid_grant(bank: Bank, grant: str, handle: str) -> None:
    await waits(bank, grant)
    assert await error(bank, grant, handle) == ("invalid_grant" if handle else "invalid_request")


@BOTH
async def test_a_missing_handle_is_an_invalid_request(bank: Bank, grant: str) -> None:
    assert await error(bank, grant, None) == "invalid_request"


@BOTH
async def test_another_client_learns_nothing_and_spoils_nothing(bank: Bank, grant: str) -> None:
    for state in PendingState:
        if state is PendingState.APPROVED:
            continue
        await waits(bank, grant, state.value, state=state)
        assert await error(bank, grant, state.value, "other") == "invalid_grant"
    await approved(bank, grant)
    assert await error(bank, grant, client="other") == "invalid_grant"
    assert (await poll(bank, grant)).status_code == 200


@BOTH
async def test_an_undecided_request_is_slowed_down_and_a_decided_one_is_not(bank: Bank, grant: str) -> None:
    pending = await waits(bank, grant)
    assert await error(bank, grant) == "authorization_pending"
    assert await error(bank, grant) == "slow_down"
    stored = await bank.stores.pending.get(pending.key)
    assert stored is not None
    assert stored.interval == 10
    await bank.stores.pending.replace(msgspec.structs.replace(stored, state=PendingState.DENIED))
    assert await error(bank, grant) == "access_denied"


@BOTH
async def test_time_is_up_for_every_undecided_denied_or_approved_request(bank: Bank, grant: str) -> None:
    await waits(bank, grant, "pending")
    await waits(bank, grant, "denied", state=PendingState.DENIED)
    await approved(bank, grant)
    bank.clock.advance(600)
    for handle in ("pending", "denied", "handle"):
        assert await error(bank, grant, handle) == "expired_token"


@BOTH
async def test_a_client_whose_switch_is_off_may_not_use_the_grant(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    bank.change_client("app", device=DeviceRules(), backchannel=BackchannelRules())
    assert await error(bank, grant) == "unauthorized_client"


@BOTH
async def test_a_locked_customer_gets_nothing(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    await bank.lock_customer()
    assert await error(bank, grant) == "invalid_grant"


@BOTH
async def test_a_session_that_has_ended_takes_the_approval_with_it(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    await bank.stores.user_sessions.end("sid-1")
    assert await error(bank, grant) == "invalid_grant"


@BOTH
async def test_a_password_that_was_changed_since_takes_the_approval_with_it(bank: Bank, grant: str) -> None:
    await approved(bank, grant)
    await bank.change_customer(not_before=bank.provider.now() + 1)
    assert await error(bank, grant) == "invalid_grant"


async def test_a_client_must_prove_itself_to_poll(bank: Bank) -> None:
    await approved(bank, DEVICE_CODE)
    wrong = {"grant_type": DEVICE_CODE, "device_code": "handle", "client_id": "app", "client_secret": SECRET[::-1]}
    assert (await bank.post("token", wrong)).status_code == 401
    assert (await poll(bank, DEVICE_CODE)).status_code == 200


async def test_a_refusal_is_an_event_and_waiting_is_none(bank: Bank) -> None:
    await waits(bank, CIBA)
    await poll(bank, CIBA)
    await poll(bank, CIBA)
    assert await bank.events() == []
    await poll(bank, CIBA, "unknown")
    assert await bank.events() == ["AUTHREQID_TO_TOKEN_ERROR"]
