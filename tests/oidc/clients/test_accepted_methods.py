"""The realm's flow for clients says which methods it accepts, whatever a client is registered with and proves."""

from __future__ import annotations

import msgspec
import pytest

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, ClientAuthenticator
from tests.fakes import FakeClock
from tests.oidc.harness import SECRET, Bank
from tests.oidc.registration.registering import refusal, registered, registrar, send
from tests.oidc.signers import asserting, claims, signed, staff

pytestmark = pytest.mark.anyio
WELL_KNOWN = "/realms/bank/.well-known/openid-configuration"
UNKNOWN = {"token": "none of ours"}
ENDPOINTS = ("token", "revocation", "introspection")


@pytest.fixture
async def bank(clock: FakeClock, anyio_backend: str) -> Bank:
    del anyio_backend
    return staff(await registrar(clock))


def accept(bank: Bank, *methods: ClientAuthenticator) -> None:
    bank.realm = msgspec.structs.replace(bank.realm, client_authenticators=methods)


async def test_a_right_secret_is_refused_where_the_realm_accepts_none(bank: Bank) -> None:
    assert (await bank.post("revoke", UNKNOWN, auth=("app", SECRET))).status_code == 200
    accept(bank, "client-jwt")
    reply = await bank.post("revoke", UNKNOWN, auth=("app", SECRET))
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert reply.headers["www-authenticate"].startswith("Basic")


async def test_a_good_assertion_is_refused_where_the_realm_accepts_none(bank: Bank) -> None:
    assert (await bank.post("token", asserting(signed(claims(bank))))).status_code == 200
    accept(bank, "client-secret", "client-secret-jwt", "client-x509")
    reply = await bank.post("token", asserting(signed(claims(bank))))
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" not in reply.headers


async def test_a_public_client_comes_in_by_the_step_of_secrets_as_in_keycloak(bank: Bank) -> None:
    public = {**UNKNOWN, "client_id": "spa"}
    assert (await bank.post("revoke", public)).status_code == 200
    bank.change_client("spa", authentication="client-jwt")  # Keycloak ignores it where there is nothing to prove
    accept(bank, "client-secret")
    assert (await bank.post("revoke", public)).status_code == 200
    accept(bank, "client-jwt")
    assert (await bank.post("revoke", public)).json()["error"] == "invalid_client"


async def test_a_client_that_registered_itself_is_refused_alike(bank: Bank) -> None:
    client = await registered(bank)
    proof = client["client_id"], client["client_secret"]
    assert (await bank.post("revoke", UNKNOWN, auth=proof)).status_code == 200
    accept(bank, "client-jwt")
    assert (await bank.post("revoke", UNKNOWN, auth=proof)).json()["error"] == "invalid_client"


async def test_nobody_registers_with_a_method_that_is_not_accepted(bank: Bank) -> None:
    accept(bank, "client-jwt")
    for method in ("client_secret_basic", "none", None):
        reply = await send(bank, token_endpoint_auth_method=method)
        assert refusal(reply)[1] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("methods", "listed", "algorithms"),
    [
        (("client-jwt",), ["private_key_jwt"], list(PUBLIC_KEY_ALGORITHMS)),
        (("client-secret",), ["client_secret_basic", "client_secret_post"], None),
        (("client-x509",), ["tls_client_auth", "self_signed_tls_client_auth"], None),
        (("client-secret-jwt",), ["client_secret_jwt"], ["HS256", "HS384", "HS512"]),
    ],
)
async def test_the_metadata_offers_what_is_accepted_and_nothing_else(
    bank: Bank, methods: tuple[ClientAuthenticator, ...], listed: list[str], algorithms: list[str] | None
) -> None:
    accept(bank, *methods)
    document = (await bank.http.get(WELL_KNOWN)).json()
    public = ["none"] if "client-secret" in methods else []
    for endpoint in ENDPOINTS:
        expected = listed if endpoint == "introspection" else listed + public
        assert document[f"{endpoint}_endpoint_auth_methods_supported"] == expected
        assert document.get(f"{endpoint}_endpoint_auth_signing_alg_values_supported") == algorithms
