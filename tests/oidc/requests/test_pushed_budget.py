"""How often strangers may push requests in the name of a public client (RFC 9126 §2.3)."""

from __future__ import annotations

import httpx
import pytest

from tests.oidc.harness import BASE, CHALLENGE, PATH, REDIRECT, SPA_REDIRECT, Bank, credentials

pytestmark = pytest.mark.anyio
MANY = 300


async def push(http: httpx.AsyncClient, client_id: str) -> httpx.Response:
    form = {
        **credentials(client_id),
        "response_type": "code",
        "redirect_uri": SPA_REDIRECT if client_id == "spa" else REDIRECT,
        "scope": "openid",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return await http.post(f"{BASE}{PATH}ext/par/request", data=form)


async def test_a_stranger_cannot_fill_the_store_with_requests(bank: Bank) -> None:
    near, far = bank.from_address("2a02:1::1"), bank.from_address("2a02:2::1")
    assert {(await push(near, "spa")).status_code for _ in range(MANY)} == {201}
    refused = await push(bank.from_address("2a02:1::2"), "spa")
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert refused.headers["retry-after"] == "60"
    assert (await push(far, "spa")).status_code == 201, "somebody else pays for nothing"
    assert await bank.events() == [], "a refusal costs no record either"
    bank.clock.advance(300)
    assert (await push(near, "spa")).status_code == 201


async def test_a_client_that_has_proven_itself_pushes_for_all_its_users(bank: Bank) -> None:
    assert {(await push(bank.http, "app")).status_code for _ in range(MANY + 1)} == {201}
