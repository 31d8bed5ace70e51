from __future__ import annotations

import pytest

from idp.crypto.jose import mint
from tests.oidc.harness import ANA, PATH, Bank, payload, signing_keys

pytestmark = pytest.mark.anyio


async def test_userinfo_has_the_claims_of_the_scopes(bank: Bank) -> None:
    reply = await bank.userinfo((await bank.tokens())["access_token"])
    assert reply.json() == {
        "sub": ANA.id,
        "name": "Ana Hoxha",
        "given_name": "Ana",
        "family_name": "Hoxha",
        "preferred_username": "ana",
        "locale": "sq",
        "email": "ana@bank.al",
        "email_verified": True,
        "phone_number": "+355692000000",
        "phone_number_verified": False,
    }
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("scope", "members"),
    [
        (("openid",), {"sub"}),
        (("openid", "email"), {"sub", "email", "email_verified"}),
        (("openid", "phone"), {"sub", "phone_number", "phone_number_verified"}),
    ],
)
async def test_userinfo_has_nothing_more(bank: Bank, scope: tuple[str, ...], members: set[str]) -> None:
    reply = await bank.userinfo((await bank.tokens(scope=scope))["access_token"])
    assert set(reply.json()) == members


async def test_a_claim_without_a_value_is_left_out(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    await bank.change_customer(email="", first_name="", attributes={})
    claims = (await bank.userinfo(token)).json()
    assert set(claims) == {"sub", "name", "family_name", "preferred_username", "email_verified"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(bank: Bank, scheme: str) -> None:
    token = (await bank.tokens())["access_token"]
    reply = await bank.http.get(PATH + "userinfo", headers={"Authorization": f"{scheme} {token}"})
    assert reply.status_code == 200


@pytest.mark.parametrize("scheme", ["DPoP", "Basic", "Token", "BearerX"])
async def test_a_good_token_under_another_scheme_is_refused(bank: Bank, scheme: str) -> None:
    token = (await bank.tokens())["access_token"]
    reply = await bank.http.get(PATH + "userinfo", headers={"Authorization": f"{scheme} {token}"})
    assert reply.status_code == 401


async def test_the_token_may_come_by_post_in_header_or_form(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    assert (await bank.post("userinfo", {"access_token": token})).status_code == 200
    headers = {"Authorization": f"Bearer {token}"}
    assert (await bank.http.post(PATH + "userinfo", headers=headers)).status_code == 200
    both = await bank.post("userinfo", {"access_token": token}, headers=headers)
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


async def test_the_token_is_not_read_from_the_address(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    reply = await bank.http.get(PATH + "userinfo", params={"access_token": token})
    assert reply.status_code == 401
    assert token not in repr(bank.logged)


async def test_who_sends_no_token_is_told_no_error(bank: Bank) -> None:
    reply = await bank.http.get(PATH + "userinfo")
    assert (reply.status_code, reply.headers["www-authenticate"]) == (
        401,
        'Bearer realm="bank", DPoP realm="bank", algs="ES256 ES384 PS256 EdDSA"',
    )


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Bearer a.b.c", "Basic YTpi"])
async def test_what_is_no_token_is_refused(bank: Bank, header: str) -> None:
    reply = await bank.http.get(PATH + "userinfo", headers={"Authorization": header})
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith('Bearer realm="bank"')


@pytest.mark.parametrize("kind", ["id_token", "refresh_token"])
async def test_no_other_kind_of_token_opens_userinfo(bank: Bank, kind: str) -> None:
    reply = await bank.userinfo((await bank.tokens())[kind])
    assert reply.status_code == 401
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]


async def test_a_token_of_another_realm_is_refused(bank: Bank) -> None:
    claims = payload((await bank.tokens())["access_token"])
    foreign = {**claims, "iss": claims["iss"].replace("/bank", "/other")}
    token = mint(signing_keys().signer("ES256"), typ="at+jwt", claims=foreign)
    assert (await bank.userinfo(token)).status_code == 401


async def test_without_openid_the_scope_is_insufficient(bank: Bank) -> None:
    reply = await bank.userinfo((await bank.tokens(scope=("profile",)))["access_token"])
    assert (reply.status_code, reply.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope", scope="openid"' in reply.headers["www-authenticate"]


@pytest.mark.parametrize("state", ["expired", "logged out", "disabled", "locked", "revoked"])
async def test_a_token_dies_with_what_it_came_from(bank: Bank, state: str) -> None:
    token = (await bank.tokens())["access_token"]
    assert (await bank.userinfo(token)).status_code == 200
    match state:
        case "expired":
            bank.clock.advance(300)
        case "logged out":
            await bank.stores.user_sessions.end("sid-1")
        case "disabled":
            await bank.change_customer(enabled=False)
        case "locked":
            await bank.lock_customer()
        case _:
            form = {"token": token, "client_id": "app", "client_secret": "a secret of thirty-two characters"}
            assert (await bank.post("revoke", form)).status_code == 200
    assert (await bank.userinfo(token)).status_code == 401


async def test_another_login_of_the_same_user_does_not_keep_a_token_alive(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    await bank.stores.user_sessions.end("sid-1")
    await bank.login(sid="sid-2")
    assert (await bank.userinfo(token)).status_code == 401


async def test_a_success_is_logged_but_not_stored(bank: Bank) -> None:
    await bank.userinfo((await bank.tokens())["access_token"])
    assert await bank.events() == ["CODE_TO_TOKEN"]
    assert any(line["event"] == "userinfo" for line in bank.logged)
