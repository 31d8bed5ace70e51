"""POST …/clients-registrations/openid-connect (RFC 7591 §3, OpenID Registration §3)."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from idp.oidc.registration.metadata import ClientMetadata
from tests.fakes import FakeClock
from tests.oidc.harness import Bank, payload
from tests.oidc.registration.registering import (
    CALLBACK,
    METADATA,
    PATH,
    initial_token,
    manage,
    public_jwks,
    refusal,
    registered,
    registrar,
    send,
)

pytestmark = pytest.mark.anyio


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


async def test_the_operators_pages_are_in_the_metadata_where_the_realm_names_them(clock: FakeClock) -> None:
    pages = {"hyrja.policyUri": "https://bank.al/policy", "hyrja.tosUri": "https://bank.al/terms"}
    bank = await registrar(clock, attributes=pages)
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert (document["op_policy_uri"], document["op_tos_uri"]) == tuple(pages.values())


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


def test_every_member_is_one_of_the_specifications() -> None:
    names = {field.name for field in msgspec.structs.fields(ClientMetadata)}
    assert {"contacts", "software_id", "jwks", "dpop_bound_access_tokens"} < names
    assert not names & {"client_id", "client_secret", "registration_access_token"}
