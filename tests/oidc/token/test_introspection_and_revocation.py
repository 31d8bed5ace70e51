from __future__ import annotations

from typing import Any

import pytest

from idp.model.oauth import NO_TERMS
from idp.oidc.sessions.user_sessions import join_session
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, BASE, CLIENTS, PATH, Bank, credentials, payload

pytestmark = pytest.mark.anyio
INACTIVE = {"active": False}


async def revoke(bank: Bank, token: str, client_id: str = "app", **more: str) -> Any:
    return await bank.post("revoke", {"token": token, **credentials(client_id), **more})


async def test_an_access_token_is_active_for_its_client(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    answer = await bank.introspect(token)
    claims = payload(token)
    assert answer == {
        "active": True,
        "username": "ana",
        "token_type": "Bearer",
        **{name: value for name, value in claims.items() if name != "typ"},
    }
    assert (answer["iss"], answer["sub"], answer["client_id"]) == (f"{BASE}/realms/bank", ANA.id, "app")


async def test_a_refresh_token_is_active_for_its_client(bank: Bank) -> None:
    answer = await bank.introspect((await bank.tokens())["refresh_token"])
    assert (answer["active"], answer["client_id"], answer["sid"]) == (True, "app", "sid-1")
    assert "token_type" not in answer


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_another_clients_token_is_not_active(bank: Bank, kind: str) -> None:
    assert await bank.introspect((await bank.tokens())[kind], "other") == INACTIVE


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "x" * 20_000])
async def test_what_is_no_token_is_not_active(bank: Bank, text: str) -> None:
    assert await bank.introspect(text) == INACTIVE


async def test_an_id_token_is_not_active(bank: Bank) -> None:
    assert await bank.introspect((await bank.tokens())["id_token"]) == INACTIVE


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("state", ["expired", "logged out", "disabled", "locked", "not before", "revoked"])
async def test_an_inactive_token_says_nothing_else(bank: Bank, kind: str, state: str) -> None:
    token = (await bank.tokens())[kind]
    match state:
        case "expired":
            bank.clock.advance(1800)
        case "logged out":
            await bank.stores.user_sessions.end("sid-1")
        case "disabled":
            await bank.change_customer(enabled=False)
        case "locked":
            await bank.lock_customer()
        case "not before":  # CVE-2026-8922: the user's level of revocation, beside the token's own
            await bank.change_customer(not_before=bank.provider.now() + 1)
        case _:
            await revoke(bank, token)
    assert await bank.introspect(token) == INACTIVE


async def test_a_rotated_out_refresh_token_is_not_active(clock: FakeClock) -> None:
    bank = Bank(clock, rotate_refresh_tokens=True)
    first = await bank.tokens()
    second = (await bank.refresh(first["refresh_token"])).json()
    assert await bank.introspect(first["refresh_token"]) == INACTIVE
    assert (await bank.introspect(second["refresh_token"]))["active"] is True


@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param({"token": "x"}, "invalid_client", id="nobody"),
        pytest.param({"token": "x", "client_id": "spa"}, "invalid_client", id="a public client"),
        pytest.param({"token": "x", "client_id": "app", "client_secret": "wrong"}, "invalid_client", id="wrong secret"),
        pytest.param(credentials("app"), "invalid_request", id="no token"),
    ],
)
async def test_introspection_is_for_proven_clients(bank: Bank, form: dict[str, str], error: str) -> None:
    reply = await bank.post("token/introspect", form)
    assert (reply.status_code, reply.json()["error"]) == (400 if error == "invalid_request" else 401, error)


async def test_revoking_a_refresh_token_ends_the_whole_grant(bank: Bank) -> None:
    tokens = await bank.tokens()
    reply = await revoke(bank, tokens["refresh_token"])
    assert (reply.status_code, reply.content) == (200, b"")
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401
    assert (await bank.events())[-2:] == ["REVOKE_GRANT", "CODE_TO_TOKEN"]


async def test_what_was_revoked_stays_dead_when_the_person_comes_back(bank: Bank) -> None:
    tokens, other_tab = await bank.tokens(), await bank.tokens()
    code = await bank.code()
    await revoke(bank, tokens["refresh_token"])
    bank.clock.advance(5)
    session = await bank.stores.user_sessions.get("sid-1")
    assert session is not None
    assert await join_session(bank.provider, session, CLIENTS["app"], ("openid",), NO_TERMS)  # single sign-on
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401
    assert await bank.introspect(tokens["access_token"]) == INACTIVE
    assert await bank.introspect(other_tab["refresh_token"]) == INACTIVE
    assert (await bank.refresh(other_tab["refresh_token"])).status_code == 400
    assert (await bank.redeem(code)).status_code == 400
    fresh = await bank.tokens()
    assert (await bank.userinfo(fresh["access_token"])).status_code == 200
    assert (await bank.refresh(fresh["refresh_token"])).status_code == 200


async def test_revoking_an_offline_token_ends_its_access(bank: Bank) -> None:
    tokens = await bank.tokens(scope=("openid", "offline_access"))
    await bank.stores.user_sessions.end("sid-1")
    assert (await bank.userinfo(tokens["access_token"])).status_code == 200
    await revoke(bank, tokens["refresh_token"])
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401


async def test_revoking_an_access_token_ends_that_token_only(bank: Bank) -> None:
    tokens = await bank.tokens()
    assert (await revoke(bank, tokens["access_token"])).status_code == 200
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_revocation_belongs_to_the_transaction_of_its_login(bank: Bank, kind: str, scope: str) -> None:
    tokens = await bank.tokens(scope=tuple(scope.split()))
    if "offline_access" in scope:
        await bank.stores.user_sessions.end("sid-1")
    await revoke(bank, tokens[kind])
    (event, *_) = await bank.stores.events.recent(limit=1)
    assert (event.type, event.transaction_id) == ("REVOKE_GRANT", "tx-sid-1")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something else"])
async def test_any_hint_will_do(bank: Bank, hint: str) -> None:
    tokens = await bank.tokens()
    await revoke(bank, tokens["refresh_token"], token_type_hint=hint)
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400


async def test_a_rotated_out_token_still_revokes_its_family(bank: Bank) -> None:
    first = await bank.tokens("spa")
    second = (await bank.refresh(first["refresh_token"], "spa")).json()
    await revoke(bank, first["refresh_token"], "spa")
    assert (await bank.refresh(second["refresh_token"], "spa")).status_code == 400


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_another_clients_token_is_answered_200_and_lives(bank: Bank, kind: str) -> None:
    tokens = await bank.tokens()
    assert (await revoke(bank, tokens[kind], "other")).status_code == 200
    assert (await bank.userinfo(tokens["access_token"])).status_code == 200
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("text", ["nonsense", "a.b.c"])
async def test_an_unknown_token_is_answered_200(bank: Bank, text: str) -> None:
    assert (await revoke(bank, text)).status_code == 200
    assert await bank.events() == []


async def test_revoking_twice_is_one_event(bank: Bank) -> None:
    tokens = await bank.tokens()
    for kind in ("access_token", "access_token", "refresh_token", "refresh_token"):
        assert (await revoke(bank, tokens[kind])).status_code == 200
    assert (await bank.events()).count("REVOKE_GRANT") == 2


async def test_revocation_needs_a_client_and_a_token(bank: Bank) -> None:
    assert (await bank.post("revoke", {"token": "x"})).status_code == 401
    assert (await bank.post("revoke", credentials("app"))).json()["error"] == "invalid_request"
    assert (await bank.http.post(PATH + "revoke", json={"token": "x"})).status_code == 400
