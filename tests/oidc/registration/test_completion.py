"""What a client may register, and what it is told instead (RFC 7591 §2, OpenID Registration §2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, RSAKey

from idp.model.clients.protection import Protection
from tests.oidc.harness import Bank
from tests.oidc.registration.registering import (
    CALLBACK,
    METADATA,
    PATH,
    REDIRECT,
    SECTOR,
    FakeOutbound,
    initial_token,
    public_jwks,
    refusal,
    registered,
    send,
)

pytestmark = pytest.mark.anyio


class TestRedirectUris:
    @pytest.mark.parametrize(
        "uri",
        [
            "https://client.example/callback#fragment",
            "https://client.example/callback#",
            "http://client.example/callback",
            "http://localhost/callback",
            "https://client.example/*",
            "https://*.example/callback",
            "https://user@client.example/",
            "https://client.example:0/",
            "https://client.example\\@evil.example/",
            "https://client.example /",
            "https://clïent.example/",
            "https://client.example/\u0000",
            "https://evil.example;frame-src/",
            "https://[::1/",
            "https:///callback",
            "//client.example/callback",
            "/callback",
            "callback",
            "javascript:alert(1)",
            "data:text/html,x",
            "al.bank.app:/callback",
            "+",
            "",
        ],
    )
    async def test_a_web_applications_address_is_https_and_exact(self, bank: Bank, uri: str) -> None:
        assert refusal(await send(bank, redirect_uris=[CALLBACK, uri])) == REDIRECT
        assert refusal(await send(bank, post_logout_redirect_uris=[uri])) == METADATA

    @pytest.mark.parametrize("uris", [None, [], "https://client.example/", [1], {"a": 1}, [["https://a.example/"]]])
    async def test_there_is_one_and_it_is_text(self, bank: Bank, uris: object) -> None:
        assert refusal(await send(bank, redirect_uris=uris)) == REDIRECT

    @pytest.mark.parametrize(
        "uri",
        [
            "al.bank.app:/callback",
            "http://localhost:1234/callback",
            "http://127.0.0.1/",
            "http://[::1]:8/",
            "https://app.bank.example/callback",
        ],
    )
    async def test_a_native_application_may_use_its_scheme_and_loopback(self, bank: Bank, uri: str) -> None:
        assert (await registered(bank, application_type="native", redirect_uris=[uri]))["redirect_uris"] == [uri]

    @pytest.mark.parametrize(
        "uri", ["javascript:alert(1)", "myapp:/callback", "al.bank.app://host/", "http://evil.example/", "file:///x"]
    )
    async def test_a_native_application_may_use_no_scheme_that_others_have(self, bank: Bank, uri: str) -> None:
        assert refusal(await send(bank, application_type="native", redirect_uris=[uri])) == REDIRECT

    async def test_a_query_is_kept(self, bank: Bank) -> None:
        assert (await registered(bank, redirect_uris=[f"{CALLBACK}?foo=bar"]))["redirect_uris"] == [
            f"{CALLBACK}?foo=bar"
        ]


class TestMetadata:
    @pytest.mark.parametrize(
        "members",
        [
            {"token_endpoint_auth_method": "client_secret_magic"},
            {"token_endpoint_auth_method": "private_key_jwt"},
            {"token_endpoint_auth_method": "tls_client_auth"},
            {"tls_client_auth_subject_dn": "CN=x"},
            {"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "RS256"},
            {"token_endpoint_auth_signing_alg": "none"},
            {"id_token_signed_response_alg": "HS1"},
            {"id_token_encrypted_response_alg": "RSA1_5"},
            {"id_token_encrypted_response_enc": "A128GCM"},
            {"userinfo_encrypted_response_alg": "dir"},
            {"request_object_encryption_enc": "A128GCM"},
            {"subject_type": "transient"},
            {"application_type": "spa"},
            {"grant_types": ["password"]},
            {"grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"]},
            {"grant_types": ["client_credentials"], "response_types": ["code"]},
            {"grant_types": ["authorization_code", "client_credentials"]},
            {"response_types": ["token code magic"]},
            {"response_types": "code"},
            {"backchannel_token_delivery_mode": "push"},
            {"backchannel_user_code_parameter": True},
            {"authorization_details_types": ["no-such-type"]},
            {"default_max_age": -1},
            {"default_max_age": "60"},
            {"require_auth_time": "true"},
            {"logo_uri": "http://client.example/logo.png"},
            {"logo_uri": "javascript:alert(1)"},
            {"policy_uri#sq": "http://client.example/"},
            {"tos_uri": "https://client.example/#x"},
            {"client_uri": "https://user:password@client.example/"},
            {"initiate_login_uri": "http://client.example/login"},
            {"backchannel_logout_uri": "http://client.example/logout"},
            {"backchannel_logout_uri": "https://client.example/logout#x"},
            {"frontchannel_logout_uri": "https://elsewhere.example/logout"},
            {"request_uris": ["http://client.example/request"]},
            {"request_uris": ["https://client.example/*"], "jwks_uri": "ftp://client.example/"},
            {"jwks": {"keys": []}, "jwks_uri": "https://client.example/jwks"},
            {"jwks": {}},
            {"jwks": []},
            {"jwks": {"keys": [1]}},
            {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
            {"jwks": {"keys": [{}] * 33}},
            {"client_name": "x" * 3000},
            {"client_name": 1},
            {"client_name": "Pagesat\u202ekcatta"},
            {"client_name": "two\nlines"},
            {"contacts": ["a@b.example", ""]},
            {"contacts": "a@b.example"},
            {"contacts": ["a@b.example#", "c@d.example"]},
            {"default_acr_values": ["a##b"]},
            {"request_uris": ["https://client.example/r#"]},
            {f"client_name#a{n}": "x" for n in range(65)},
            {"require_signed_request_object": True, "request_object_signing_alg": "none"},
        ],
        ids=str,
    )
    async def test_what_cannot_be_registered_is_refused(self, bank: Bank, members: dict[str, Any]) -> None:
        assert refusal(await send(bank, **members)) == METADATA
        assert await bank.stores.registered_clients.all() == []

    async def test_a_private_key_is_refused_and_not_repeated(self, bank: Bank) -> None:
        for key in (ECKey.generate_key("P-256"), RSAKey.generate_key(2048)):
            private = key.as_dict(private=True)
            reply = await send(bank, jwks={"keys": [*public_jwks()["keys"], private]})
            assert refusal(reply) == METADATA
            assert str(private["d"]) not in reply.text

    async def test_keys_that_a_signing_client_cannot_sign_with_are_refused(self, bank: Bank) -> None:
        curve = ECKey.import_key(ec.generate_private_key(ec.SECP521R1())).as_dict(private=False)
        jwks = {"keys": [curve]}
        assert refusal(await send(bank, token_endpoint_auth_method="private_key_jwt", jwks=jwks)) == METADATA

    async def test_grants_and_response_types_follow_from_each_other(self, bank: Bank) -> None:
        client = await registered(bank, grant_types=["refresh_token", "authorization_code", "refresh_token"])
        assert (client["grant_types"], client["response_types"]) == (["authorization_code", "refresh_token"], ["code"])

    async def test_an_own_algorithm_of_the_realm_is_not_the_default(self, bank: Bank) -> None:
        made = bank.provider.client((await registered(bank))["client_id"])
        assert made is not None
        assert bank.realm.default_signature_algorithm == "ES256"
        assert made.id_token_algorithm == "RS256"

    async def test_no_refresh_token_without_the_grant(self, bank: Bank) -> None:
        plain, refreshing = (
            await registered(bank),
            await registered(bank, grant_types=["authorization_code", "refresh_token"]),
        )
        found = [bank.provider.client(client["client_id"]) for client in (plain, refreshing)]
        assert [client.use_refresh_tokens for client in found if client] == [False, True]

    async def test_a_placeholder_of_the_vault_is_only_a_text(self, bank: Bank) -> None:
        client = await registered(
            bank, client_name="${vault.internet-banking}", client_secret="${vault.internet-banking}"
        )
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert made.name == "${vault.internet-banking}"
        assert made.secret is not None
        assert made.secret.matches(client["client_secret"])

    async def test_a_client_cannot_choose_its_id_or_what_is_ours(self, bank: Bank) -> None:
        ours = {
            "client_id": "app",
            "registration_access_token": "mine",
            "client_id_issued_at": 1,
            "consentRequired": False,
        }
        client = await registered(bank, **ours)
        assert client["client_id"] != "app"
        assert client["registration_access_token"] != "mine"
        assert client["client_id_issued_at"] != 1

    async def test_a_public_client_has_no_account_of_its_own(self, bank: Bank) -> None:
        token = await initial_token(bank)
        members = {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "client_credentials"]}
        assert refusal(await send(bank, token, **members)) == METADATA

    async def test_ciba_needs_a_way_to_deliver_and_ping_an_address(self, bank: Bank) -> None:
        ciba = {"grant_types": ["urn:openid:params:grant-type:ciba"], "response_types": [], "redirect_uris": None}
        assert refusal(await send(bank, **ciba)) == METADATA
        assert refusal(await send(bank, **ciba, backchannel_token_delivery_mode="ping")) == METADATA
        assert (await registered(bank, **ciba, backchannel_token_delivery_mode="poll"))["grant_types"] == ciba[
            "grant_types"
        ]

    async def test_pairwise_subjects_of_several_hosts_need_a_sector(self, bank: Bank) -> None:
        several = [CALLBACK, "https://other.example/callback"]
        assert refusal(await send(bank, subject_type="pairwise", redirect_uris=several)) == METADATA
        await registered(bank, subject_type="pairwise", redirect_uris=[CALLBACK, f"{CALLBACK}/2"])

    @pytest.mark.parametrize(
        "grant", ["urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"]
    )
    async def test_a_stranger_proves_no_sector_where_nothing_is_sent_to_an_address(
        self, bank: Bank, grant: str
    ) -> None:
        mode = "poll" if grant.endswith("ciba") else None
        asked = {"grant_types": ["authorization_code", grant], "backchannel_token_delivery_mode": mode}
        assert refusal(await send(bank, subject_type="pairwise", **asked)) == METADATA
        await registered(bank, **asked)
        await registered(bank, await initial_token(bank), subject_type="pairwise", **asked)

    async def test_half_a_character_anywhere_is_refused(self, bank: Bank) -> None:
        body = b'{"redirect_uris":["https://client.example/callback"],"jwks":{"keys":[{"kty":"EC","x":"\\ud800"}]}}'
        assert (
            refusal(await bank.http.post(PATH, content=body, headers={"content-type": "application/json"})) == METADATA
        )


class TestUnsigned:
    """An ID token without a signature, where the realm has such clients already (OpenID Registration §2)."""

    @pytest.fixture
    async def lax(self, bank: Bank) -> Bank:
        bank.change_client("app", id_token=Protection(signed="none"))
        return bank

    async def test_it_is_for_the_code_flow_alone(self, lax: Bank) -> None:
        assert (await registered(lax, id_token_signed_response_alg="none"))["id_token_signed_response_alg"] == "none"
        in_front = {"response_types": ["code id_token"], "grant_types": ["authorization_code", "implicit"]}
        assert refusal(await send(lax, id_token_signed_response_alg="none", **in_front)) == METADATA

    async def test_elsewhere_it_is_refused(self, bank: Bank) -> None:
        assert refusal(await send(bank, id_token_signed_response_alg="none")) == METADATA


class TestSector:
    async def test_a_sector_that_lists_every_address_is_accepted(self, bank: Bank) -> None:
        other = "https://other.example/callback"
        outbound = FakeOutbound({SECTOR: json.dumps([CALLBACK, other, 1]).encode()})
        bank.provider.outbound = outbound
        client = await registered(bank, redirect_uris=[CALLBACK, other], sector_identifier_uri=SECTOR)
        assert client["sector_identifier_uri"] == SECTOR
        assert outbound.asked == [SECTOR]

    @pytest.mark.parametrize(
        "document",
        [
            *(b"[]", b'["https://other.example/callback"]', b"{}", b"[1", b"", None, b"\xff"),
            pytest.param(b"[" * 30_000 + b"]" * 30_000, id="nothing but brackets"),
        ],
    )
    async def test_any_other_is_refused(self, bank: Bank, document: bytes | None) -> None:
        bank.provider.outbound = FakeOutbound({} if document is None else {SECTOR: document})
        assert refusal(await send(bank, sector_identifier_uri=SECTOR)) == METADATA

    async def test_nothing_is_called_for_what_is_refused_anyway(self, bank: Bank) -> None:
        bank.provider.outbound = outbound = FakeOutbound({})
        await send(bank, sector_identifier_uri=SECTOR, logo_uri="http://x.example/")
        await send(bank, "a wrong token", sector_identifier_uri=SECTOR)
        assert outbound.asked == []
