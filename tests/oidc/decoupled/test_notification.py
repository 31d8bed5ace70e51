"""Pings: what is sent where, and when it is tried again (CIBA Core §10.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from idp.crypto.digest import digest
from idp.model.oauth import Approval
from idp.model.pending import BackchannelRules, PendingAuthorization
from idp.oidc.decoupled.decision import deny
from idp.oidc.decoupled.notification import ping
from idp.ports import UnfetchableError
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, SECRET, Bank

pytestmark = pytest.mark.anyio
ENDPOINT = "https://app.bank.al/ping"
AT_ONCE = (0.0, 0.0)


class Endpoint:
    """A client's notification endpoint: an `idp.ports.Outbound` that answers as it is told."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.posted: list[dict[str, Any]] = []

    async def fetch(self, address: str, *, largest: int) -> bytes:
        raise UnfetchableError(f"nobody reads {address} ({largest})")

    async def post(self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = {}) -> int:
        self.posted.append({"address": address, "body": json.loads(body), "type": content_type, **headers})
        answer = self.answers.pop(0)
        if answer is None:
            raise UnfetchableError("the address cannot be reached")
        return answer


async def waiting(bank: Bank, endpoint: Endpoint) -> tuple[str, PendingAuthorization]:
    """Let a request wait; return its `auth_req_id` and what is stored of it."""
    bank.provider.outbound = endpoint
    rules = BackchannelRules(enabled=True, delivery="ping", notification_endpoint=ENDPOINT)
    bank.change_client("app", backchannel=rules)
    await bank.customer()
    form = {
        "client_id": "app",
        "client_secret": SECRET,
        "scope": "openid",
        "login_hint": "ana",
        "client_notification_token": "the-token",
    }
    reply = await bank.post("ext/ciba/auth", form)
    auth_req_id: str = reply.json()["auth_req_id"]
    pending = await bank.stores.pending.get(digest(auth_req_id))
    assert pending is not None
    return auth_req_id, pending


async def test_a_decision_is_told_once_with_the_clients_token_and_nothing_of_the_outcome(bank: Bank) -> None:
    endpoint = Endpoint(204)
    auth_req_id, pending = await waiting(bank, endpoint)
    await deny(
        bank.provider,
        Approval(key=pending.key, kind="backchannel", transaction_id=pending.transaction_id),
        user_id=ANA.id,
    )
    await bank.provider.errands.finished()
    assert endpoint.posted == [
        {
            "address": ENDPOINT,
            "body": {"auth_req_id": auth_req_id},
            "type": "application/json",
            "authorization": "Bearer the-token",
        }
    ]
    assert not any("the-token" in str(line) or auth_req_id in str(line) for line in bank.logged)


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 400, 401, 403, 404])
async def test_any_answer_of_the_client_is_an_answer(bank: Bank, status: int) -> None:
    endpoint = Endpoint(status)
    _, pending = await waiting(bank, endpoint)
    await ping(bank.provider, pending, pauses=AT_ONCE)
    assert len(endpoint.posted) == 1, "not repeated, and no redirect is followed"


async def test_a_failure_is_tried_again_a_few_times(bank: Bank) -> None:
    endpoint = Endpoint(None, 503, 204)
    _, pending = await waiting(bank, endpoint)
    await ping(bank.provider, pending, pauses=AT_ONCE)
    assert len(endpoint.posted) == 3
    endpoint.answers = [None] * 9
    await ping(bank.provider, pending, pauses=AT_ONCE)
    assert len(endpoint.posted) == 6, "the first time and after each pause"


async def test_a_request_that_is_over_is_not_told(bank: Bank) -> None:
    endpoint = Endpoint(204)
    _, pending = await waiting(bank, endpoint)
    bank.clock.advance(120)
    await ping(bank.provider, pending, pauses=AT_ONCE)
    assert endpoint.posted == []


async def test_a_client_that_polls_now_is_not_told(bank: Bank) -> None:
    endpoint = Endpoint(204)
    _, pending = await waiting(bank, endpoint)
    bank.change_client("app", backchannel=BackchannelRules(enabled=True))
    await ping(bank.provider, pending, pauses=AT_ONCE)
    assert endpoint.posted == []


async def test_a_token_sealed_for_another_realm_does_not_open(clock: FakeClock) -> None:
    bank = Bank(clock)
    _, pending = await waiting(bank, Endpoint(204))
    bank.provider.name = "other"
    with pytest.raises(ValueError, match="sealed"):
        await ping(bank.provider, msgspec.structs.replace(pending), pauses=AT_ONCE)


async def test_errands_end_with_the_provider(bank: Bank) -> None:
    endpoint = Endpoint(None, None)
    _, pending = await waiting(bank, endpoint)
    bank.provider.errands.begin(ping(bank.provider, pending, pauses=(3600.0,)))
    await bank.provider.errands.close()
    assert len(endpoint.posted) <= 1
