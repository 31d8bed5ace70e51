"""An application registers itself, a customer logs in to it and sees who asks; then it goes, and its tokens with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from msgspec.structs import replace

from idp.realms.topics.registration import OPEN, POLICIES
from idp.settings.tables import Conformance, Settings
from tests.oidc.harness import payload
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened
from tests.stories.world import ORIGIN, RelyingParty

pytestmark = pytest.mark.anyio
REALM = f"{ORIGIN}/realms/small-business"
REGISTRATION = f"{REALM}/clients-registrations/openid-connect"
APP = "https://budget.example"


def open_registration(found: dict[str, Any]) -> None:
    """Strangers may register; people are asked before such an application is told anything."""
    found["attributes"][OPEN] = "true"
    policies = ("consent-required", "scope", "max-clients")
    found["components"] = {POLICIES: [{"providerId": one, "subType": "anonymous", "config": {}} for one in policies]}


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=open_registration) as town:
        yield town


async def call(town: Town, method: str, url: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=town.site.application)
    async with httpx.AsyncClient(transport=transport) as http:
        return await http.request(method, url, **options)


async def registered(town: Town, **members: Any) -> dict[str, Any]:
    reply = await call(town, "POST", REGISTRATION, json={"redirect_uris": [f"{APP}/callback"], **members})
    assert reply.status_code == 201, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def relying_party(town: Town, client: dict[str, Any]) -> RelyingParty:
    found = RelyingParty(town, realm="small-business", client_id=client["client_id"], secret=client["client_secret"])
    found.redirect_uri = client["redirect_uris"][0]
    return found


async def entered(town: Town, party: RelyingParty) -> Browser:
    """Log Arta in to the application, as far as what she is asked there."""
    browser = await town.arta.begin(party)
    await town.arta.log_in(browser)
    return browser


async def test_a_customer_is_asked_and_the_application_gets_its_tokens(town: Town) -> None:
    client = await registered(town, client_name="My budget", **{"client_name#sq": "Buxheti im"})
    party = relying_party(town, client)
    browser = await entered(town, party)
    assert "Buxheti im" in browser.shown.html
    assert "My budget" not in browser.shown.html
    await browser.press("accept")
    tokens = (await party.redeem(browser.answer["code"])).json()
    userinfo = f"{REALM}/protocol/openid-connect/userinfo"
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await call(town, "GET", userinfo, headers=headers)).json()["preferred_username"] == "arta.hoxha"
    assert "realm_access" not in payload(tokens["access_token"])
    own = {"authorization": f"Bearer {client['registration_access_token']}"}
    await call(town, "DELETE", client["registration_client_uri"], headers=own)
    assert (await call(town, "GET", userinfo, headers=headers)).status_code == 401


async def test_the_login_page_shows_the_logo_the_policy_and_the_terms(town: Town) -> None:
    client = await registered(
        town,
        client_name="Buxheti <im>",
        logo_uri="https://cdn.budget.example:8443/logo.png",
        policy_uri=f"{APP}/policy",
        tos_uri=f"{APP}/terms",
        **{"policy_uri#sq": f"{APP}/politika"},
    )
    browser = await town.arta.begin(relying_party(town, client))
    page = browser.shown
    assert {"client-logo", "client-policy", "client-tos"} <= page.ids
    assert 'src="https://cdn.budget.example:8443/logo.png"' in page.html
    assert page.links["client-policy"] == f"{APP}/politika"
    assert page.links["client-tos"] == f"{APP}/terms"
    assert "<im>" not in page.html
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' https://cdn.budget.example:8443;" in policy
    assert "'unsafe" not in policy


async def test_who_has_registered_nothing_to_show_is_not_shown(town: Town) -> None:
    page = (await town.arta.begin(town.bank)).shown
    assert not {"client-logo", "client-policy", "client-tos"} & page.ids
    assert "img-src 'self';" in page.headers["content-security-policy"]


async def test_a_registered_application_survives_a_restart(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=open_registration) as town:
        client = await registered(town)
    async with opened(home, tmp_path, edit=open_registration) as town:
        headers = {"authorization": f"Bearer {client['registration_access_token']}"}
        assert (await call(town, "GET", client["registration_client_uri"], headers=headers)).json() == client
        assert "kc-oauth" in (await entered(town, relying_party(town, client))).shown.forms


@pytest.mark.parametrize(
    ("members", "back"),
    [
        (
            {"initiate_login_uri": f"{APP}/login"},
            f"{APP}/login?iss={quote_plus(REALM)}",
        ),
        (
            {"initiate_login_uri": f"{APP}/?a=b"},
            f"{APP}/?a=b&iss={quote_plus(REALM)}",
        ),
        ({"initiate_login_uri": f"{APP}/login", "client_uri": f"{APP}/"}, f"{APP}/"),
    ],
)
async def test_an_error_page_leads_back_to_where_the_application_begins(
    town: Town, members: dict[str, str], back: str
) -> None:
    client = await registered(town, **members)
    page = await town.browser().open(relying_party(town, client).request(redirect_uri="https://evil.example/"))
    assert page.links["back-to-application"] == back


async def test_an_application_that_goes_during_a_login_gets_nothing(town: Town) -> None:
    client = await registered(town)
    browser = await entered(town, relying_party(town, client))
    headers = {"authorization": f"Bearer {client['registration_access_token']}"}
    assert (await call(town, "DELETE", client["registration_client_uri"], headers=headers)).status_code == 204
    page = await browser.press("accept")
    assert not browser.has_left
    assert page.status >= 400


async def signing_keys(town: Town) -> set[str]:
    keys = (await call(town, "GET", f"{REALM}/protocol/openid-connect/certs")).json()["keys"]
    return {key["kid"] for key in keys if key["use"] == "sig"}


async def test_an_examiner_rotates_the_keys_where_the_switch_is_on(home: Home, tmp_path: Path) -> None:
    def switched(settings: Settings) -> Settings:
        return replace(settings, conformance=Conformance(key_rotation=True))

    async with opened(home, tmp_path, settle=switched) as town:
        before = await signing_keys(town)
        reply = await call(town, "POST", f"{REALM}/dev/rotate-keys")
        assert reply.status_code == 200
        after = await signing_keys(town)
        assert before < after
        assert after - before <= set(reply.json()["kids"])
        assert "SIGNING_KEY_ROTATED" in await town.event_types()
        assert (await call(town, "POST", f"{ORIGIN}/realms/nowhere/dev/rotate-keys")).status_code == 404
        assert (await call(town, "GET", f"{REALM}/dev/rotate-keys")).status_code == 405


async def test_nobody_rotates_keys_where_it_is_off(town: Town) -> None:
    assert (await call(town, "POST", f"{REALM}/dev/rotate-keys")).status_code == 404
