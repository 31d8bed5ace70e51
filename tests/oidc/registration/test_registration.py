"""POST …/clients-registrations/openid-connect (RFC 7591 §3, OpenID Registration §3)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, RSAKey

from idp.model.protection import Protection
from idp.model.registration import RegistrationRules, Restrictions
from idp.oidc.registration.metadata import ClientMetadata
from tests.fakes import FakeClock
from tests.oidc.harness import Bank, payload
from tests.oidc.registration.registering import (
    CALLBACK,
    OPEN,
    PATH,
    FakeOutbound,
    initial_token,
    manage,
    refusal,
    registered,
    registrar,
    send,
)

pytestmark = pytest.mark.anyio
SECTOR = "https://client.example/sector.json"
METADATA, REDIRECT = (400, "invalid_client_metadata"), (400, "invalid_redirect_uri")


@pytest.fixture
async def bank(clock: FakeClock, anyio_backend: str) -> Bank:
    del anyio_backend
    return await registrar(clock)


def public_jwks() -> dict[str, Any]:
    return {"keys": [ECKey.generate_key("P-256", {"kid": "k", "use": "sig"}).as_dict(private=False)]}


class TestAnswer:
    async def test_a_registration_answers_what_was_registered_with_the_defaults(self, bank: Bank) -> None:
        reply = await send(bank, client_name="Llogaritë e mia")
        assert reply.status_code == 201
        assert reply.headers["cache-control"] == "no-store"
        client = reply.json()
        assert uuid.UUID(client["client_id"]).version == 4
        assert len(client["client_secret"]) >= 43
        assert client["client_secret_expires_at"] == 0
        assert client["client_id_issued_at"] == bank.provider.now()
        assert client["registration_client_uri"] == f"https://id.bank.al{PATH}/{client['client_id']}"
        defaults = {
            "client_name": "Llogaritë e mia",
            "redirect_uris": [CALLBACK],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "application_type": "web",
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
            "subject_type": "public",
        }
        assert client.items() >= defaults.items()

    async def test_neither_secret_nor_token_is_readable_in_the_store_or_the_log(self, bank: Bank) -> None:
        client = await registered(bank)
        record = await bank.stores.registered_clients.get(client["client_id"])
        kept = repr(msgspec.msgpack.encode(record)) + repr(bank.logged) + repr(await bank.stores.events.recent(limit=9))
        assert client["client_secret"] not in kept
        assert client["registration_access_token"] not in kept

    @pytest.mark.parametrize(
        ("method", "more"),
        [
            ("none", {}),
            ("private_key_jwt", {"jwks": public_jwks()}),
            ("private_key_jwt", {"jwks_uri": "https://client.example/jwks"}),
        ],
    )
    async def test_who_needs_no_secret_gets_none(self, bank: Bank, method: str, more: dict[str, Any]) -> None:
        client = await registered(bank, token_endpoint_auth_method=method, **more)
        assert "client_secret" not in client
        assert "client_secret_expires_at" not in client
        assert client.items() >= more.items()

    async def test_members_that_are_not_known_and_null_are_ignored(self, bank: Bank) -> None:
        client = await registered(bank, shoe_size=42, software_statement="a.b.c", jwks=None, translations={"x": "y"})
        assert {"shoe_size", "software_statement", "jwks", "translations", "x"}.isdisjoint(client)

    async def test_translations_are_kept(self, bank: Bank) -> None:
        texts = {
            "client_name#sq": "Pagesat",
            "client_name#zh-Hant-TW": "付款",
            "logo_uri#it": "https://x.example/l.png",
        }
        assert (await registered(bank, client_name="Payments", **texts)).items() >= texts.items()

    async def test_the_event_tells_how_the_client_came(self, bank: Bank) -> None:
        client = await registered(bank, await initial_token(bank))
        event = (await bank.stores.events.recent(limit=1))[0]
        assert (event.type, event.client_id) == ("CLIENT_REGISTER", client["client_id"])
        assert event.detail == {"registered_by": "token-1"}
        assert event.address == "127.0.0.1"


class TestAtWork:
    async def test_a_registered_client_is_a_client_at_once(self, bank: Bank) -> None:
        token = await initial_token(bank)
        client = await registered(
            bank, token, redirect_uris=None, response_types=[], grant_types=["client_credentials"], scope="email"
        )
        form = {"grant_type": "client_credentials"}
        reply = await bank.post("token", form, auth=(client["client_id"], client["client_secret"]))
        assert reply.status_code == 200, reply.text
        assert payload(reply.json()["access_token"])["client_id"] == client["client_id"]

    async def test_after_a_restart_the_client_is_there_as_it_was(self, clock: FakeClock) -> None:
        bank = await registrar(clock)
        client = await registered(bank, client_name="Kontabiliteti")
        before = bank.provider.client(client["client_id"])
        await bank.provider.registrations.open(bank.provider.registrations._found, bank.realm)  # type: ignore[arg-type]
        after = bank.provider.client(client["client_id"])
        assert after is not before
        assert after == before

    async def test_what_was_compiled_for_a_client_stays_when_another_comes(self, bank: Bank) -> None:
        first = (await registered(bank))["client_id"]
        before = bank.provider.client(first)
        assert not await bank.provider.registrations.follow()
        await registered(bank)
        assert bank.provider.client(first) is before

    async def test_its_pages_may_call_from_their_origin_as_soon_as_it_is_there(self, bank: Bank) -> None:
        headers = {"origin": "https://client.example", "access-control-request-method": "POST"}
        url = "/realms/bank/protocol/openid-connect/token"
        assert "access-control-allow-origin" not in (await bank.http.options(url, headers=headers)).headers
        client = await registered(bank)
        allowed = (await bank.http.options(url, headers=headers)).headers
        assert allowed["access-control-allow-origin"] == "https://client.example"
        await manage(bank, "DELETE", client)
        assert "access-control-allow-origin" not in (await bank.http.options(url, headers=headers)).headers

    async def test_it_gets_the_scopes_it_asked_for_and_nothing_unasked(self, bank: Bank) -> None:
        client = await registered(bank, scope="openid email payments")
        assert client["scope"] == "openid email"
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert made.optional_scopes == ("email",)
        assert "profile" not in made.default_scopes

    async def test_without_a_scope_it_may_ask_for_all_of_the_realms(self, bank: Bank) -> None:
        scope = (await registered(bank))["scope"].split()
        assert scope == [
            "openid",
            "profile",
            "email",
            "offline_access",
            "address",
            "phone",
            "microprofile-jwt",
        ]

    async def test_discovery_names_the_endpoint(self, bank: Bank) -> None:
        document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
        assert document["registration_endpoint"] == f"https://id.bank.al{PATH}"


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

    async def test_half_a_character_anywhere_is_refused(self, bank: Bank) -> None:
        body = b'{"redirect_uris":["https://client.example/callback"],"jwks":{"keys":[{"kty":"EC","x":"\\ud800"}]}}'
        assert (
            refusal(await bank.http.post(PATH, content=body, headers={"content-type": "application/json"})) == METADATA
        )


class TestSecretMethod:
    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
    async def test_who_names_a_way_to_send_its_secret_is_held_to_it(self, bank: Bank, method: str) -> None:
        client = await self._robot(bank, token_endpoint_auth_method=method)
        assert client["token_endpoint_auth_method"] == method
        expected = {"client_secret_basic": (200, 401), "client_secret_post": (401, 200)}
        assert await self._statuses(bank, client) == expected[method]

    async def test_who_names_none_may_use_both(self, bank: Bank) -> None:
        client = await self._robot(bank)
        assert client["token_endpoint_auth_method"] == "client_secret_basic"
        assert await self._statuses(bank, client) == (200, 200)

    async def _robot(self, bank: Bank, **members: Any) -> dict[str, Any]:
        token = await initial_token(bank)
        robot = {"redirect_uris": None, "response_types": [], "grant_types": ["client_credentials"]}
        return await registered(bank, token, **robot, **members)

    async def _statuses(self, bank: Bank, client: dict[str, Any]) -> tuple[int, int]:
        form, secret = {"grant_type": "client_credentials"}, client["client_secret"]
        by_header = await bank.post("token", form, auth=(client["client_id"], secret))
        by_form = await bank.post("token", {**form, "client_id": client["client_id"], "client_secret": secret})
        return by_header.status_code, by_form.status_code


class TestCertificates:
    async def test_a_certificate_is_registered_by_its_name(self, bank: Bank) -> None:
        named = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=budget,O=Buxheti"}
        client = await registered(bank, **named)
        assert client.items() >= named.items()
        assert "client_secret" not in client
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert (made.authentication, made.certificate.subject_dn) == ("client-x509", "CN=budget,O=Buxheti")
        assert made.certificate.subject_pattern == ""

    async def test_a_certificate_of_its_own_is_registered_by_its_key(self, bank: Bank) -> None:
        method = "self_signed_tls_client_auth"
        client = await registered(bank, token_endpoint_auth_method=method, jwks=public_jwks())
        assert client["token_endpoint_auth_method"] == method
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert made.certificate.self_signed
        assert refusal(await send(bank, token_endpoint_auth_method=method)) == METADATA

    @pytest.mark.parametrize(
        "members",
        [
            {"tls_client_auth_subject_dn": "CN=a", "tls_client_auth_san_dns": "a.example"},
            {"tls_client_auth_subject_dn": "not a name"},
            {},
        ],
        ids=str,
    )
    async def test_it_has_exactly_one_name(self, bank: Bank, members: dict[str, str]) -> None:
        reply = await send(bank, token_endpoint_auth_method="tls_client_auth", **members)
        assert refusal(reply) == METADATA


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


async def test_the_operators_pages_are_in_the_metadata_where_the_realm_names_them(clock: FakeClock) -> None:
    pages = {"hyrja.policyUri": "https://bank.al/policy", "hyrja.tosUri": "https://bank.al/terms"}
    bank = await registrar(clock, attributes=pages)
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert (document["op_policy_uri"], document["op_tos_uri"]) == tuple(pages.values())


class TestSector:
    async def test_a_sector_that_lists_every_address_is_accepted(self, bank: Bank) -> None:
        other = "https://other.example/callback"
        outbound = FakeOutbound({SECTOR: json.dumps([CALLBACK, other, 1]).encode()})
        bank.provider.outbound = outbound
        client = await registered(bank, redirect_uris=[CALLBACK, other], sector_identifier_uri=SECTOR)
        assert client["sector_identifier_uri"] == SECTOR
        assert outbound.asked == [SECTOR]

    @pytest.mark.parametrize("document", [b"[]", b'["https://other.example/callback"]', b"{}", b"[1", b"", None])
    async def test_any_other_is_refused(self, bank: Bank, document: bytes | None) -> None:
        bank.provider.outbound = FakeOutbound({} if document is None else {SECTOR: document})
        assert refusal(await send(bank, sector_identifier_uri=SECTOR)) == METADATA

    async def test_nothing_is_called_for_what_is_refused_anyway(self, bank: Bank) -> None:
        bank.provider.outbound = outbound = FakeOutbound({})
        await send(bank, sector_identifier_uri=SECTOR, logo_uri="http://x.example/")
        await send(bank, "a wrong token", sector_identifier_uri=SECTOR)
        assert outbound.asked == []


class TestBody:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"[]", "application/json"),
            (b"{", "application/json"),
            (b"", "application/json"),
            (b'{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}', "application/json"),
            (b'{"redirect_uris":["https://client.example/callback"]}', "text/plain"),
            (b'{"default_max_age": NaN}', "application/json"),
            (b"[" * 50_000, "application/json"),
            (b"\xff\xfe", "application/json"),
            (b'{"redirect_uris":["https://client.example/callback"],"client_name":"\\ud800"}', "application/json"),
        ],
    )
    async def test_what_is_no_json_object_is_refused(self, bank: Bank, body: bytes, kind: str) -> None:
        assert refusal(await bank.http.post(PATH, content=body, headers={"content-type": kind})) == METADATA

    async def test_a_large_body_is_refused_unread(self, bank: Bank) -> None:
        reply = await bank.http.post(PATH, content=b"{" * 70_000, headers={"content-type": "application/json"})
        assert refusal(reply) == (413, "invalid_request")

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    async def test_other_verbs_are_refused(self, bank: Bank, method: str) -> None:
        reply = await bank.http.request(method, PATH)
        assert reply.status_code == 405
        assert reply.headers["allow"] == "OPTIONS, POST"


class TestAdmission:
    async def test_a_bank_registers_nobody_without_an_initial_token(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        reply = await send(bank)
        assert refusal(reply) == (401, "invalid_token")
        assert reply.headers["www-authenticate"].startswith("Bearer ")

    async def test_an_initial_token_is_good_for_as_many_as_it_says(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        token = await initial_token(bank, remaining=2)
        await registered(bank, token)
        assert refusal(await send(bank, token, redirect_uris=[])) == REDIRECT  # a mistake costs nothing
        await registered(bank, token)
        assert refusal(await send(bank, token)) == (401, "invalid_token")

    async def test_an_initial_token_expires(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        token = await initial_token(bank, lasts=60)
        clock.advance(60)
        assert refusal(await send(bank, token)) == (401, "invalid_token")

    @pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic YTpi", "", "Bearer  "])
    async def test_a_wrong_token_is_refused_where_none_is_needed(self, bank: Bank, header: str) -> None:
        reply = await bank.http.post(PATH, json={"redirect_uris": [CALLBACK]}, headers={"authorization": header})
        assert refusal(reply) == (401, "invalid_token")

    async def test_people_are_asked_and_no_role_is_released_unless_a_policy_says_otherwise(
        self, clock: FakeClock
    ) -> None:
        bank = await registrar(clock, RegistrationRules())
        made = bank.provider.client((await registered(bank, await initial_token(bank)))["client_id"])
        assert made is not None
        assert made.consent_required
        assert not made.full_scope_allowed

    async def test_a_realm_has_room_for_so_many(self, clock: FakeClock) -> None:
        few = Restrictions(most_clients=2)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=few))
        await registered(bank)
        second = await registered(bank)
        assert refusal(await send(bank)) == (403, "access_denied")
        await manage(bank, "DELETE", second)
        await registered(bank)

    async def test_an_address_registers_so_many_in_an_hour(self, clock: FakeClock) -> None:
        bank = await registrar(clock, msgspec.structs.replace(OPEN, an_hour=2))
        await registered(bank)
        await send(bank, redirect_uris=[])
        reply = await send(bank)
        assert refusal(reply) == (429, "temporarily_unavailable")
        assert reply.headers["retry-after"] == "3600"
        clock.advance(3600)
        await registered(bank)

    @pytest.mark.parametrize(
        ("hosts", "status"),
        [(("127.0.0.1",), 201), (("127.0.0.0/8",), 201), (("10.0.0.0/8", "127.0.0.2"), 403), ((), 403)],
    )
    async def test_strangers_may_come_from_trusted_addresses(
        self, clock: FakeClock, hosts: tuple[str, ...], status: int
    ) -> None:
        trusted = Restrictions(trusted_hosts=hosts, from_trusted_host=True)
        bank = await registrar(clock, RegistrationRules(anonymous=trusted))
        assert (await send(bank)).status_code == status

    @pytest.mark.parametrize(
        ("members", "accepted"),
        [
            ({}, True),
            ({"redirect_uris": ["https://a.apps.example/cb"]}, True),
            ({"redirect_uris": ["https://apps.example/cb"]}, False),
            ({"redirect_uris": ["https://evilapps.example/cb"]}, False),
            ({"logo_uri": "https://elsewhere.example/logo.png"}, False),
            ({"client_uri": "https://elsewhere.example/"}, False),
            ({"request_uris": ["https://elsewhere.example/r"]}, False),
            ({"jwks_uri": "https://elsewhere.example/jwks"}, False),
        ],
    )
    async def test_addresses_may_have_to_be_at_trusted_hosts(
        self, clock: FakeClock, members: dict[str, Any], *, accepted: bool
    ) -> None:
        trusted = Restrictions(trusted_hosts=("client.example", "*.apps.example"), addresses_at_trusted_hosts=True)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=trusted))
        if accepted:
            await registered(bank, **members)
        else:
            assert refusal(await send(bank, **members)) == METADATA

    async def test_a_policy_names_the_scopes(self, clock: FakeClock) -> None:
        named = Restrictions(scopes=frozenset({"phone"}), default_scopes=False)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=named))
        assert (await registered(bank, scope="openid email phone"))["scope"] == "openid phone"

    async def test_a_policy_names_the_mappers(self, clock: FakeClock) -> None:
        none = Restrictions(mappers=frozenset({"oidc-full-name-mapper"}))
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=none))
        assert refusal(await send(bank, subject_type="pairwise")) == METADATA
        await registered(bank)

    async def test_a_disabled_client_is_registered_and_cannot_be_used(self, clock: FakeClock) -> None:
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=Restrictions(enabled=False)))
        client = await registered(bank)
        assert bank.provider.client(client["client_id"]) is None
        assert (await manage(bank, "GET", client)).status_code == 200


def test_every_member_is_one_of_the_specifications() -> None:
    names = {field.name for field in msgspec.structs.fields(ClientMetadata)}
    assert {"contacts", "software_id", "jwks", "dpop_bound_access_tokens"} < names
    assert not names & {"client_id", "client_secret", "registration_access_token"}
