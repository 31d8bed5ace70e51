"""FAPI 2.0 Security Profile by certificates: they prove the client and hold its tokens (RFC 8705)."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from joserfc.jwk import ECKey

from tests.oidc.harness import payload
from tests.stories.fapi import FapiClient, certificate, error_of, logged_in, thumbprint, with_fapi_clients
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio

PEM = certificate()


def registered(pem: str) -> str:
    """Return the key set of a client that proves itself by this certificate (RFC 8705 §2.2)."""
    key: Any = x509.load_pem_x509_certificate(pem.encode()).public_key()
    chain = base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()
    return json.dumps({"keys": [{**ECKey.import_key(key).as_dict(private=False), "kid": "tls", "x5c": [chain]}]})


EDIT = with_fapi_clients(
    "fapi-2-security-profile",
    clientAuthenticatorType="client-x509",
    attributes={"x509.self.signed": "true", "jwks.string": registered(PEM)},
)


@pytest.fixture
async def bank(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=EDIT) as town:
        yield town


@pytest.fixture
def client(bank: Town) -> FapiClient:
    client = FapiClient(bank)
    client.signs, client.certificate = False, PEM
    return client


async def test_a_client_that_keeps_the_profile_is_served(bank: Town, client: FapiClient) -> None:
    browser = await logged_in(bank, client.at(await client.push()))
    tokens = (await client.redeem(browser.answer["code"], dpop=None)).json()
    assert tokens["token_type"] == "Bearer"
    assert payload(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint(PEM)}
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 200
    renewed = await client.token(
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "payments"}, dpop=None
    )
    assert payload(renewed.json()["access_token"])["cnf"] == {"x5t#S256": thumbprint(PEM)}
    client.certificate = certificate("thief")
    assert (await client.userinfo(tokens["access_token"], "Bearer")).status_code == 401


@pytest.mark.parametrize("presented", [None, certificate()], ids=["none", "another of the same name"])
async def test_without_its_certificate_a_client_is_nobody(
    bank: Town, client: FapiClient, presented: str | None
) -> None:
    browser = await logged_in(bank, client.at(await client.push()))
    client.certificate = presented
    assert error_of(await client.push()) == (401, "invalid_client")
    assert error_of(await client.redeem(browser.answer["code"], dpop=None)) == (401, "invalid_client")


async def test_a_client_by_certificate_does_not_prove_itself_otherwise(client: FapiClient) -> None:
    client.signs = True
    assert error_of(await client.push()) == (401, "invalid_client")
