"""An independent client library goes through token, refresh, revocation and introspection."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
import pytest

from tests.oidc.harness import BASE, PATH, REDIRECT, SECRET, SPA_REDIRECT, VERIFIER, Bank

with warnings.catch_warnings(record=True):  # Authlib announces httpx2 whenever it is imported
    from authlib.integrations.httpx_client import AsyncOAuth2Client

pytestmark = pytest.mark.anyio


def client(bank: Bank, client_id: str, **options: Any) -> Any:
    return AsyncOAuth2Client(
        client_id=client_id,
        redirect_uri=SPA_REDIRECT if client_id == "spa" else REDIRECT,
        code_challenge_method="S256",
        transport=httpx.ASGITransport(bank._application()),
        **options,
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_authlib_gets_refreshes_introspects_and_revokes_tokens(bank: Bank, method: str) -> None:
    await bank.customer()
    await bank.login()
    name = "spa" if method == "none" else "app"
    options = {} if method == "none" else {"client_secret": SECRET}
    peer = client(bank, name, token_endpoint_auth_method=method, **options)
    code = await bank.code(name)
    token = await peer.fetch_token(
        f"{BASE}{PATH}token", code=code, code_verifier=VERIFIER, grant_type="authorization_code"
    )
    assert token["token_type"] == "Bearer"
    assert (await peer.get(f"{BASE}{PATH}userinfo")).json()["preferred_username"] == "ana"
    refreshed = await peer.refresh_token(f"{BASE}{PATH}token", refresh_token=token["refresh_token"])
    assert refreshed["access_token"] != token["access_token"]
    if method != "none":
        reply = await peer.introspect_token(f"{BASE}{PATH}token/introspect", token=refreshed["access_token"])
        assert reply.json()["active"] is True
    reply = await peer.revoke_token(f"{BASE}{PATH}revoke", token=refreshed["refresh_token"])
    assert reply.status_code == 200
    assert (await bank.userinfo(refreshed["access_token"])).status_code == 401
    await peer.aclose()
