"""Applications that register themselves for each response type, as the Implicit, Hybrid and Dynamic profiles do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.realms.topics.registration import OPEN
from tests.stories.settled import Home, opened
from tests.stories.test_response_types import keys, read
from tests.stories.world import ORIGIN, RelyingParty

pytestmark = pytest.mark.anyio
REALM = f"{ORIGIN}/realms/small-business"
CALLBACK = "https://rp.example/callback"
GRANTS = {"code": "authorization_code", "token": "implicit", "id_token": "implicit"}
WITHOUT_PKCE = {"code_challenge": None, "code_challenge_method": None}
TYPES = ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token")


def open_registration(found: dict[str, Any]) -> None:
    found["attributes"][OPEN] = "true"


async def test_a_client_that_registers_a_response_type_gets_it_and_no_other_road(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=open_registration) as town:
        published = await keys(town)
        browser = await town.logged_in()
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=town.site.application))
        for response_type in TYPES:
            words = response_type.split()
            metadata = {
                "redirect_uris": [CALLBACK],
                "response_types": [response_type],
                "grant_types": sorted({GRANTS[word] for word in words}),
                "id_token_signed_response_alg": "RS256",
                "default_max_age": 10000,
                "require_auth_time": True,
            }
            reply = await http.post(f"{REALM}/clients-registrations/openid-connect", json=metadata)
            assert reply.status_code == 201, reply.text
            client = reply.json()
            assert (client["response_types"], client["default_max_age"]) == ([response_type], 10000)
            party = RelyingParty(
                town, realm="small-business", client_id=client["client_id"], secret=client.get("client_secret", "")
            )
            party.redirect_uri = CALLBACK
            asked = {"response_type": response_type, "scope": "openid profile email phone address", **WITHOUT_PKCE}
            await browser.open(party.request(**asked, response_mode="form_post"))
            if not browser.has_left:
                await browser.press("accept")
            assert "form-post" in browser.shown.ids
            await browser.open(party.request(**asked))
            assert "form-post" not in browser.shown.ids
            answer = browser.answer
            assert set(words) & {"code", "id_token"} <= set(answer), answer
            if "id_token" in words:
                claims = read(answer["id_token"], published)
                assert (claims["aud"], claims["nonce"]) == (client["client_id"], "a-nonce")
                assert "auth_time" in claims
                await browser.open(party.request(response_type=response_type, nonce=None, **WITHOUT_PKCE))
                assert browser.answer["error"] == "invalid_request"
            if "token" in words:
                assert await town.userinfo(answer["access_token"]) == 200
            if "code" in words:
                redeemed = await party.post(
                    "token", grant_type="authorization_code", code=answer["code"], redirect_uri=CALLBACK
                )
                assert redeemed.status_code == 200, redeemed.text
            else:
                await browser.open(party.request())
                assert browser.answer["error"] == "unauthorized_client"
        await http.aclose()
