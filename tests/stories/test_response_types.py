"""Every response type in every response mode, and what arrives: verified by the libraries that applications use."""

from __future__ import annotations

import json
import secrets
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from authlib.oidc.core import HybridIDToken, ImplicitIDToken
from joserfc import jwe, jws, jwt
from joserfc.jwk import KeySet, RSAKey

from idp.oidc.authorization.response import RESPONSE_TYPES
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, logging_to, opened, with_client, with_realm
from tests.stories.world import ORIGIN, Edit

pytestmark = pytest.mark.anyio

MODES = (None, "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
JARM = {"jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}
ISSUER = f"{ORIGIN}/realms/small-business"
IMPLICIT = with_client(implicitFlowEnabled=True)
SECRETS = {"code", "id_token", "access_token", "response"}
EVIL_STATE = "\"><script>alert(1)</script>&#34; ' </form> \r\n é %22"


def both(*edits: Edit) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        for one in edits:
            one(document)

    return edit


def in_front(response_type: str) -> bool:
    return bool({"token", "id_token"} & set(response_type.split()))


async def keys(town: Town) -> KeySet:
    reply = await town.browser().http.get(f"{ISSUER}/protocol/openid-connect/certs")
    return KeySet.import_key_set(reply.json())


def read(token: str, published: KeySet) -> dict[str, Any]:
    """Verify a token as a relying party does."""
    decoded = jwt.decode(token, published, algorithms=["ES256", "RS256", "PS256", "EdDSA", "ES384"])
    return dict(decoded.claims)


async def answer_of(town: Town, browser: Browser, **request: str | None) -> dict[str, str]:
    """Ask with the session of a browser that is logged in; what a JARM answer holds is what was answered."""
    await browser.open(town.bank.request(**request))
    assert browser.arrived is not None, browser.shown.message
    answer = browser.answer
    if "response" in answer:
        assert set(answer) == {"response"}, "nothing stands beside a signed answer"
        claims = read(answer["response"], await keys(town))
        assert claims.pop("aud") == "internet-banking"
        assert 0 < claims.pop("exp") - claims.pop("iat") <= 600
        assert all(isinstance(value, str) for value in claims.values())
        return claims
    return answer


def way_of(browser: Browser, town: Town) -> str:
    """Tell by what road the browser left."""
    assert browser.arrived is not None
    if browser.posted is not None:
        assert browser.arrived == town.bank.redirect_uri
        return "form_post"
    parts = urlsplit(browser.arrived)
    assert bool(parts.query) != bool(parts.fragment)
    return "fragment" if parts.fragment else "query"


async def test_every_response_type_is_answered_in_every_mode_with_exactly_what_was_asked(
    home: Home, tmp_path: Path
) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        for response_type, mode in product(RESPONSE_TYPES, MODES):
            answer = await answer_of(town, browser, response_type=response_type, response_mode=mode)
            way = way_of(browser, town)
            assert (answer["iss"], answer["state"]) == (ISSUER, "a-state")
            if in_front(response_type) and mode in {"query", "query.jwt"}:
                assert answer["error"] == "invalid_request"
                assert way == "fragment"
                assert set(answer) == {"error", "error_description", "iss", "state"}
                continue
            expected = {"iss", "state", "session_state"}
            words = set(response_type.split())
            expected |= words & {"code", "id_token"}
            expected |= {"access_token", "token_type", "expires_in", "scope"} if "token" in words else set()
            assert set(answer) == expected, (response_type, mode)
            usual = "fragment" if in_front(response_type) else "query"
            assert way == (usual if mode in {None, "jwt"} else str(mode).removesuffix(".jwt"))


async def test_errors_travel_in_the_mode_of_the_request(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = town.browser()
        for response_type, mode in product(RESPONSE_TYPES, MODES):
            if in_front(response_type) and mode in {"query", "query.jwt"}:
                continue
            answer = await answer_of(town, browser, response_type=response_type, response_mode=mode, prompt="none")
            assert answer["error"] == "login_required"
            usual = "fragment" if in_front(response_type) else "query"
            assert way_of(browser, town) == (usual if mode in {None, "jwt"} else str(mode).removesuffix(".jwt"))


async def test_a_client_gets_tokens_through_the_browser_only_where_its_file_says_so(town: Town) -> None:
    browser = await town.logged_in()
    for response_type in RESPONSE_TYPES:
        answer = await answer_of(town, browser, response_type=response_type)
        if in_front(response_type):
            assert answer["error"] == "unauthorized_client"
            assert way_of(browser, town) == "fragment"
        else:
            assert "error" not in answer


async def test_a_client_without_the_code_flow_gets_no_code_in_any_company(home: Home, tmp_path: Path) -> None:
    only_implicit = with_client(implicitFlowEnabled=True, standardFlowEnabled=False)
    async with opened(home, tmp_path, edit=only_implicit) as town:
        browser = await town.arta.begin(town.bank, response_type="id_token")
        await town.arta.log_in(browser)
        assert "id_token" in browser.answer
        for response_type in RESPONSE_TYPES:
            answer = await answer_of(town, browser, response_type=response_type)
            needs_code = bool({"code", "none"} & set(response_type.split()))
            assert answer.get("error") == ("unauthorized_client" if needs_code else None)


async def test_authlib_accepts_every_token_of_the_front_channel(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        published = await keys(town)
        for response_type in [one for one in RESPONSE_TYPES if "id_token" in one.split()]:
            answer = await answer_of(town, browser, response_type=response_type)
            kind = HybridIDToken if "code" in response_type else ImplicitIDToken
            claims = kind(
                read(answer["id_token"], published),
                jws.extract_compact(answer["id_token"].encode()).headers(),
                {"iss": {"value": ISSUER}, "aud": {"value": "internet-banking"}},
                {
                    "nonce": "a-nonce",
                    "client_id": "internet-banking",
                    "access_token": answer.get("access_token"),
                    "code": answer.get("code"),
                },
            )
            claims.validate(now=int(town.clock()))
            words = set(response_type.split())
            assert ("at_hash" in claims, "c_hash" in claims) == ("token" in words, "code" in words)
            assert {"auth_time", "s_hash", "sid"} <= set(claims)


async def test_the_code_and_the_answer_speak_of_the_same_login(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        published = await keys(town)
        answer = await answer_of(town, browser, response_type="code id_token token")
        redeemed = (await town.bank.redeem(answer["code"])).json()
        first, second = read(answer["id_token"], published), read(redeemed["id_token"], published)
        for claim in ("iss", "sub", "aud", "nonce", "auth_time", "acr", "amr", "sid", "email", "name"):
            assert first[claim] == second[claim]
        assert read(answer["access_token"], published)["sub"] == first["sub"]
        assert answer["scope"] == redeemed["scope"]


async def test_an_id_token_alone_says_what_userinfo_would_have_said(home: Home, tmp_path: Path) -> None:
    def only_userinfo(document: dict[str, Any]) -> None:
        for client in document["clients"]:
            client["protocolMappers"] = [
                {
                    "name": "company",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-usermodel-attribute-mapper",
                    "config": {
                        "user.attribute": "company",
                        "claim.name": "company",
                        "jsonType.label": "String",
                        "userinfo.token.claim": "true",
                    },
                }
            ]

    async with opened(home, tmp_path, edit=both(IMPLICIT, only_userinfo)) as town:
        browser = await town.logged_in()
        published = await keys(town)
        alone = read((await answer_of(town, browser, response_type="id_token"))["id_token"], published)
        accompanied = read((await answer_of(town, browser, response_type="id_token token"))["id_token"], published)
        assert "company" in alone
        assert "company" not in accompanied


async def test_a_detached_signature_says_nothing_of_the_user(home: Home, tmp_path: Path) -> None:
    detached = with_client(implicitFlowEnabled=True, attributes={"id.token.as.detached.signature": "true"})
    async with opened(home, tmp_path, edit=detached) as town:
        browser = await town.logged_in()
        published = await keys(town)
        answer = await answer_of(town, browser, response_type="code id_token")
        claims = read(answer["id_token"], published)
        assert {"c_hash", "s_hash", "nonce", "sub"} <= set(claims)
        assert not {"name", "given_name", "email", "preferred_username", "company"} & set(claims)
        assert "name" in read((await town.bank.redeem(answer["code"])).json()["id_token"], published)
        stateless = await answer_of(town, browser, response_type="code id_token", state=None)
        assert "s_hash" not in read(stateless["id_token"], published)


async def test_an_access_token_of_the_answer_lives_and_dies_with_its_session(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        answer = await answer_of(town, browser, response_type="code token")
        assert await town.userinfo(answer["access_token"]) == 200
        assert await town.is_active(answer["access_token"])
        assert (await town.bank.redeem(answer["code"])).status_code == 200
        # Whoever redeems the code again has stolen it: what came with it is as suspect (RFC 6749 §4.1.2).
        assert (await town.bank.redeem(answer["code"])).status_code == 400
        assert await town.userinfo(answer["access_token"]) == 401
        again = await answer_of(town, browser, response_type="id_token token")
        assert await town.userinfo(again["access_token"]) == 200
        await browser.open(f"{ISSUER}/protocol/openid-connect/logout?id_token_hint={again['id_token']}")
        assert await town.userinfo(again["access_token"]) == 401


async def test_a_token_that_nothing_can_renew_has_a_life_of_its_own(home: Home, tmp_path: Path) -> None:
    lives = with_realm(accessTokenLifespan=120, accessTokenLifespanForImplicitFlow=600)
    async with opened(home, tmp_path, edit=both(IMPLICIT, lives)) as town:
        browser = await town.logged_in()
        for response_type, life in (("id_token token", 600), ("code token", 120)):
            answer = await answer_of(town, browser, response_type=response_type)
            assert answer["expires_in"] == str(life)
            claims = read(answer["access_token"], await keys(town))
            assert claims["exp"] - claims["iat"] == life
    of_the_client = with_client(implicitFlowEnabled=True, attributes={"access.token.lifespan": "60"})
    async with opened(home, tmp_path / "again", edit=both(of_the_client, lives)) as town:
        browser = await town.logged_in()
        assert (await answer_of(town, browser, response_type="id_token token"))["expires_in"] == "60"


async def test_none_asks_for_a_session_and_nothing_else(town: Town) -> None:
    browser = await town.arta.begin(town.bank, response_type="none", code_challenge=None, code_challenge_method=None)
    await town.arta.log_in(browser)
    assert set(browser.answer) == {"session_state", "state", "iss"}
    await browser.open(town.bank.request(prompt="none"))
    assert "code" in browser.answer


async def test_the_page_that_posts_an_answer_needs_no_script_and_forbids_none(town: Town) -> None:
    browser = await town.logged_in()
    page = await browser.open(town.bank.request(response_mode="form_post", state=EVIL_STATE))
    assert browser.posted is not None
    assert browser.posted["state"] == EVIL_STATE
    assert "<script>alert" not in page.html
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "strict-origin", "our address, and nothing of what stands in it"
    policy = page.headers["content-security-policy"]
    assert "form-action" not in policy, "Chromium applies it to the redirects of the application as well"
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert {"form-post", "form-post-continue"} <= page.ids
    (script,) = [part.split('"')[0] for part in page.html.split('src="') if "form-post.js" in part]
    assert (await browser.http.get(script)).status_code == 200
    assert set(browser.posted) == {"code", "state", "iss", "session_state"}, "the button and the script add nothing"


async def test_a_login_can_end_in_a_page_that_posts_with_the_cookie_of_the_new_session(town: Town) -> None:
    browser = await town.arta.begin(town.bank, response_mode="form_post")
    page = await town.arta.log_in(browser)
    assert page.status == 200
    assert browser.posted is not None
    assert [name for name in browser.http.cookies if "session" in name]
    assert (await town.bank.redeem(browser.posted["code"])).status_code == 200
    await browser.open(town.bank.request(prompt="none"))
    assert "code" in browser.answer


async def test_who_does_not_want_to_log_in_can_say_so(town: Town) -> None:
    for mode in ("query", "fragment", "form_post", "jwt"):
        browser = await town.arta.begin(town.bank, response_mode=mode)
        assert "login-cancel" in browser.shown.ids
        address = browser.shown.url
        await browser.press("cancelLogin")
        answer = browser.answer
        if "response" in answer:
            answer = read(answer["response"], await keys(town))
        assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a-state", ISSUER)
        assert "code" not in answer
        assert (await browser.open(address)).status == 410, "the login is over"
        assert [name for name in browser.http.cookies if "session" in name] == []
    # One event each, as Keycloak writes it; it says where in the flow, too.
    events = [event for event in await town.events() if event.type == "LOGIN_ERROR"]
    assert [event.error for event in events] == ["rejected_by_user"] * 4
    assert {event.detail["reason"] for event in events} == {"cancelled by the person"}


async def test_a_refused_consent_travels_as_an_answer_would(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(consentRequired=True)) as town:
        for mode, way in (("form_post", "form_post"), ("form_post.jwt", "form_post"), ("fragment.jwt", "fragment")):
            browser = await town.arta.begin(town.bank, response_mode=mode)
            await town.arta.log_in(browser)
            assert "consent-deny" in browser.shown.ids
            await browser.press("cancel")
            answer = browser.answer
            if "response" in answer:
                answer = read(answer["response"], await keys(town))
            assert (answer["error"], answer["state"]) == ("access_denied", "a-state")
            assert way_of(browser, town) == way


async def test_there_is_nobody_to_tell_where_no_application_asked(town: Town) -> None:
    browser = town.browser()
    page = await browser.open(f"{ISSUER}/login-actions/soft-token-registration")
    assert "login-cancel" not in page.ids
    page = await browser.post(page.forms["kc-form-login"].action, {"cancelLogin": "1"})
    assert not browser.has_left
    assert "kc-form-login" in page.forms, "an odd form is a wrong answer like any other"


async def test_the_event_of_a_login_says_what_was_sent_and_how(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        await browser.open(town.bank.request(response_type="token id_token", response_mode="form_post.jwt"))
        event = next(event for event in await town.events() if event.type == "LOGIN")
        assert (event.detail["response_type"], event.detail["response_mode"]) == ("id_token token", "form_post.jwt")
        assert not any(value in str(event) for value in browser.answer.values())


async def test_nothing_of_an_answer_is_written_to_the_log_or_the_store(home: Home, tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    async with opened(home, tmp_path, edit=IMPLICIT, log=logging_to(lines.append)) as town:
        browser = await town.logged_in()
        told: list[str] = []
        for mode in ("fragment", "form_post", "jwt"):
            await browser.open(town.bank.request(response_type="code id_token token", response_mode=mode))
            told += [text for name, text in browser.answer.items() if name in SECRETS]
        events = str(await town.events())
    assert len(told) == 7
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    for text in told:
        assert text not in str(lines)
        assert text not in events
        assert text.encode() not in kept


async def test_a_signed_answer_is_signed_as_the_client_registered(home: Home, tmp_path: Path) -> None:
    for algorithm in ("PS256", "ES384"):
        folder = tmp_path / algorithm
        edit = with_client(attributes={"authorization.signed.response.alg": algorithm})
        async with opened(home, folder, edit=edit) as town:
            browser = await town.logged_in()
            await browser.open(town.bank.request(response_mode="jwt"))
            token = jws.extract_compact(browser.answer["response"].encode())
            assert token.headers()["alg"] == algorithm
            assert read(browser.answer["response"], await keys(town))["iss"] == ISSUER


async def test_a_signed_answer_passes_for_no_token(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        await browser.open(town.bank.request(response_mode="jwt", response_type="code id_token token"))
        response = browser.answer["response"]
        assert await town.userinfo(response) == 401
        assert not await town.is_active(response)
        await browser.open(town.bank.request(id_token_hint=response))
        assert browser.answer["error"] == "invalid_request"
        page = await browser.open(f"{ISSUER}/protocol/openid-connect/logout?id_token_hint={response}")
        assert "info-message" not in page.ids, "nobody is logged out by it"
        assert (await town.bank.post("token", grant_type="refresh_token", refresh_token=response)).status_code == 400


async def test_an_id_token_of_another_client_is_no_hint(town: Town) -> None:
    tokens = await town.tokens(town.cards)
    browser = town.browser()
    await browser.open(town.bank.request(id_token_hint=tokens["id_token"]))
    assert browser.answer["error"] == "invalid_request"
    encrypted = ".".join(secrets.token_urlsafe(16) for _ in range(5))
    await browser.open(town.bank.request(id_token_hint=encrypted))
    assert browser.answer["error"] == "invalid_request"


async def test_an_old_id_token_is_still_a_hint(town: Town) -> None:
    tokens = await town.tokens()
    town.clock.advance(30 * 24 * 3600)
    browser = town.browser()
    page = await browser.open(town.bank.request(id_token_hint=tokens["id_token"]))
    assert "kc-form-login" in page.forms


async def test_an_encrypted_answer_is_for_the_client_alone(home: Home, tmp_path: Path) -> None:
    ours = RSAKey.generate_key(2048, {"use": "enc", "alg": "RSA-OAEP-256"}, auto_kid=True)
    attributes = {
        "authorization.encrypted.response.alg": "RSA-OAEP-256",
        "authorization.encrypted.response.enc": "A256GCM",
        "use.jwks.string": "true",
        "jwks.string": json.dumps({"keys": [ours.as_dict(private=False)]}),
    }
    async with opened(home, tmp_path, edit=with_client(attributes=attributes)) as town:
        browser = await town.logged_in()
        await browser.open(town.bank.request(response_mode="jwt"))
        token = jwe.decrypt_compact(browser.answer["response"], ours, algorithms=["RSA-OAEP-256", "A256GCM"])
        assert token.plaintext is not None
        claims = read(token.plaintext.decode(), await keys(town))
        assert {"code", "state", "iss", "aud", "exp"} <= set(claims)
        await browser.open(town.bank.request(response_mode="jwt", prompt="none login"))
        assert len(browser.answer["response"].split(".")) == 5, "errors are nobody else's business either"


async def test_an_answer_that_cannot_be_encrypted_is_not_sent_in_clear(home: Home, tmp_path: Path) -> None:
    attributes = {
        "authorization.encrypted.response.alg": "RSA-OAEP-256",
        "use.jwks.url": "true",
        "jwks.url": "https://keys.invalid/jwks",
    }
    async with opened(home, tmp_path, edit=with_client(attributes=attributes)) as town:
        browser = await town.logged_in()
        for request in ({}, {"prompt": "none login"}):
            page = await browser.open(town.bank.request(response_mode="jwt", **request))
            assert not browser.has_left
            assert page.status == 400


async def test_who_is_logged_in_is_offered_where_an_account_is_to_be_chosen(town: Town) -> None:
    browser = await town.logged_in()
    page = await browser.open(town.bank.request(prompt="select_account"))
    assert page.forms["kc-form-login"].values["username"] == "arta.hoxha"
    page = await browser.open(town.bank.request(prompt="select_account", login_hint="somebody"))
    assert page.forms["kc-form-login"].values["username"] == "somebody", "what the application knows goes first"
    besnik = town.besnik
    await besnik.register(browser)
    await besnik.log_in(browser)
    await besnik.first_access(browser)
    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    assert read(tokens["id_token"], await keys(town))["preferred_username"] == besnik.username
    await browser.open(town.bank.request(prompt="none"))
    again = (await town.bank.redeem(browser.answer["code"])).json()
    assert read(again["id_token"], await keys(town))["preferred_username"] == besnik.username, "the first one is out"


async def test_nobody_is_offered_where_nobody_is_logged_in(town: Town) -> None:
    page = await town.browser().open(town.bank.request(prompt="select_account"))
    assert page.forms["kc-form-login"].values["username"] == ""
    browser = await town.logged_in()
    await town.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    page = await browser.open(town.bank.request(prompt="select_account"))
    assert page.forms["kc-form-login"].values["username"] == "", "a disabled user's session says nothing"


async def test_a_long_state_comes_back_whole(home: Home, tmp_path: Path) -> None:
    state = "s" * 4000 + EVIL_STATE
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in(state=state)
        assert browser.answer["state"] == state
        for mode in ("fragment", "form_post", "jwt"):
            assert (await answer_of(town, browser, state=state, response_mode=mode))["state"] == state


async def test_an_authorization_request_by_post_may_ask_for_any_answer(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=IMPLICIT) as town:
        browser = await town.logged_in()
        query = parse_qs(urlsplit(town.bank.request(response_type="code id_token", response_mode="form_post")).query)
        await browser.post(
            f"{ISSUER}/protocol/openid-connect/auth", {name: values[0] for name, values in query.items()}
        )
        assert browser.posted is not None
        assert {"code", "id_token"} <= set(browser.posted)
