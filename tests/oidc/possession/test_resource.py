"""What UserInfo asks of a bound token, and what introspection tells of it (RFC 9449 §6.2, §7; RFC 8705 §3)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.crypto.digest import digest
from idp.model.clients.sender import SenderRules
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, PATH, Bank
from tests.oidc.proofs import STRANGER, USERINFO, ask_userinfo, jkt_of, proof

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    return Bank(clock)


async def bound(bank: Bank, client_id: str = "app") -> str:
    bank.http.headers["DPoP"] = proof(bank)
    tokens = await bank.tokens(client_id)
    del bank.http.headers["DPoP"]
    return str(tokens["access_token"])


async def test_the_holder_of_the_key_is_answered(bank: Bank) -> None:
    reply = await ask_userinfo(bank, await bound(bank))
    assert (reply.status_code, reply.json()["sub"]) == (200, "user-ana")


async def test_the_scheme_is_read_without_regard_to_case(bank: Bank) -> None:
    assert (await ask_userinfo(bank, await bound(bank), scheme="dpop")).status_code == 200


async def test_a_bound_token_is_no_bearer_token(bank: Bank) -> None:
    token = await bound(bank)
    for reply in (
        await bank.userinfo(token),
        await ask_userinfo(bank, token, scheme="Bearer"),
        await bank.post("userinfo", {"access_token": token}),
    ):
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")
        assert reply.headers["www-authenticate"].startswith('Bearer realm="bank", error="invalid_token"')
        assert 'DPoP realm="bank", algs="ES256 ES384 PS256 EdDSA"' in reply.headers["www-authenticate"]


async def test_a_bearer_token_is_no_bound_token(bank: Bank) -> None:
    reply = await ask_userinfo(bank, (await bank.tokens())["access_token"])
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")
    assert reply.headers["www-authenticate"].startswith('DPoP realm="bank", error="invalid_token"')


async def test_a_proof_of_another_key_is_refused(bank: Bank) -> None:
    reply = await ask_userinfo(bank, await bound(bank), key=STRANGER)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_token")
    assert "USER_INFO_REQUEST_ERROR" in await bank.events(), "whose token it is can be found"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ath": None}, id="no ath"),
        pytest.param({"ath": digest("another token")}, id="another token's ath"),
        pytest.param({"ath": ""}, id="an empty ath"),
        pytest.param({"method": "POST"}, id="another method"),
        pytest.param({"address": f"{BASE}{PATH}token"}, id="another address"),
        pytest.param({"iat": 1}, id="an old proof"),
    ],
)
async def test_a_wrong_proof_is_refused_with_the_challenge(bank: Bank, changes: dict[str, Any]) -> None:
    reply = await ask_userinfo(bank, await bound(bank), **changes)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_dpop_proof")
    assert reply.headers["www-authenticate"].startswith('DPoP realm="bank", error="invalid_dpop_proof", algs="ES256')


async def test_a_bound_token_without_a_proof_is_refused(bank: Bank) -> None:
    headers = {"Authorization": f"DPoP {await bound(bank)}"}
    reply = await bank.http.get(PATH + "userinfo", headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_dpop_proof")


async def test_a_proof_counts_once_here_too(bank: Bank) -> None:
    token = await bound(bank)
    text = proof(bank, method="GET", address=USERINFO, ath=digest(token))
    assert (await ask_userinfo(bank, token, text=text)).status_code == 200
    assert (await ask_userinfo(bank, token, text=text)).status_code == 401


async def test_a_client_of_nonces_needs_one_here_too(bank: Bank) -> None:
    token = await bound(bank)
    bank.change_client("app", sender=SenderRules(dpop_nonce=True))
    reply = await ask_userinfo(bank, token)
    assert (reply.status_code, reply.json()["error"]) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in reply.headers["www-authenticate"]
    assert (await ask_userinfo(bank, token, nonce=reply.headers["dpop-nonce"])).status_code == 200


async def test_introspection_tells_the_key(bank: Bank) -> None:
    known = await bank.introspect(await bound(bank))
    assert (known["cnf"], known["token_type"]) == ({"jkt": jkt_of()}, "DPoP")
    known = await bank.introspect((await bank.tokens())["access_token"])
    assert ("cnf" in known, known["token_type"]) == (False, "Bearer")


async def test_a_page_may_send_a_proof_and_see_the_nonce(bank: Bank) -> None:
    origin = {"Origin": "https://app.bank.al"}
    asked = await bank.http.options(PATH + "token", headers=origin)
    assert "DPoP" in asked.headers["access-control-allow-headers"]
    token = await bound(bank)
    bank.change_client("app", sender=SenderRules(dpop_nonce=True))
    headers = {**origin, "Authorization": f"DPoP {token}"}
    headers["DPoP"] = proof(bank, method="GET", address=USERINFO, ath=digest(token))
    refused = await bank.http.get(PATH + "userinfo", headers=headers)
    assert refused.headers["access-control-allow-origin"] == "https://app.bank.al"
    assert refused.headers["access-control-expose-headers"] == "DPoP-Nonce, WWW-Authenticate"
