"""An independent client library proves itself by assertion, with its own idea of what one looks like."""

from __future__ import annotations

import time
import warnings
from typing import Any

import httpx
import pytest

from idp.model.clients.assertion import AssertionRules
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, PATH, Bank
from tests.oidc.signers import ISSUER, KEYS, SHARED, staff

with warnings.catch_warnings(record=True):  # Authlib announces httpx2 whenever it is imported
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT

pytestmark = pytest.mark.anyio
TOKEN = f"{BASE}{PATH}token"
AN_HOUR = 3600  # what Authlib's assertions live


@pytest.fixture
def bank() -> Bank:
    bank = staff(Bank(FakeClock(time.time())))  # noqa: TID251 - Authlib looks at the real clock
    bank.change_client("robot", assertion=AssertionRules(longest_life=AN_HOUR))
    bank.change_client("sharer", assertion=AssertionRules(longest_life=AN_HOUR))
    return bank


def peer(bank: Bank, client_id: str, secret: Any, method: Any) -> Any:
    client = AsyncOAuth2Client(
        client_id=client_id,
        client_secret=secret,
        token_endpoint_auth_method=method.name,
        revocation_endpoint_auth_method=method.name,
        transport=httpx.ASGITransport(bank._application()),
    )
    client.register_client_auth_method(method)
    return client


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384"])
async def test_authlib_proves_itself_by_its_key(bank: Bank, algorithm: str) -> None:
    key = KEYS[algorithm]
    client = peer(bank, "robot", key, PrivateKeyJWT(ISSUER, headers={"kid": key.kid}, alg=algorithm))
    await client.fetch_token(TOKEN, grant_type="client_credentials")
    token = await client.fetch_token(TOKEN, grant_type="client_credentials", scope="payments")
    assert token["scope"] == "payments profile"
    reply = await client.introspect_token(f"{TOKEN}/introspect", token=token["access_token"])
    assert reply.json()["username"] == "service-account-robot"
    assert (await client.revoke_token(f"{BASE}{PATH}revoke", token=token["access_token"])).status_code == 200
    reply = await client.introspect_token(f"{TOKEN}/introspect", token=token["access_token"])
    assert reply.json() == {"active": False}
    await client.aclose()


async def test_authlib_proves_itself_by_its_secret(bank: Bank) -> None:
    client = peer(bank, "sharer", SHARED, ClientSecretJWT(ISSUER))
    token = await client.fetch_token(TOKEN, grant_type="client_credentials")
    assert token["token_type"] == "Bearer"
    await client.aclose()


async def test_rfc_10070_authlibs_default_audience_is_refused(bank: Bank) -> None:
    client = peer(bank, "robot", KEYS["ES256"], PrivateKeyJWT(headers={"kid": "ec"}, alg="ES256"))
    with pytest.raises(Exception, match="invalid_client"):
        await client.fetch_token(TOKEN, grant_type="client_credentials")
    await client.aclose()
