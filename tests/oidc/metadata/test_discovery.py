from __future__ import annotations

import json

import httpx
import msgspec
import pytest

from idp.model.clients.protection import Protection
from idp.oidc.metadata.discovery import metadata
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, PATH, Bank

pytestmark = pytest.mark.anyio
ADDRESSES = [
    "/realms/bank/.well-known/openid-configuration",
    "/realms/bank/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration/realms/bank",
    "/.well-known/oauth-authorization-server/realms/bank",
]
# IANA "OAuth Authorization Server Metadata" registry, as far as used.
REGISTERED = {
    *(
        f"{kind}_{what}_values_supported"
        for kind in ("id_token", "userinfo", "introspection")
        for what in ("signing_alg", "encryption_alg", "encryption_enc")
    ),
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "authorization_signing_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "display_values_supported",
    "grant_types_supported",
    "acr_values_supported",
    "subject_types_supported",
    "token_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "claim_types_supported",
    "claims_supported",
    "prompt_values_supported",
    "ui_locales_supported",
    "authorization_response_iss_parameter_supported",
    "claims_parameter_supported",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "dpop_signing_alg_values_supported",
    "device_authorization_endpoint",
    "tls_client_certificate_bound_access_tokens",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "check_session_iframe",
    "backchannel_authentication_endpoint",
    "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_request_signing_alg_values_supported",
    "backchannel_user_code_parameter_supported",
}


@pytest.mark.parametrize("address", ADDRESSES)
async def test_discovery_is_at_every_address(bank: Bank, address: str) -> None:
    reply = await bank.http.get(address)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.json()["issuer"] == f"{BASE}/realms/bank"


async def test_discovery_has_registered_names_only(bank: Bank) -> None:
    assert set((await bank.http.get(ADDRESSES[0])).json()) == REGISTERED


async def test_discovery_promises_what_works(bank: Bank) -> None:
    document = (await bank.http.get(ADDRESSES[0])).json()
    assert document["authorization_endpoint"] == BASE + PATH + "auth"
    assert document["introspection_endpoint"] == BASE + PATH + "token/introspect"
    assert document["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:openid:params:grant-type:ciba",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "implicit",
    ]
    assert set(document["response_modes_supported"]) == {
        *("query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
    }
    assert document["authorization_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert document["acr_values_supported"] == ["pwd", "2fa"]
    assert document["request_uri_parameter_supported"] is False
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        assert (await bank.http.post(document[name])).status_code != 599
    for name in ("jwks_uri", "userinfo_endpoint"):
        assert (await bank.http.get(document[name])).status_code in {200, 401}


async def test_a_newly_published_realm_shows_at_once(bank: Bank) -> None:
    await bank.http.get(ADDRESSES[0])
    bank.realm = msgspec.structs.replace(bank.realm, locales=("it",), acr_levels={})
    document = (await bank.http.get(ADDRESSES[0])).json()
    assert document["ui_locales_supported"] == ["it"]
    assert "acr_values_supported" not in document


async def test_the_key_set_is_public_and_cacheable(bank: Bank) -> None:
    reply = await bank.http.get(PATH + "certs")
    keys = [(key["kty"], key["use"], key.get("alg")) for key in reply.json()["keys"]]
    assert sorted(keys, key=str) == [
        ("EC", "enc", None),
        ("EC", "sig", "ES256"),
        ("RSA", "enc", None),
        ("RSA", "sig", "RS256"),
    ]
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "max-age" in reply.headers["cache-control"]


@pytest.mark.parametrize("address", [*ADDRESSES, PATH + "token", PATH + "certs"])
async def test_an_unknown_realm_is_a_clear_answer(bank: Bank, address: str) -> None:
    reply = await bank.http.get(address.replace("/bank", "/nowhere"))
    assert (reply.status_code, reply.json()) == (404, {"error": "Realm does not exist"})


@pytest.mark.parametrize(
    "address",
    [
        PATH + "auth",
        PATH + "token/",
        PATH + "token;a=b",
        PATH + "Token",
        "/realms/bank//protocol/openid-connect/token",
        "/x" + PATH + "token",
        "/realms/bank",
        "/",
    ],
)
async def test_cve_2026_0976_any_other_path_is_not_ours(bank: Bank, address: str) -> None:
    assert (await bank.http.get(address)).status_code == 599


async def test_a_realm_switched_off_answers_nothing(bank: Bank) -> None:
    bank.realm = msgspec.structs.replace(bank.realm, enabled=False)
    for address in (ADDRESSES[0], PATH + "certs"):
        assert (await bank.http.get(address)).status_code == 403


@pytest.mark.parametrize(
    ("method", "suffix", "allow"),
    [
        ("GET", "token", "OPTIONS, POST"),
        ("PUT", "userinfo", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "certs", "GET, HEAD, OPTIONS"),
        ("GET", "revoke", "OPTIONS, POST"),
        ("GET", "token/introspect", "OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(bank: Bank, method: str, suffix: str, allow: str) -> None:
    reply = await bank.http.request(method, PATH + suffix)
    assert (reply.status_code, reply.headers["allow"]) == (405, allow)
    assert reply.json()["error"] == "invalid_request"


async def test_head_answers_as_get_without_a_body(bank: Bank) -> None:
    get, head = await bank.http.get(PATH + "certs"), await bank.http.head(PATH + "certs")
    assert head.status_code == 200
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.content == b""


async def test_a_large_body_is_refused(bank: Bank) -> None:
    reply = await bank.post("token", {"a": "x" * 70_000})
    assert (reply.status_code, reply.json()["error"]) == (413, "invalid_request")


class _BrokenStores:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def take(self, _key: str) -> None:
        raise self._error


@pytest.mark.parametrize("kind", ["unavailable", "overloaded", "bug"])
async def test_what_fails_inside_is_answered_with_a_reference_and_no_detail(clock: FakeClock, kind: str) -> None:
    from idp.ports import OverloadedError, StoreUnavailableError  # noqa: PLC0415 - the table reads better with its names

    errors = {
        "unavailable": StoreUnavailableError("disk full at /secret/place"),
        "overloaded": OverloadedError(),
        "bug": RuntimeError("secret words"),
    }
    bank = Bank(clock)
    bank.stores.codes = _BrokenStores(errors[kind])  # type: ignore[assignment]  # a store that only fails
    reply = await bank.redeem("any")
    assert reply.status_code == (500 if kind == "bug" else 503)
    assert reply.json()["error"] == ("server_error" if kind == "bug" else "temporarily_unavailable")
    assert ("retry-after" in reply.headers) is (kind != "bug")
    assert "secret" not in reply.text
    reference = reply.json()["error_description"].rpartition(" ")[2]
    assert any(line.get("reference") == reference for line in bank.logged)


async def test_a_refusal_carries_the_reference_of_its_log_line(bank: Bank) -> None:
    reply = await bank.redeem("unknown", client_id="nobody")
    assert any(line.get("reference") == reply.headers["x-reference"] for line in bank.logged)


class TestCors:
    APP, SPA, FOREIGN = "https://app.bank.al", "https://spa.bank.al", "https://evil.example"

    @pytest.mark.parametrize(
        ("client_id", "origin", "allowed"),
        [
            ("spa", SPA, True),
            ("app", APP, True),
            ("spa", APP, False),
            ("app", SPA, False),
            ("spa", FOREIGN, False),
            ("spa", "https://spa.bank.al.evil.example", False),
            ("spa", "http://spa.bank.al", False),
            ("spa", "https://SPA.bank.al", False),
            ("spa", "null", False),
        ],
    )
    async def test_a_token_answer_is_shared_with_the_clients_own_origins(
        self,
        bank: Bank,
        client_id: str,
        origin: str,
        allowed: bool,  # noqa: FBT001 - a table's column
    ) -> None:
        await bank.tokens(client_id)
        code = await bank.code(client_id)
        form = {"grant_type": "authorization_code", "code": code, "client_id": client_id, "code_verifier": "v" * 64}
        form["redirect_uri"] = "https://spa.bank.al/" if client_id == "spa" else "https://app.bank.al/callback"
        if client_id == "app":
            form["client_secret"] = "a secret of thirty-two characters"
        reply = await bank.post("token", form, headers={"Origin": origin})
        assert reply.status_code == 200
        self.check(reply, origin if allowed else None)

    async def test_userinfo_is_shared_with_the_clients_own_origins(self, bank: Bank) -> None:
        token = (await bank.tokens("spa"))["access_token"]
        for origin in (self.SPA, self.APP):
            headers = {"Authorization": f"bearer {token}", "Origin": origin}
            reply = await bank.http.get(PATH + "userinfo", headers=headers)
            self.check(reply, origin if origin == self.SPA else None)

    async def test_a_refusal_is_shared_with_any_clients_origin(self, bank: Bank) -> None:
        for origin in (self.SPA, self.FOREIGN):
            reply = await bank.post("token", {"grant_type": "x"}, headers={"Origin": origin})
            assert reply.status_code >= 400
            self.check(reply, origin if origin == self.SPA else None)

    @pytest.mark.parametrize("suffix", ["token", "userinfo", "revoke"])
    async def test_a_preflight_is_answered_for_any_clients_origin(self, bank: Bank, suffix: str) -> None:
        for origin in (self.SPA, self.FOREIGN):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            reply = await bank.http.options(PATH + suffix, headers=headers)
            assert reply.status_code == 204
            self.check(reply, origin if origin == self.SPA else None)
            assert ("access-control-allow-methods" in reply.headers) is (origin == self.SPA)

    async def test_a_preflight_for_introspection_allows_nothing(self, bank: Bank) -> None:
        reply = await bank.http.options(PATH + "token/introspect", headers={"Origin": self.APP})
        assert "access-control-allow-origin" not in reply.headers

    async def test_a_disabled_clients_origin_is_forgotten(self, bank: Bank) -> None:
        bank.change_client("spa", enabled=False)
        reply = await bank.http.options(PATH + "token", headers={"Origin": self.SPA})
        self.check(reply, None)

    @pytest.mark.parametrize(
        ("address", "origin"),
        [
            ("https://a.al:443/x", "https://a.al"),
            ("https://a.al:8443/x", "https://a.al:8443"),
            ("http://localhost:8090/*", "http://localhost:8090"),
            ("http://[::1]:8090/", "http://[::1]:8090"),
            ("https://*", None),
            ("al.bank.app:/callback", None),
            ("*", None),
            ("https://a.al:port/", None),
        ],
    )
    async def test_plus_stands_for_the_origins_of_redirect_addresses(
        self, bank: Bank, address: str, origin: str | None
    ) -> None:
        bank.change_client("spa", redirect_uris=(address,))
        reply = await bank.http.options(PATH + "token", headers={"Origin": origin or "https://a.al"})
        self.check(reply, origin)

    @pytest.mark.parametrize("origin", ["*", FOREIGN])
    async def test_a_star_among_web_origins_allows_nobody(self, bank: Bank, origin: str) -> None:
        bank.change_client("spa", web_origins=("*",))
        self.check(await bank.http.options(PATH + "token", headers={"Origin": origin}), None)

    def check(self, reply: httpx.Response, origin: str | None) -> None:
        assert reply.headers.get("access-control-allow-origin") == origin
        assert reply.headers.get("access-control-allow-credentials") == ("true" if origin else None)
        assert "Origin" in reply.headers["vary"]


class TestSessionPages:
    @pytest.mark.parametrize("page", ["3p-cookies/step1.html", "3p-cookies/step2.html", "login-status-iframe.html"])
    async def test_the_pages_of_keycloak_js_may_be_framed_and_have_no_inline_script(
        self, bank: Bank, page: str
    ) -> None:
        reply = await bank.http.get(PATH + page)
        assert reply.headers["content-type"].startswith("text/html")
        policy = reply.headers["content-security-policy"]
        assert "frame-ancestors *" in policy
        assert "script-src 'self'" in policy
        assert "x-frame-options" not in reply.headers
        source = reply.text.partition('src="')[2].partition('"')[0]
        script = await bank.http.get(PATH + page.rpartition("/")[0] + "/" * ("/" in page) + source)
        assert script.headers["content-type"].startswith("text/javascript")
        assert "postMessage" in script.text or "step2.html" in script.text
        assert ("<script>" in reply.text, "onload" in reply.text) == (False, False)

    @pytest.mark.parametrize(
        ("client_id", "origin", "sid", "status"),
        [
            pytest.param("spa", "https://spa.bank.al", "sid-1", 204, id="the session lives"),
            pytest.param("spa", "https://spa.bank.al", "sid-2", 200, id="the session ended"),
            pytest.param("spa", "https://spa.bank.al", "", 204, id="no session of its own"),
            pytest.param("spa", "https://evil.example", "sid-1", 403, id="CVE-2024-1249 a foreign origin"),
            pytest.param("spa", "", "sid-1", 403, id="no origin"),
            pytest.param("nobody", "https://spa.bank.al", "sid-1", 403, id="an unknown client"),
        ],
    )
    async def test_the_status_page_is_told_about_the_session(
        self, bank: Bank, client_id: str, origin: str, sid: str, status: int
    ) -> None:
        await bank.login()
        query = {"client_id": client_id, "origin": origin, "session_state": sid}
        reply = await bank.http.get(PATH + "login-status-iframe.html/init", params=query)
        assert reply.status_code == status
        assert reply.headers["cache-control"] == "no-store"


def test_metadata_is_json_without_surprises(bank: Bank) -> None:
    from idp.oidc.metadata.discovery import metadata  # noqa: PLC0415 - beside its only use

    assert json.loads(msgspec.json.encode(metadata(bank.provider))) == metadata(bank.provider)


async def test_discovery_offers_unsigned_id_tokens_only_where_somebody_gets_them(bank: Bank) -> None:
    def offered() -> list[str]:
        algorithms: list[str] = metadata(bank.provider)["id_token_signing_alg_values_supported"]
        return algorithms

    assert offered() == ["ES256", "RS256"]
    bank.change_client("app", id_token=Protection(signed="none"))
    assert offered() == ["ES256", "RS256", "none"]
