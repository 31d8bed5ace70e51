"""Deciding a request: once, in time, and only by whom it was meant for; whoever else has checked that before."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from idp.model.oauth import Approval, AuthorizationCode
from idp.model.pending import PendingAuthorization, PendingState
from idp.oidc.decoupled.decision import approve, deny, undecided
from idp.oidc.errors import OAuthError
from tests.oidc.harness import ANA, Bank

pytestmark = pytest.mark.anyio
APPROVAL = Approval(key="key", kind="backchannel", transaction_id="tx-1")


async def waits(bank: Bank, **changes: Any) -> None:
    now = bank.provider.now()
    pending = PendingAuthorization(
        key="key",
        ticket="ticket",
        kind="backchannel",
        client_id="app",
        transaction_id="tx-1",
        scope=("openid",),
        created_at=now,
        expires_at=now + 60,
        interval=5,
        user_id=ANA.id,
    )
    assert await bank.stores.pending.create(msgspec.structs.replace(pending, **changes))


def code_of(user_id: str) -> AuthorizationCode:
    return AuthorizationCode(
        client_id="app",
        redirect_uri="",
        user_id=user_id,
        sid="sid-1",
        transaction_id="tx-2",
        scope=("openid",),
        nonce=None,
        code_challenge=None,
        auth_time=1,
        acr="2",
        amr=(),
        expires_at=2,
        family_id="family-1",
    )


async def state(bank: Bank) -> PendingState:
    pending = await bank.stores.pending.get("key")
    assert pending is not None
    return pending.state


async def test_the_customer_who_is_asked_decides(bank: Bank) -> None:
    await waits(bank)
    await approve(bank.provider, APPROVAL, code_of(ANA.id))
    assert await state(bank) is PendingState.APPROVED


async def test_another_customer_neither_allows_nor_refuses(bank: Bank) -> None:
    await waits(bank)
    with pytest.raises(OAuthError, match="login_required"):
        await approve(bank.provider, APPROVAL, code_of("somebody-else"))
    await deny(bank.provider, APPROVAL, user_id="somebody-else")
    await deny(bank.provider, APPROVAL, user_id=None)
    assert await state(bank) is PendingState.PENDING


async def test_a_device_is_decided_by_whoever_logs_in_or_declines_to(bank: Bank) -> None:
    await waits(bank, user_id=None, kind="device")
    await deny(bank.provider, APPROVAL, user_id=None)
    assert await state(bank) is PendingState.DENIED


@pytest.mark.parametrize("decided", [PendingState.APPROVED, PendingState.DENIED, PendingState.TAKEN])
async def test_what_is_decided_stays_so(bank: Bank, decided: PendingState) -> None:
    await waits(bank, state=decided)
    with pytest.raises(OAuthError, match="expired_token"):
        await approve(bank.provider, APPROVAL, code_of(ANA.id))
    await deny(bank.provider, APPROVAL, user_id=ANA.id)
    assert await state(bank) is decided


async def test_nothing_is_decided_in_the_second_it_expires(bank: Bank) -> None:
    await waits(bank)
    bank.clock.advance(59)
    assert (await undecided(bank.provider, "key")).key == "key"
    bank.clock.advance(1)
    with pytest.raises(OAuthError, match="expired_token"):
        await undecided(bank.provider, "key")
    with pytest.raises(OAuthError, match="expired_token"):
        await undecided(bank.provider, "unknown")


async def test_of_a_yes_and_a_no_at_once_one_counts(bank: Bank) -> None:
    await waits(bank)
    answers = await asyncio.gather(
        approve(bank.provider, APPROVAL, code_of(ANA.id)),
        deny(bank.provider, APPROVAL, user_id=ANA.id),
        approve(bank.provider, APPROVAL, code_of(ANA.id)),
        return_exceptions=True,
    )
    refused = sum(isinstance(answer, OAuthError) for answer in answers)
    assert (await state(bank), refused) in {(PendingState.APPROVED, 1), (PendingState.DENIED, 2)}


async def test_a_poll_in_between_does_not_cost_the_decision(bank: Bank) -> None:
    await waits(bank)
    pending = await undecided(bank.provider, "key")
    polled = msgspec.structs.replace(pending, polled_at=1)
    await asyncio.gather(
        *(bank.stores.pending.replace(polled) for _ in range(3)),
        approve(bank.provider, APPROVAL, code_of(ANA.id)),
    )
    assert await state(bank) is PendingState.APPROVED
