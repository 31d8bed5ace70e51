"""The second address, where clients are asked for a certificate (RFC 8705 §5)."""

from __future__ import annotations

import httpx
import pytest

from tests.fakes import FakeClock
from tests.oidc.harness import BASE, MUTUAL, PATH, Bank, credentials
from tests.oidc.proofs import proof

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    bank = Bank(clock, mutual_tls_url=MUTUAL)
    bank.change_client("app", service_account=True)
    return bank


async def asked(bank: Bank, origin: str, text: str, **headers: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", **credentials("app")}
    return await bank.http.post(f"{origin}{PATH}token", data=form, headers={"DPoP": text, **headers})


@pytest.mark.parametrize("origin", [BASE, MUTUAL])
async def test_a_proof_names_the_address_that_the_request_came_to(bank: Bank, origin: str) -> None:
    other = MUTUAL if origin == BASE else BASE
    assert (await asked(bank, origin, proof(bank, address=f"{origin}{PATH}token"))).status_code == 200
    reply = await asked(bank, origin, proof(bank, address=f"{other}{PATH}token"))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_dpop_proof")


async def test_an_unknown_host_is_the_public_address(bank: Bank) -> None:
    assert (await asked(bank, BASE, proof(bank), Host="evil.example")).status_code == 200


async def test_every_endpoint_of_the_metadata_that_clients_authenticate_at_has_an_alias(bank: Bank) -> None:
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    aliases = document["mtls_endpoint_aliases"]
    assert aliases["token_endpoint"] == f"{MUTUAL}{PATH}token"
    assert all(aliases[name] == MUTUAL + document[name].removeprefix(BASE) for name in aliases)
    assert {"token_endpoint", "revocation_endpoint", "introspection_endpoint", "userinfo_endpoint"} <= aliases.keys()
    assert document["issuer"] == f"{BASE}/realms/bank", "the issuer has no second name"
    assert not {"authorization_endpoint", "jwks_uri", "end_session_endpoint"} & aliases.keys()


async def test_without_a_second_address_there_are_no_aliases(clock: FakeClock) -> None:
    document = (await Bank(clock).http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert "mtls_endpoint_aliases" not in document
