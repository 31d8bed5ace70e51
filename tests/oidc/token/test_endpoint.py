from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.crypto.base64url import base64url
from idp.model.clients.protection import Protection
from idp.model.clients.rules import ClientRules
from idp.model.oauth import RefreshFamily
from idp.model.secret import Secret
from idp.model.user import Consent
from idp.ports import RefreshFamilies
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.oidc.harness import (
    ANA,
    BASE,
    CHALLENGE,
    PATH,
    REDIRECT,
    SCOPE,
    SECRET,
    VERIFIER,
    Bank,
    credentials,
    payload,
    segment,
    signing_keys,
)

pytestmark = pytest.mark.anyio
ISSUER = f"{BASE}/realms/bank"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def ready(bank: Bank) -> Bank:
    await bank.customer()
    await bank.login()
    return bank


async def test_a_code_becomes_tokens(bank: Bank) -> None:
    answer = await bank.tokens()
    assert sorted(answer) == [
        "access_token",
        "expires_in",
        "id_token",
        "not-before-policy",
        "refresh_expires_in",
        "refresh_token",
        "scope",
        "session_state",
        "token_type",
    ]
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 300
    assert answer["refresh_expires_in"] == 1800
    assert answer["session_state"] == "sid-1"
    assert answer["scope"] == " ".join(SCOPE)
    assert await bank.events() == ["CODE_TO_TOKEN"]


async def test_the_id_token_says_what_the_login_proved(bank: Bank) -> None:
    answer = await bank.tokens()
    now = bank.provider.now()
    claims = payload(answer["id_token"])
    claims.pop("jti")
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims == {
        "iss": ISSUER,
        "sub": ANA.id,
        "aud": "app",
        "azp": "app",
        "exp": now + 300,
        "iat": now,
        "auth_time": now,
        "nonce": "n-1",
        "acr": "2fa",
        "amr": ["pwd", "otp"],
        "at_hash": base64url(half),
        "sid": "sid-1",
        "typ": "ID",
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


async def test_the_access_token_is_of_rfc_9068(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    assert segment(token, 0)["typ"] == "at+jwt"
    claims = payload(token)
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "auth_time", "acr", "scope", "sid"} <= claims.keys()
    assert (claims["aud"], claims["client_id"], claims["sub"]) == ("app", "app", ANA.id)


async def test_joserfc_verifies_both_tokens_by_the_published_keys(bank: Bank) -> None:
    answer = await bank.tokens("spa")
    keys = KeySet.import_key_set((await bank.http.get(PATH + "certs")).json())
    for name in ("id_token", "access_token"):
        assert jwt.decode(answer[name], keys, algorithms=["ES256"]).claims["sub"] == ANA.id


async def test_a_clients_registered_algorithm_wins_over_the_realms(bank: Bank) -> None:
    bank.change_client("app", id_token=Protection(signed="RS256"))
    answer = await bank.tokens()
    assert segment(answer["id_token"], 0)["alg"] == "RS256"
    assert segment(answer["access_token"], 0)["alg"] == "ES256"


async def test_without_openid_there_is_no_id_token(bank: Bank) -> None:
    assert "id_token" not in await bank.tokens(scope=("profile",))


async def test_a_client_without_refresh_tokens_gets_none(bank: Bank) -> None:
    bank.change_client("app", use_refresh_tokens=False)
    answer = await bank.tokens()
    assert "refresh_token" not in answer
    assert "refresh_expires_in" not in answer


async def test_a_clients_own_lifespan_counts(bank: Bank) -> None:
    bank.change_client("app", access_token_lifespan=60)
    assert (await bank.tokens())["expires_in"] == 60


async def test_no_nonce_in_no_nonce_out(bank: Bank) -> None:
    assert "nonce" not in payload((await bank.tokens(nonce=None))["id_token"])


async def test_every_answer_forbids_storing_it(bank: Bank) -> None:
    await ready(bank)
    for reply in (await bank.redeem(await bank.code()), await bank.redeem("nonsense")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["pragma"] == "no-cache"
        assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({"grant_type": None}, 400, "invalid_request", id="no grant type"),
        pytest.param({"grant_type": ""}, 400, "invalid_request", id="an empty grant type counts as omitted"),
        pytest.param({"grant_type": "password"}, 400, "unauthorized_client", id="password grant"),
        pytest.param({"grant_type": "implicit"}, 400, "unsupported_grant_type", id="another grant"),
        pytest.param({"code": None}, 400, "invalid_request", id="no code"),
        pytest.param({"code": "unknown"}, 400, "invalid_grant", id="unknown code"),
        pytest.param({"code": "x" * 5000}, 400, "invalid_grant", id="a long code"),
        pytest.param({"redirect_uri": None}, 400, "invalid_grant", id="no redirect_uri"),
        pytest.param({"redirect_uri": REDIRECT + "/"}, 400, "invalid_grant", id="redirect_uri with a slash more"),
        pytest.param(
            {"redirect_uri": REDIRECT.replace("app.", "APP.")}, 400, "invalid_grant", id="CVE-2020-15234 another case"
        ),
        pytest.param({"redirect_uri": REDIRECT + "?a"}, 400, "invalid_grant", id="redirect_uri with a query"),
        pytest.param({"code_verifier": None}, 400, "invalid_grant", id="CVE-2023-48228 verifier dropped"),
        pytest.param({"code_verifier": "w" * 64}, 400, "invalid_grant", id="another verifier"),
        pytest.param({"code_verifier": CHALLENGE}, 400, "invalid_grant", id="CVE-2024-23647 plain instead of S256"),
        pytest.param({"code_verifier": VERIFIER + "\n"}, 400, "invalid_grant", id="verifier with a line break"),
        pytest.param({"code_verifier": "é" * 64}, 400, "invalid_grant", id="verifier outside its alphabet"),
        pytest.param({"client_id": None}, 401, "invalid_client", id="no client"),
        pytest.param({"client_id": "nobody"}, 401, "invalid_client", id="unknown client"),
        pytest.param({"client_secret": "wrong"}, 401, "invalid_client", id="wrong secret"),
        pytest.param({"client_secret": None}, 401, "invalid_client", id="no secret"),
        pytest.param({"client_secret": ""}, 401, "invalid_client", id="empty secret"),
        pytest.param({"client_id": "switched-off"}, 401, "invalid_client", id="CVE-2025-64521 disabled client"),
        pytest.param({"client_id": "broken", "client_secret": ""}, 401, "invalid_client", id="client without secret"),
        pytest.param({"client_id": "spa"}, 401, "invalid_client", id="a public client with a secret"),
        pytest.param({"client_assertion": "x"}, 400, "invalid_request", id="a secret and a client assertion"),
    ],
)
async def test_one_changed_parameter_is_refused(
    bank: Bank, changes: dict[str, str | None], status: int, error: str
) -> None:
    await ready(bank)
    code = changes.get("code", await bank.code())
    reply = await bank.redeem(code or "", **{name: value for name, value in changes.items() if name != "code"})
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["unknown", "expired", "used", "foreign", "wrong verifier"])
async def test_every_useless_code_gets_the_same_words(bank: Bank, name: str) -> None:
    await ready(bank)
    code = await bank.code("other" if name == "foreign" else "app")
    if name == "expired":
        bank.clock.advance(60)
    if name == "used":
        await bank.redeem(code)
    verifier = "w" * 64 if name == "wrong verifier" else VERIFIER
    reply = await bank.redeem("x" if name == "unknown" else code, code_verifier=verifier)
    assert reply.json() == {"error": "invalid_grant", "error_description": "Code not valid."}


async def test_a_code_is_good_until_its_last_second(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code()
    bank.clock.advance(59)
    assert (await bank.redeem(code)).status_code == 200


async def test_a_code_past_its_own_expiry_is_refused_though_the_store_still_has_it(clock: FakeClock) -> None:
    slow = FakeClock(clock())
    bank = await ready(Bank(clock, store=KernelStore(MemoryKernel(slow), slow)))
    code = await bank.code()
    clock.advance(60)
    assert (await bank.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_verifier_for_a_code_without_a_challenge_is_refused(bank: Bank) -> None:
    await ready(bank)
    bank.change_client("app", pkce_required=False)
    assert (await bank.redeem(await bank.code(code_challenge=None))).json()["error"] == "invalid_grant"
    assert (await bank.redeem(await bank.code(code_challenge=None), code_verifier=None)).status_code == 200


async def test_a_client_that_must_use_pkce_cannot_redeem_a_code_without_it(bank: Bank) -> None:
    await ready(bank)
    reply = await bank.redeem(await bank.code(code_challenge=None), code_verifier=None)
    assert reply.json()["error"] == "invalid_grant"


async def test_a_client_without_the_standard_flow_is_told_so(bank: Bank) -> None:
    await ready(bank)
    bank.change_client("app", standard_flow=False)
    assert (await bank.redeem(await bank.code())).json()["error"] == "unauthorized_client"


async def test_cve_2026_16089_a_code_is_bound_to_its_client(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code("app")
    stolen = await bank.redeem(code, "other", redirect_uri=REDIRECT)
    assert stolen.json()["error"] == "invalid_grant"
    # It was spent by the attempt: what another client holds has leaked.
    assert (await bank.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_replayed_code_revokes_what_it_gave(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code()
    tokens = (await bank.redeem(code)).json()
    assert (await bank.userinfo(tokens["access_token"])).status_code == 200
    assert (await bank.redeem(code)).json()["error"] == "invalid_grant"
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    session = await bank.stores.user_sessions.get("sid-1")
    assert session is not None
    assert sorted(session.clients) == ["other", "spa"]  # the other applications' logins stay


async def test_a_replayed_code_revokes_offline_access_too(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code(scope=("openid", "offline_access"))
    tokens = (await bank.redeem(code)).json()
    await bank.redeem(code)
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401


class _Interrupted:
    """Refresh families of which the next one is stored only after something else has happened."""

    def __init__(self, families: RefreshFamilies, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._families = families
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._families, name)

    async def create(self, family: RefreshFamily) -> None:
        await self._meanwhile()
        await self._families.create(family)


async def test_a_replay_before_the_family_is_stored_still_ends_offline_access(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code(scope=("openid", "offline_access"))
    families = bank.stores.refresh_families
    bank.stores.refresh_families = _Interrupted(families, lambda: bank.redeem(code))
    tokens = (await bank.redeem(code)).json()
    bank.stores.refresh_families = families
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401


async def test_a_code_replayed_by_another_client_revokes_too(bank: Bank) -> None:
    await ready(bank)
    code = await bank.code()
    tokens = (await bank.redeem(code)).json()
    await bank.redeem(code, "other")
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_code_is_redeemed_once_by_many_racers(kind: str, clock: FakeClock, tmp_path: Path) -> None:
    store = KernelStore(SqliteKernel.open(tmp_path / "idp.db", clock=clock), clock) if kind == "sqlite" else None
    bank = await ready(Bank(clock, store=store))
    for scope in (SCOPE, ("openid", "offline_access")):
        if await bank.stores.user_sessions.end("sid-1"):
            await bank.login()
        code = await bank.code(scope=scope)
        replies = await asyncio.gather(*(bank.redeem(code) for _ in range(50)))
        winners = [reply for reply in replies if reply.status_code == 200]
        assert len(winners) == 1
        # Somebody replayed it, so even the winner's tokens are dead.
        tokens = winners[0].json()
        assert (await bank.refresh(tokens["refresh_token"])).status_code == 400
        assert (await bank.userinfo(tokens["access_token"])).status_code == 401
    if store is not None:
        await store.close()


@pytest.mark.parametrize("state", ["disabled", "locked", "gone", "logged out", "client left", "session expired"])
async def test_a_code_is_worthless_once_its_login_or_user_is_stopped(bank: Bank, state: str) -> None:
    await bank.login()
    if state != "gone":
        await bank.customer()
    code = await bank.code(expires_at=bank.provider.now() + 4000)
    match state:
        case "disabled":
            await bank.change_customer(enabled=False)
        case "locked":
            await bank.lock_customer()
        case "logged out":
            await bank.stores.user_sessions.end("sid-1")
        case "client left":
            await bank.redeem(code := await bank.code())
            await bank.redeem(code)
            code = await bank.code()
        case "session expired":
            bank.clock.advance(1800)
        case _:
            assert state == "gone"
    assert (await bank.redeem(code)).json()["error"] == "invalid_grant"


async def test_basic_authentication_works_and_is_form_decoded(bank: Bank) -> None:
    await ready(bank)
    bank.change_client("app", secret=Secret("ä:b c%"))
    headers = basic("app", "%C3%A4%3Ab+c%25")
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    reply = await bank.post("token", {**form, "code": await bank.code()}, headers=headers)
    assert reply.status_code == 200
    reply = await bank.post("token", {**form, "code": await bank.code(), "client_id": "app"}, headers=headers)
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("headers", "form", "status", "error"),
    [
        pytest.param(basic("app", SECRET), {"client_secret": SECRET}, 400, "invalid_request", id="two methods"),
        pytest.param(basic("app", SECRET), {"client_id": "other"}, 400, "invalid_request", id="two clients"),
        pytest.param(basic("app", "wrong"), {}, 401, "invalid_client", id="wrong secret"),
        pytest.param(basic("nobody", "wrong"), {}, 401, "invalid_client", id="unknown client"),
        pytest.param(basic("", SECRET), {}, 401, "invalid_client", id="no client"),
        pytest.param(basic("spa", SECRET), {}, 401, "invalid_client", id="public client with a secret"),
        pytest.param(basic("app", "%ff"), {}, 401, "invalid_client", id="not UTF-8"),
        pytest.param({"Authorization": "Basic !!!"}, {}, 401, "invalid_client", id="not base64"),
        pytest.param({"Authorization": "Basic YXBw"}, {}, 401, "invalid_client", id="no colon"),
        pytest.param({"Authorization": "Basic"}, {}, 401, "invalid_client", id="no credentials"),
        pytest.param(
            {"Authorization": basic("app", SECRET)["Authorization"].replace("Basic", "Bearer")},
            {},
            401,
            "invalid_client",
            id="another scheme",
        ),
        pytest.param(
            {"Authorization": basic("app", SECRET)["Authorization"].replace("Basic ", "Basic !")},
            {},
            401,
            "invalid_client",
            id="a character outside base64",
        ),
    ],
)
async def test_basic_authentication_is_refused(
    bank: Bank, headers: dict[str, str], form: dict[str, str], status: int, error: str
) -> None:
    await ready(bank)
    reply = await bank.post("token", {"grant_type": "authorization_code", "code": "x", **form}, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_who_used_basic_is_challenged_with_it(bank: Bank) -> None:
    form = {"grant_type": "authorization_code", "code": "x"}
    reply = await bank.post("token", form, headers=basic("app", "wrong"))
    assert reply.headers["www-authenticate"].startswith('Basic realm="bank"')
    reply = await bank.post("token", {**form, "client_id": "app", "client_secret": "wrong"})
    assert "www-authenticate" not in reply.headers


async def test_unknown_client_and_wrong_secret_answer_alike(bank: Bank) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "client_secret": "wrong"}
    replies = [await bank.post("token", {**form, "client_id": name}) for name in ("app", "nobody", "switched-off")]
    assert len({(reply.status_code, reply.text) for reply in replies}) == 1


async def test_an_unknown_client_leaves_no_event_but_a_known_one_does(bank: Bank) -> None:
    await bank.post("token", {"grant_type": "authorization_code", "client_id": "nobody", "client_secret": "x"})
    assert await bank.events() == []
    await bank.post("token", {"grant_type": "authorization_code", "client_id": "app", "client_secret": "x"})
    assert await bank.events() == ["CLIENT_LOGIN_ERROR"]


async def test_a_refused_code_leaves_an_event_with_its_transaction(bank: Bank) -> None:
    await ready(bank)
    await bank.redeem(await bank.code(), code_verifier="w" * 64)
    (event,) = await bank.stores.events.recent(limit=10)
    assert (event.type, event.transaction_id, event.client_id, event.user_id, event.sid, event.error) == (
        "CODE_TO_TOKEN_ERROR",
        "tx-sid-1",
        "app",
        ANA.id,
        "sid-1",
        "invalid_grant",
    )
    assert event.detail["reason"] == "PKCE verification failed"


@pytest.mark.parametrize("name", ["code", "client_id", "grant_type", "redirect_uri", "code_verifier"])
async def test_cve_2026_9689_a_repeated_parameter_is_refused(bank: Bank, name: str) -> None:
    await ready(bank)
    form: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": await bank.code(),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        **credentials("app"),
    }
    reply = await bank.post("token", {**form, name: [form[name], form[name]]})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_parameters_in_the_address_are_not_read(bank: Bank) -> None:
    await ready(bank)
    query = {"client_id": "app", "client_secret": SECRET, "grant_type": "authorization_code"}
    reply = await bank.http.post(PATH + "token", params=query, data={"code": "x"})
    assert reply.json()["error"] == "invalid_client"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ""])
async def test_another_content_type_is_refused(bank: Bank, content_type: str) -> None:
    reply = await bank.http.post(
        PATH + "token", content=b"grant_type=authorization_code", headers={"Content-Type": content_type}
    )
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_refreshing_gives_new_tokens_of_the_same_login(bank: Bank) -> None:
    first = await bank.tokens()
    bank.clock.advance(100)
    reply = await bank.refresh(first["refresh_token"])
    assert reply.status_code == 200
    second = reply.json()
    old, new = payload(first["id_token"]), payload(second["id_token"])
    # OpenID Connect Core §12.2
    assert {name: new[name] for name in ("iss", "sub", "aud", "auth_time", "azp", "nonce", "sid", "acr", "amr")} == {
        name: old[name] for name in ("iss", "sub", "aud", "auth_time", "azp", "nonce", "sid", "acr", "amr")
    }
    assert new["iat"] == old["iat"] + 100
    assert payload(second["access_token"])["jti"] != payload(first["access_token"])["jti"]
    assert await bank.events() == ["REFRESH_TOKEN", "CODE_TO_TOKEN"]


async def test_a_refresh_token_can_be_decoded_by_keycloak_js(bank: Bank) -> None:
    claims = payload((await bank.tokens())["refresh_token"])
    assert (claims["typ"], claims["azp"], claims["sid"]) == ("Refresh", "app", "sid-1")
    assert claims["iss"] == claims["aud"] == ISSUER


async def test_a_confidential_client_keeps_its_refresh_token(bank: Bank) -> None:
    first = await bank.tokens()
    for _ in range(3):
        reply = await bank.refresh(first["refresh_token"])
        assert payload(reply.json()["refresh_token"])["jti"] == payload(first["refresh_token"])["jti"]


async def test_fapi_2_refresh_tokens_are_not_rotated_though_the_realm_rotates(clock: FakeClock) -> None:
    bank = Bank(clock, rotate_refresh_tokens=True)
    bank.change_client("app", rules=ClientRules(keeps_refresh_token=True))
    bank.change_client("spa", rules=ClientRules(keeps_refresh_token=True))
    first = await bank.tokens()
    for _ in range(3):
        reply = await bank.refresh(first["refresh_token"])
        assert payload(reply.json()["refresh_token"])["jti"] == payload(first["refresh_token"])["jti"]
    public = await bank.tokens("spa")
    reply = await bank.refresh(public["refresh_token"], "spa")
    assert payload(reply.json()["refresh_token"])["jti"] != payload(public["refresh_token"])["jti"], "RFC 9700 §2.2.2"


@pytest.mark.parametrize("why", ["public client", "realm rotates"])
async def test_a_rotated_refresh_token_used_again_ends_everything(clock: FakeClock, why: str) -> None:
    bank = Bank(clock, rotate_refresh_tokens=why == "realm rotates")
    client_id = "spa" if why == "public client" else "app"
    first = await bank.tokens(client_id)
    second = (await bank.refresh(first["refresh_token"], client_id)).json()
    third = (await bank.refresh(second["refresh_token"], client_id)).json()
    assert (await bank.userinfo(third["access_token"])).status_code == 200
    assert (await bank.refresh(first["refresh_token"], client_id)).json() == {
        "error": "invalid_grant",
        "error_description": "Invalid refresh token.",
    }
    assert (await bank.refresh(third["refresh_token"], client_id)).status_code == 400
    assert (await bank.userinfo(third["access_token"])).status_code == 401
    session = await bank.stores.user_sessions.get("sid-1")
    assert session is not None
    assert client_id not in session.clients
    assert (await bank.events()).count("REFRESH_TOKEN_ERROR") == 2


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_cve_2026_1035_a_refresh_token_is_rotated_once_by_many_racers(
    kind: str, clock: FakeClock, tmp_path: Path
) -> None:
    store = KernelStore(SqliteKernel.open(tmp_path / "idp.db", clock=clock), clock) if kind == "sqlite" else None
    bank = Bank(clock, store=store)
    first = await bank.tokens("spa")
    replies = await asyncio.gather(*(bank.refresh(first["refresh_token"], "spa") for _ in range(20)))
    winners = [reply for reply in replies if reply.status_code == 200]
    assert len(winners) == 1
    assert (await bank.refresh(winners[0].json()["refresh_token"], "spa")).status_code == 400
    if store is not None:
        await store.close()


async def test_cve_2026_9802_reuse_is_recognised_after_a_restart(clock: FakeClock, tmp_path: Path) -> None:
    store = KernelStore(SqliteKernel.open(tmp_path / "idp.db", clock=clock), clock)
    bank = Bank(clock, store=store)
    first = await bank.tokens("spa")
    second = (await bank.refresh(first["refresh_token"], "spa")).json()
    await store.close()
    store = KernelStore(SqliteKernel.open(tmp_path / "idp.db", clock=clock), clock)
    bank = Bank(clock, store=store)
    assert (await bank.refresh(first["refresh_token"], "spa")).status_code == 400
    assert (await bank.refresh(second["refresh_token"], "spa")).status_code == 400
    await store.close()


@pytest.mark.parametrize("state", ["disabled", "locked"])
async def test_cve_2026_9798_a_stopped_user_is_refused_without_burning_the_token(bank: Bank, state: str) -> None:
    first = await bank.tokens("spa")
    if state == "disabled":
        await bank.change_customer(enabled=False)
    else:
        await bank.lock_customer()
    assert (await bank.refresh(first["refresh_token"], "spa")).json()["error"] == "invalid_grant"
    await bank.stores.attempts.clear(ANA.id, "password")
    await bank.change_customer(enabled=True)
    assert (await bank.refresh(first["refresh_token"], "spa")).status_code == 200


async def test_tokens_from_before_the_users_not_before_are_dead(bank: Bank) -> None:
    first = await bank.tokens()
    bank.clock.advance(5)
    await bank.change_customer(not_before=bank.provider.now())
    assert (await bank.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await bank.userinfo(first["access_token"])).status_code == 401


async def test_a_token_refreshed_in_the_moment_of_a_password_change_is_dead(bank: Bank) -> None:
    first = await bank.tokens()
    bank.clock.advance(5)
    second = (await bank.refresh(first["refresh_token"])).json()
    await bank.change_customer(not_before=bank.provider.now())
    assert (await bank.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"
    assert await bank.introspect(second["refresh_token"]) == {"active": False}


async def test_a_code_from_before_the_users_not_before_is_dead(bank: Bank) -> None:
    # Whoever logged in with a stolen password holds a code for a minute, and through it would outlive the new one.
    await bank.customer()
    await bank.login()
    code = await bank.code()
    bank.clock.advance(5)
    await bank.change_customer(not_before=bank.provider.now())
    assert (await bank.redeem(code)).json()["error"] == "invalid_grant"
    assert (await bank.redeem(await bank.code())).status_code == 200


async def test_a_refresh_token_dies_with_its_session_but_an_offline_one_does_not(bank: Bank) -> None:
    online = await bank.tokens()
    offline = await bank.tokens(scope=("openid", "offline_access"))
    await bank.stores.user_sessions.end("sid-1")
    assert (await bank.refresh(online["refresh_token"])).json()["error"] == "invalid_grant"
    reply = await bank.refresh(offline["refresh_token"])
    assert reply.status_code == 200
    assert payload(reply.json()["refresh_token"])["typ"] == "Offline"
    assert (await bank.userinfo(reply.json()["access_token"])).status_code == 200


async def test_refreshing_keeps_the_session_awake_until_its_maximum(bank: Bank) -> None:
    tokens = await bank.tokens("spa")
    for _ in range(23):
        bank.clock.advance(1500)
        reply = await bank.refresh(tokens["refresh_token"], "spa")
        assert reply.status_code == 200
        tokens = reply.json()
    # 34,500 s have passed; the session ends at 36,000 s whatever anybody does.
    assert tokens["refresh_expires_in"] == 1500
    bank.clock.advance(1500)
    assert (await bank.refresh(tokens["refresh_token"], "spa")).json()["error"] == "invalid_grant"


async def test_an_idle_refresh_token_dies(bank: Bank) -> None:
    tokens = await bank.tokens()
    bank.clock.advance(1800)
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_offline_token_has_its_own_idle_time_and_maximum(clock: FakeClock) -> None:
    lifespans = msgspec.structs.replace(Bank(clock).realm.lifespans, offline_idle=1000, offline_max=1500)
    bank = Bank(clock, lifespans=lifespans)
    tokens = await bank.tokens(scope=("openid", "offline_access"))
    assert tokens["refresh_expires_in"] == 1000
    bank.clock.advance(900)
    reply = await bank.refresh(tokens["refresh_token"])
    assert reply.json()["refresh_expires_in"] == 600
    bank.clock.advance(600)
    assert (await bank.refresh(reply.json()["refresh_token"])).json()["error"] == "invalid_grant"


async def test_scope_may_be_narrowed_and_never_widened(bank: Bank) -> None:
    first = await bank.tokens(scope=("openid", "profile", "offline_access"))
    narrow = (await bank.refresh(first["refresh_token"], scope="openid")).json()
    assert narrow["scope"] == payload(narrow["access_token"])["scope"] == "openid"
    # RFC 6749 §6: the new refresh token keeps the whole scope.
    assert payload(narrow["refresh_token"])["scope"] == "openid profile offline_access"
    whole = (await bank.refresh(narrow["refresh_token"])).json()
    assert whole["scope"] == "openid profile offline_access"
    wide = await bank.refresh(narrow["refresh_token"], scope="openid email")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")
    assert (await bank.refresh(narrow["refresh_token"])).status_code == 200  # refused without burning it


async def test_a_scope_taken_from_the_client_is_gone_at_the_next_refresh(bank: Bank) -> None:
    first = await bank.tokens()
    bank.change_client("app", default_scopes=("profile",), optional_scopes=())
    assert (await bank.refresh(first["refresh_token"])).json()["scope"] == "openid profile"


async def test_offline_access_taken_from_the_client_ends_its_offline_tokens(bank: Bank) -> None:
    first = await bank.tokens(scope=("openid", "offline_access"))
    bank.change_client("app", optional_scopes=())
    assert (await bank.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_withdrawn_consent_ends_refreshing(bank: Bank) -> None:
    first = await bank.tokens()
    bank.change_client("app", consent_required=True)
    assert (await bank.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_login_below_the_clients_minimum_is_not_renewed(bank: Bank) -> None:
    weak, strong = await bank.tokens(acr="pwd"), await bank.tokens(acr="2fa")
    bank.change_client("app", minimum_acr="2fa")
    assert (await bank.refresh(weak["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await bank.refresh(strong["refresh_token"])).status_code == 200
    bank.change_client("app", minimum_acr="pwd")
    assert (await bank.refresh(weak["refresh_token"])).status_code == 200, "it was not burnt"


async def test_a_consent_that_covers_less_than_was_granted_ends_refreshing(bank: Bank) -> None:
    first = await bank.tokens()
    bank.change_client("app", consent_required=True)
    await bank.change_customer(consents={"app": Consent(scopes=SCOPE[:-1], at=1)})
    assert (await bank.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    await bank.change_customer(consents={"app": Consent(scopes=SCOPE, at=1)})
    assert (await bank.refresh(first["refresh_token"])).status_code == 200


async def test_another_client_cannot_use_a_refresh_token_nor_end_it(bank: Bank) -> None:
    first = await bank.tokens()
    assert (await bank.refresh(first["refresh_token"], "other")).json()["error"] == "invalid_grant"
    assert (await bank.refresh(first["refresh_token"])).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "id_token", "nonsense", "damaged"])
async def test_only_a_refresh_token_refreshes(bank: Bank, kind: str) -> None:
    tokens = await bank.tokens()
    texts = {**tokens, "nonsense": "x.y.z", "damaged": tokens["refresh_token"][:-2] + "AA"}
    assert (await bank.refresh(texts[kind])).json()["error"] == "invalid_grant"


async def test_a_refresh_request_needs_a_token_and_a_client_that_may(bank: Bank) -> None:
    tokens = await bank.tokens()
    assert (await bank.refresh("")).json()["error"] == "invalid_request"
    bank.change_client("app", use_refresh_tokens=False)
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "unauthorized_client"


async def test_a_client_switched_off_gets_no_more_tokens(bank: Bank) -> None:
    tokens = await bank.tokens()
    bank.change_client("app", enabled=False)
    assert (await bank.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"
    assert (await bank.userinfo(tokens["access_token"])).status_code == 401


async def test_no_secret_reaches_a_log_line_or_an_event(bank: Bank) -> None:
    await ready(bank)
    seen: list[str] = [SECRET, VERIFIER]
    codes = [await bank.code("app", text=f"canary-code-{number}") for number in range(3)]
    good = (await bank.redeem(codes[0])).json()
    refreshed = (await bank.refresh(good["refresh_token"])).json()
    for tokens in (good, refreshed):
        seen += [tokens["access_token"], tokens["refresh_token"], tokens["id_token"]]
    await bank.userinfo(good["access_token"])
    await bank.userinfo("canary-token")
    await bank.introspect(good["access_token"])
    await bank.redeem(codes[1], code_verifier="canary-verifier" * 4)
    await bank.redeem(codes[0])
    await bank.redeem(codes[2], client_secret="canary-secret")
    await bank.refresh("canary-refresh")
    await bank.refresh(good["refresh_token"])
    await bank.post("revoke", {"token": good["refresh_token"], **credentials("app")})
    await bank.http.post(PATH + "token", content=b"canary=%ff", headers={"Content-Type": "text/canary"})
    assert "CODE_TO_TOKEN" in await bank.events()
    written = json.dumps(bank.logged, default=repr)
    written += repr(await bank.stores.events.recent(limit=100))
    assert len(bank.logged) > 10
    for secret in [*seen, *(token.rpartition(".")[2] for token in seen), "canary", signing_keys().refresh_key.decode()]:
        assert secret not in written


async def test_a_storm_of_odd_requests_never_ends_in_a_server_error(bank: Bank) -> None:
    bodies = [b"", b"&&&", b"=", b"a=%zz", b"%00=%00", b"grant_type=%ff", b"a" * 60_000, b"a=1&" * 65, b"\xff\xfe"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for suffix in ("token", "revoke", "token/introspect", "userinfo"):
        for body in bodies:
            reply: httpx.Response = await bank.http.post(PATH + suffix, content=body, headers=headers)
            assert reply.status_code in {400, 401}
