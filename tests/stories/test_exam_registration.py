"""The exam's realm as an examiner's Dynamic plan uses it: every client registers itself, with keys at its address."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import structlog
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.app import Outside, open_site
from idp.crypto.base64url import base64url
from idp.crypto.sealing import create_master_key
from idp.oidc.clients.remote_keys import RemoteKeySets
from idp.settings.gateways import Sms
from idp.settings.tables import Hashing, Realms, Secrets, Server, Settings, Store
from tests.fakes import FakeClock
from tests.oidc.harness import payload, segment
from tests.oidc.registration.registering import FakeOutbound
from tests.stories.browser import Browser
from tests.stories.world import ROOT, FakeSms

pytestmark = pytest.mark.anyio
ORIGIN = "https://localhost:9443"
ISSUER = f"{ORIGIN}/realms/conformance"
PROTOCOL = f"{ISSUER}/protocol/openid-connect"
SUITE = "https://suite.example"
CALLBACK = f"{SUITE}/callback"
JWKS, REQUEST = f"{SUITE}/jwks", f"{SUITE}/request.jwt"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Exam:
    """The provider, and an examiner with documents of its own."""

    def __init__(self, application: Any, outbound: FakeOutbound, clock: FakeClock) -> None:
        self.application = application
        self.outbound = outbound
        self.clock = clock
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=ORIGIN)

    async def register(self, **members: Any) -> dict[str, Any]:
        asked = {"redirect_uris": [CALLBACK], **members}
        reply = await self.http.post(f"{ISSUER}/clients-registrations/openid-connect", json=asked)
        assert reply.status_code == 201, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    async def log_in(self, client: dict[str, Any], browser: Browser | None = None, **more: str) -> dict[str, str]:
        browser = browser or Browser(self.application, origin=ORIGIN, language="en")
        request = {"client_id": client["client_id"], "response_type": "code", "scope": "openid", **more}
        request.setdefault("redirect_uri", client["redirect_uris"][0])
        await browser.open(f"{PROTOCOL}/auth?{urlencode({k: v for k, v in request.items() if v})}")
        if not browser.has_left:
            await browser.submit("kc-form-login", username="alice", password="alice-of-the-exam")
        assert browser.arrived is not None, browser.shown.message
        return browser.answer

    async def token(self, client: dict[str, Any], key: ECKey | RSAKey | None = None, **form: str) -> httpx.Response:
        asked = {"redirect_uri": CALLBACK, **form} if form["grant_type"] == "authorization_code" else form
        if key is None:
            return await self.http.post(
                f"{PROTOCOL}/token", data=asked, auth=(client["client_id"], client["client_secret"])
            )
        proof = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion(client, key)}
        return await self.http.post(f"{PROTOCOL}/token", data={**asked, **proof})

    def assertion(self, client: dict[str, Any], key: ECKey | RSAKey) -> str:
        now = int(self.clock())
        claims = {
            "iss": client["client_id"],
            "sub": client["client_id"],
            "aud": ISSUER,
            "jti": secrets.token_urlsafe(),
            "iat": now,
            "exp": now + 60,
        }
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])

    async def keys(self) -> KeySet:
        return KeySet.import_key_set((await self.http.get(f"{PROTOCOL}/certs")).json())


@pytest.fixture
async def exam(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Exam]:
    del anyio_backend
    (tmp_path / "vault").mkdir(mode=0o700)
    create_master_key(tmp_path / "master.key")
    settings = Settings(
        environment="development",
        server=Server(base_url=ORIGIN),
        store=Store(path=str(tmp_path / "store" / "hyrja.sqlite")),
        secrets=Secrets(master_key_files=(str(tmp_path / "master.key"),), vault=str(tmp_path / "vault")),
        realms=Realms(files=(str(ROOT / "realms" / "conformance.json"),)),
        sms=Sms(gateway="outbox"),
        hashing=Hashing(memory_kib=7168, iterations=1),
    )
    clock, outbound = FakeClock(), FakeOutbound({})
    site = await open_site(settings, outside=Outside(clock=clock), log=structlog.get_logger(), sms=FakeSms())
    provider = site.desks["conformance"].provider
    provider.outbound, provider.remote_keys = outbound, RemoteKeySets(outbound, clock)
    yield Exam(site.application, outbound, clock)
    await site.close()


def published(*keys: ECKey | RSAKey) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def signing(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


async def test_a_client_of_the_dynamic_plan_signs_with_a_key_at_its_address(exam: Exam) -> None:
    key = signing("first")
    exam.outbound.documents[JWKS] = published(key)
    client = await exam.register(
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=JWKS,
        grant_types=["authorization_code"],
        response_types=["code"],
        userinfo_signed_response_alg="RS256",
        client_name="oidf-conformance",
        contacts=["certification@example.org"],
    )
    answer = await exam.log_in(client, nonce="n", state="s")
    reply = await exam.token(client, key, grant_type="authorization_code", code=answer["code"])
    assert reply.status_code == 200, reply.text
    tokens = reply.json()
    assert segment(tokens["id_token"], 0)["alg"] == "RS256"
    assert "refresh_token" not in tokens
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    userinfo = await exam.http.get(f"{PROTOCOL}/userinfo", headers=headers)
    assert userinfo.headers["content-type"].startswith("application/jwt")
    claims = jwt.decode(userinfo.text, await exam.keys(), algorithms=["RS256"]).claims
    assert (claims["aud"], claims["iss"]) == (client["client_id"], ISSUER)


async def test_a_clients_answers_are_encrypted_to_the_key_it_published_for_that(exam: Exam) -> None:
    key = RSAKey.generate_key(2048, {"kid": "enc", "use": "enc", "alg": "RSA-OAEP"})
    exam.outbound.documents[JWKS] = published(signing("sig"), key)
    client = await exam.register(
        jwks_uri=JWKS,
        id_token_encrypted_response_alg="RSA-OAEP",
        userinfo_signed_response_alg="RS256",
        userinfo_encrypted_response_alg="RSA-OAEP",
        userinfo_encrypted_response_enc="A256GCM",
    )
    assert client["id_token_encrypted_response_enc"] == "A128CBC-HS256"
    answer = await exam.log_in(client, nonce="n")
    tokens = (await exam.token(client, grant_type="authorization_code", code=answer["code"])).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    userinfo = await exam.http.get(f"{PROTOCOL}/userinfo", headers=headers)
    for token, encoding in ((tokens["id_token"], "A128CBC-HS256"), (userinfo.text, "A256GCM")):
        read = jwe.decrypt_compact(token, key, algorithms=["RSA-OAEP", encoding])
        assert read.protected["kid"] == "enc"
        claims = jwt.decode((read.plaintext or b"").decode(), await exam.keys(), algorithms=["RS256"]).claims
        assert claims["aud"] == client["client_id"]


@pytest.mark.parametrize("algorithm", ["none", "RS256"])
async def test_a_request_comes_by_reference_unsigned_or_signed_as_registered(exam: Exam, algorithm: str) -> None:
    key = signing("first")
    exam.outbound.documents[JWKS] = published(key)
    client = await exam.register(request_object_signing_alg=algorithm, request_uris=[REQUEST], jwks_uri=JWKS)
    claims = {
        "client_id": client["client_id"],
        "iss": client["client_id"],
        "aud": ISSUER,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "of-the-object",
        "exp": int(exam.clock()) + 60,
    }
    if algorithm == "none":
        parts = (base64url(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
        exam.outbound.documents[REQUEST] = f"{'.'.join(parts)}.".encode()
    else:
        signed = jwt.encode({"alg": algorithm, "kid": "first"}, claims, key, algorithms=[algorithm])
        exam.outbound.documents[REQUEST] = signed.encode()
    assert (await exam.log_in(client, request_uri=REQUEST))["state"] == "of-the-object"


async def test_an_examiner_changes_its_keys_between_code_and_refresh(exam: Exam) -> None:
    old, new = signing("old"), signing("new")
    exam.outbound.documents[JWKS] = published(old)
    client = await exam.register(
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=JWKS,
        grant_types=["authorization_code", "refresh_token"],
    )
    answer = await exam.log_in(client, scope="openid offline_access")
    tokens = (await exam.token(client, old, grant_type="authorization_code", code=answer["code"])).json()
    exam.outbound.documents[JWKS] = published(new)
    refreshed = await exam.token(client, new, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["access_token"]


async def test_a_clients_answers_are_of_the_response_types_it_registered(exam: Exam) -> None:
    client = await exam.register(response_types=["code id_token"], grant_types=["authorization_code", "implicit"])
    answer = await exam.log_in(client, response_type="id_token code", nonce="n")
    assert payload(answer["id_token"])["c_hash"]
    for other in ("id_token token", "code id_token token", "id_token", "code"):
        refused = await exam.log_in(client, response_type=other, nonce="n")
        assert refused["error"] == "unauthorized_client", other


async def test_pairwise_subjects_of_one_sector_are_one(exam: Exam) -> None:
    sector = f"{SUITE}/sector.json"
    other = "https://second.example/callback"
    exam.outbound.documents[sector] = json.dumps([CALLBACK, other]).encode()
    subjects = []
    for uris in ([CALLBACK], [CALLBACK, other], [other]):
        client = await exam.register(redirect_uris=uris, subject_type="pairwise", sector_identifier_uri=sector)
        answer = await exam.log_in(client, nonce="n")
        code = answer["code"]
        reply = await exam.token(client, grant_type="authorization_code", code=code, redirect_uri=uris[0])
        subjects.append(payload(reply.json()["id_token"])["sub"])
    plain = await exam.register()
    answer = await exam.log_in(plain)
    tokens = (await exam.token(plain, grant_type="authorization_code", code=answer["code"])).json()
    assert len(set(subjects)) == 1
    assert payload(tokens["id_token"])["sub"] != subjects[0]


async def test_a_login_may_begin_elsewhere_where_the_client_registered_so(exam: Exam) -> None:
    client = await exam.register(initiate_login_uri=f"{SUITE}/login")
    headers = {"authorization": f"Bearer {client['registration_access_token']}"}
    read = (await exam.http.get(client["registration_client_uri"], headers=headers)).json()
    assert read["initiate_login_uri"] == f"{SUITE}/login"


@pytest.mark.parametrize(
    "demand", [{}, {"require_signed_request_object": True}, {"request_object_signing_alg": "RS256"}]
)
async def test_an_unsigned_object_is_taken_of_a_client_that_registered_nothing_else(
    exam: Exam, demand: dict[str, Any]
) -> None:
    # OpenID Registration §2: without request_object_signing_alg any algorithm that the provider lists may be used.
    keys = json.loads(published(signing("sig")))
    client = await exam.register(jwks=keys, **demand)
    assert client.get("request_object_signing_alg") == demand.get("request_object_signing_alg")
    claims = {"client_id": client["client_id"], "response_type": "code", "redirect_uri": CALLBACK, "state": "inside"}
    header, body = (base64url(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    answer = await exam.log_in(client, request=f"{header}.{body}.")
    assert answer.get("error") == ("invalid_request_object" if demand else None)
    assert answer.get("state") == (None if demand else "inside")
