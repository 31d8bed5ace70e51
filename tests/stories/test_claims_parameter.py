"""Single claims, asked for by name: from the request to the token, with the person's consent (Core §5.5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from tests.oidc.harness import payload
from tests.stories.settled import Home, Town, opened, with_client

pytestmark = pytest.mark.anyio
MAPPER = {"name": "pairwise", "protocolMapper": "oidc-sha256-pairwise-sub-mapper", "config": {}}


def claims(**places: dict[str, Any]) -> str:
    return json.dumps(places)


async def userinfo(town: Town, token: str) -> dict[str, Any]:
    address = f"{town.bank.issuer}/protocol/openid-connect/userinfo"
    reply: httpx.Response = await town.browser().http.get(address, headers={"authorization": f"Bearer {token}"})
    answer: dict[str, Any] = reply.json()
    return answer


async def test_an_essential_claim_is_answered_at_userinfo(town: Town) -> None:
    asked = claims(userinfo={"phone_number": {"essential": True}, "nickname": None})
    tokens = await town.tokens(scope="openid", claims=asked)
    assert (await userinfo(town, tokens["access_token"]))["phone_number"] == "+355692000101"
    assert "phone_number" not in payload(tokens["id_token"])


async def test_a_claim_for_the_id_token_stands_in_the_id_token(town: Town) -> None:
    tokens = await town.tokens(scope="openid", claims=claims(id_token={"phone_number": None}))
    assert payload(tokens["id_token"])["phone_number"] == "+355692000101"
    assert "phone_number" not in await userinfo(town, tokens["access_token"])


async def test_a_malformed_request_is_told_to_the_client(town: Town) -> None:
    browser = town.browser()
    await browser.open(town.bank.request(claims="{", state="s"))
    assert (browser.answer["error"], browser.answer["state"]) == ("invalid_request", "s")


async def test_a_claim_beyond_the_scopes_is_shown_and_agreed_to(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(consentRequired=True)) as town:
        browser = await town.logged_in(client=town.cards)
        await browser.open(town.bank.request(scope="openid"))
        without = browser.shown.html
        await browser.press("accept")
        page = await browser.open(town.bank.request(scope="openid", claims=claims(userinfo={"phone_number": None})))
        assert "kc-oauth" in page.forms, "what was agreed to did not cover the telephone number"
        more = set(page.html.split("<li>")) - set(without.split("<li>"))
        assert more, "it is shown"
        await browser.press("accept")
        assert "phone" in (await town.user("arta.hoxha")).consents["internet-banking"].scopes
        await browser.open(town.bank.request(scope="openid", claims=claims(userinfo={"phone_number": None})))
        assert "code" in browser.answer, "and remembered"
        await browser.open(town.bank.request(scope="openid", claims=claims(userinfo={"email": None})))
        assert "code" in browser.answer, "a scope that is granted covers it"


async def test_a_request_about_one_user_is_answered_for_that_user_only(town: Town) -> None:
    arta = (await town.user("arta.hoxha")).id
    browser = await town.logged_in()
    mine = claims(id_token={"sub": {"value": arta}})
    await browser.open(town.bank.request(claims=mine, prompt="none"))
    assert "code" in browser.answer
    other = claims(id_token={"sub": {"value": "somebody else"}})
    await browser.open(town.bank.request(claims=other, prompt="none"))
    assert browser.answer["error"] == "login_required"
    await browser.open(town.bank.request(claims=other))
    await town.arta.log_in(browser)
    assert browser.answer["error"] == "login_required", "somebody else has logged in"


async def test_a_client_with_pairwise_subjects_asks_about_its_user_by_its_own_name(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(protocolMappers=[MAPPER])) as town:
        tokens = await town.tokens()
        arta, name = (await town.user("arta.hoxha")).id, payload(tokens["id_token"])["sub"]
        assert name != arta
        browser = await town.logged_in()
        for request in ({"id_token_hint": tokens["id_token"]}, {"claims": claims(id_token={"sub": {"value": name}})}):
            await browser.open(town.bank.request(prompt="none", **request))
            assert "code" in browser.answer
        await browser.open(town.bank.request(prompt="none", claims=claims(id_token={"sub": {"value": arta}})))
        assert browser.answer["error"] == "login_required", "the id is no name that this client knows"
        await browser.open(town.bank.request(claims=claims(id_token={"sub": {"value": arta}})))
        await town.arta.log_in(browser)
        assert browser.answer["error"] == "login_required", "nor after a login"
        cards = await town.tokens(client=town.cards)
        assert payload(cards["id_token"])["sub"] == arta, "another client sees the user's id"
        assert (await userinfo(town, tokens["access_token"]))["sub"] == name


async def test_an_id_token_is_encrypted_on_its_way_through_the_browser_too(home: Home, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256", {"use": "enc", "kid": "k"})
    encrypted = with_client(
        implicitFlowEnabled=True,
        attributes={
            "pkce.code.challenge.method": "S256",
            "id.token.encrypted.response.alg": "ECDH-ES",
            "id.token.encrypted.response.enc": "A256GCM",
            "use.jwks.string": "true",
            "jwks.string": json.dumps({"keys": [key.as_dict(private=False)]}),
        },
    )
    async with opened(home, tmp_path, edit=encrypted) as town:
        browser = await town.arta.begin(town.bank, response_type="code id_token", nonce="n")
        await town.arta.log_in(browser)
        read = jwe.decrypt_compact(browser.answer["id_token"], key, algorithms=["ECDH-ES", "A256GCM"])
        assert payload((read.plaintext or b"").decode())["nonce"] == "n"
