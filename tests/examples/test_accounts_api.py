"""The example resource server, examined over real HTTP: tokens of a little issuer, proofs, certificates, attacks."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.examples.serving import serving
from tests.fakes import FakeClock
from tests.ports import free_port

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[2] / "examples" / "accounts-api"
URL = "https://api.bank.example"
NOW = 1_800_000_000
PAYMENT = {
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}


def of_the_api(module: str) -> Any:
    """A module of the API. Its folder is an application, not a package, so mypy cannot follow an import."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.import_module(module)


class Issuer:
    """A provider with one key, a discovery document, and an introspection endpoint that says what it is told."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/realms/bank"
        self.port = port
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.active: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.down = False

    def application(self) -> Starlette:
        async def discovery(_: Request) -> Response:
            self.asked.append("discovery")
            return JSONResponse(
                {"issuer": self.url, "jwks_uri": f"{self.url}/certs", "introspection_endpoint": f"{self.url}/ask"},
                status_code=503 if self.down else 200,
            )

        async def certs(_: Request) -> Response:
            self.asked.append("certs")
            return JSONResponse({"keys": [self.key.as_dict(private=False)]}, status_code=503 if self.down else 200)

        async def ask(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            assert (form["client_id"], form["client_secret"]) == ("accounts-api", "the secret of the API")
            return JSONResponse(self.active.get(form["token"], {"active": False}))

        path = "/realms/bank"
        return Starlette(
            routes=[
                Route(f"{path}/.well-known/openid-configuration", discovery),
                Route(f"{path}/certs", certs),
                Route(f"{path}/ask", ask, methods=["POST"]),
            ]
        )

    def claims(self, **changed: Any) -> dict[str, Any]:
        claims = {
            "iss": self.url,
            "aud": ["app", "accounts-api"],
            "sub": "ana",
            "client_id": "app",
            "scope": "openid accounts",
            "iat": NOW - 5,
            "exp": NOW + 300,
            "acr": "2",
            "auth_time": NOW - 60,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, *, typ: str = "at+jwt", key: Any = None, alg: str = "ES256", kid: str = "one", **claims: Any
    ) -> str:
        header = {"alg": alg, "typ": typ, "kid": kid}
        return jwt.encode(header, self.claims(**claims), key or self.key, algorithms=[alg])


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer(free_port())
    with serving(issuer.application(), issuer.port):
        yield issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def api(issuer: Issuer, clock: FakeClock, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    del anyio_backend
    async with opened(issuer, clock) as client:
        yield client


@contextlib.asynccontextmanager
async def opened(issuer: Issuer, clock: FakeClock, **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The API with its memory empty; requests come from the address of a trusted proxy."""
    issuer.active, issuer.asked, issuer.down = {}, [], False
    issuer.key = ECKey.generate_key("P-256", {"kid": "one"})
    chosen = {"issuer": issuer.url, "urls": (URL, "https://mtls.bank.example"), "trusted_proxies": ("10.0.0.0/8",)}
    settings = of_the_api("api_settings").Settings(**(chosen | changed))
    application = of_the_api("accounts_api").api(settings, clock=clock)
    transport = httpx.ASGITransport(application, client=("10.0.0.7", 4000))
    life = application.router.lifespan_context(application)
    async with life, httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


async def accounts(api: httpx.AsyncClient, token: str, scheme: str = "Bearer", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.get("/accounts", headers={"authorization": f"{scheme} {token}", **named})


def error_of(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json().get("error", "")


def thumbprint(raw: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()


class Holder:
    """A client with a DPoP key."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")

    @property
    def cnf(self) -> dict[str, str]:
        return {"jkt": self.key.thumbprint()}

    def proof(self, token: str, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        content = {
            "jti": secrets.token_urlsafe(8),
            "htm": "GET",
            "htu": f"{URL}/accounts",
            "iat": NOW,
            "ath": thumbprint(token.encode()),
            **claims,
        }
        content = {name: value for name, value in content.items() if value is not None}
        members = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False), **(header or {})}
        return jwt.encode(members, content, key or self.key, algorithms=["ES256", "HS256"])


async def test_a_token_of_the_issuer_for_this_api_opens_the_accounts(issuer: Issuer, api: httpx.AsyncClient) -> None:
    reply = await accounts(api, issuer.token())
    assert reply.status_code == 200
    assert [account["currency"] for account in reply.json()["accounts"]] == ["ALL", "EUR"]
    assert reply.headers["cache-control"] == "no-store"
    assert issuer.asked == ["discovery", "certs"]
    await accounts(api, issuer.token(), "bearer")
    assert issuer.asked == ["discovery", "certs"]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "app"},
        {"aud": None},
        {"exp": NOW},
        {"exp": None},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
        {"sub": None},
        {"client_id": None},
        {"typ": "JWT"},
        {"typ": "logout+jwt"},
    ],
    ids=str,
)
async def test_a_token_of_another_kind_time_or_place_is_not_valid_here(
    issuer: Issuer, api: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    reply = await accounts(api, issuer.token(**claims))
    assert error_of(reply) == (401, "invalid_token")
    assert reply.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_a_forged_token_is_not_valid_here(issuer: Issuer, api: httpx.AsyncClient) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    secret = OctKey.import_key(str(issuer.key.as_dict(private=False)).encode())
    unsigned = issuer.token().rsplit(".", 1)[0] + "."
    for token in (issuer.token(key=stranger), issuer.token(key=secret, alg="HS256"), unsigned, "x" * 20_000, "a.b.c"):
        assert error_of(await accounts(api, token)) == (401, "invalid_token")


async def test_a_rotated_key_is_looked_for_once_and_not_for_every_invented_one(
    issuer: Issuer, api: httpx.AsyncClient, clock: FakeClock
) -> None:
    await accounts(api, issuer.token())
    issuer.key = ECKey.generate_key("P-256", {"kid": "two"})
    clock.advance(11)
    assert (await accounts(api, issuer.token(kid="two"))).status_code == 200
    looks = issuer.asked.count("certs")
    for _ in range(5):
        assert (await accounts(api, issuer.token(kid="three"))).status_code == 401
    assert issuer.asked.count("certs") == looks


async def test_nobody_is_let_in_while_the_provider_is_down(issuer: Issuer, api: httpx.AsyncClient) -> None:
    issuer.down = True
    reply = await accounts(api, issuer.token())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")


async def test_a_token_comes_in_the_header_once(issuer: Issuer, api: httpx.AsyncClient) -> None:
    token = issuer.token()
    in_address = await api.get("/accounts", params={"access_token": token})
    twice = await api.get(
        "/accounts", headers=[("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    )
    for reply in (in_address, twice, await api.get("/accounts"), await accounts(api, token, "Basic")):
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == 'Bearer realm="accounts"'


async def test_a_scope_that_is_missing_is_named(issuer: Issuer, api: httpx.AsyncClient) -> None:
    reply = await accounts(api, issuer.token(scope="openid payments"))
    assert error_of(reply) == (403, "insufficient_scope")
    assert 'scope="accounts"' in reply.headers["www-authenticate"]


async def test_a_bound_token_needs_its_proof(issuer: Issuer, api: httpx.AsyncClient) -> None:
    holder = Holder()
    token = issuer.token(cnf=holder.cnf)
    assert (await accounts(api, token, "DPoP", dpop=holder.proof(token))).status_code == 200
    alias = holder.proof(token, htu="https://mtls.bank.example/accounts?x=1#y")
    assert (await accounts(api, token, "DPoP", dpop=alias)).status_code == 200
    assert error_of(await accounts(api, token, "Bearer", dpop=holder.proof(token))) == (401, "invalid_token")
    assert error_of(await accounts(api, token, "DPoP")) == (401, "invalid_dpop_proof")
    assert error_of(await accounts(api, issuer.token(), "DPoP", dpop=holder.proof(token))) == (401, "invalid_token")


WRONG_PROOFS: dict[str, dict[str, Any]] = {
    "for another method": {"htm": "POST"},
    "for another address": {"htu": "https://evil.example/accounts"},
    "for another path": {"htu": f"{URL}/payments"},
    "without an address": {"htu": None},
    "of a minute ago": {"iat": NOW - 61},
    "of tomorrow": {"iat": NOW + 11},
    "without a time": {"iat": None},
    "for another token": {"ath": thumbprint(b"another")},
    "for no token": {"ath": None},
    "without an id": {"jti": None},
    "of another type": {"header": {"typ": "JWT"}},
    "with what must be understood": {"header": {"crit": ["kid"], "kid": "x"}},
    "with a private key": {"header": {"jwk": Holder().key.as_dict(private=True)}},
    "signed with another key": {"key": Holder().key},
}


async def test_what_is_not_known_in_a_proof_is_ignored(issuer: Issuer, api: httpx.AsyncClient) -> None:
    """RFC 7515 §4."""
    holder = Holder()
    token = issuer.token(cnf=holder.cnf)
    proof = holder.proof(token, header={"kid": "x"}, tx_id=1)
    assert (await accounts(api, token, "DPoP", dpop=proof)).status_code == 200
    proof = own_header(holder, token, tx_id=1)
    assert (await accounts(api, token, "DPoP", dpop=proof)).status_code == 200


def own_header(holder: Holder, token: str, **members: Any) -> str:
    """A proof with header members that no specification knows."""
    good = jws.extract_compact(holder.proof(token).encode())
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    return jws.serialize_compact({**good.headers(), **members}, good.payload, holder.key, registry=registry)


@pytest.mark.parametrize("wrong", WRONG_PROOFS.values(), ids=WRONG_PROOFS)
async def test_a_proof_that_is_wrong_in_one_thing_proves_nothing(
    issuer: Issuer, api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    holder = Holder()
    token = issuer.token(cnf=holder.cnf)
    reply = await accounts(api, token, "DPoP", dpop=holder.proof(token, **wrong))
    assert error_of(reply) == (401, "invalid_dpop_proof")
    assert "algs=" in reply.headers["www-authenticate"]


async def test_a_proof_with_a_secret_as_its_key_proves_nothing(issuer: Issuer, api: httpx.AsyncClient) -> None:
    holder, secret = Holder(), OctKey.generate_key(256)
    token = issuer.token(cnf=holder.cnf)
    header = {"alg": "HS256", "jwk": secret.as_dict(private=True)}
    reply = await accounts(api, token, "DPoP", dpop=holder.proof(token, header=header, key=secret))
    assert error_of(reply) == (401, "invalid_dpop_proof")


async def test_somebody_elses_proof_does_not_open_a_stolen_token(issuer: Issuer, api: httpx.AsyncClient) -> None:
    token = issuer.token(cnf=Holder().cnf)
    assert error_of(await accounts(api, token, "DPoP", dpop=Holder().proof(token))) == (401, "invalid_token")


async def test_a_proof_counts_once(issuer: Issuer, api: httpx.AsyncClient) -> None:
    holder = Holder()
    token = issuer.token(cnf=holder.cnf)
    proof = holder.proof(token)
    assert (await accounts(api, token, "DPoP", dpop=proof)).status_code == 200
    assert error_of(await accounts(api, token, "DPoP", dpop=proof)) == (401, "invalid_dpop_proof")


def certificate() -> x509.Certificate:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = datetime(2036, 1, 1, tzinfo=UTC)
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(end)
    return builder.sign(key, hashes.SHA256())


async def test_a_certificate_bound_token_needs_its_certificate(issuer: Issuer, clock: FakeClock) -> None:
    own, other = (certificate().public_bytes(Encoding.DER) for _ in range(2))
    as_header = f":{base64.b64encode(own).decode()}:"
    token_of: dict[str, Any] = {"cnf": {"x5t#S256": thumbprint(own)}}
    async with opened(issuer, clock) as api:
        token = issuer.token(**token_of)
        assert (await accounts(api, token, client_cert=as_header)).status_code == 200
        others = f":{base64.b64encode(other).decode()}:"
        for headers in ({"client_cert": others}, {"client_cert": ":!:"}, {}):
            assert error_of(await accounts(api, token, **headers)) == (401, "invalid_token")
    async with opened(issuer, clock, trusted_proxies=("192.0.2.0/24",)) as api:
        # RFC 9440 §4: anybody can write the header.
        reply = await accounts(api, issuer.token(**token_of), client_cert=as_header)
        assert error_of(reply) == (401, "invalid_token")


async def test_the_certificate_of_the_connection_counts(issuer: Issuer, clock: FakeClock) -> None:
    own = certificate()
    settings = of_the_api("api_settings").Settings(issuer=issuer.url, urls=(URL,))
    possession = of_the_api("possession").Possession(settings, clock)
    chain = [own.public_bytes(Encoding.PEM).decode()]
    scope = {"type": "http", "method": "GET", "path": "/accounts", "headers": [], "query_string": b""}
    request = Request({**scope, "extensions": {"tls": {"client_cert_chain": chain}}})
    bound = {"cnf": {"x5t#S256": thumbprint(own.public_bytes(Encoding.DER))}}
    possession.check(request, scheme="bearer", token="t", claims=bound)
    with pytest.raises(of_the_api("refusals").RefusedError):
        possession.check(Request(scope), scheme="bearer", token="t", claims=bound)


@pytest.mark.parametrize("claims", [{"acr": "1"}, {"auth_time": NOW - 301}, {"auth_time": None}, {"acr": None}])
async def test_transactions_ask_for_a_strong_and_recent_login(
    issuer: Issuer, api: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    iban = (await accounts(api, issuer.token())).json()["accounts"][0]["iban"]
    path = f"/accounts/{iban}/transactions"
    good = await api.get(path, headers={"authorization": f"Bearer {issuer.token()}"})
    assert good.status_code == 200
    reply = await api.get(path, headers={"authorization": f"Bearer {issuer.token(**claims)}"})
    assert error_of(reply) == (401, "insufficient_user_authentication")
    assert 'acr_values="2"' in reply.headers["www-authenticate"]
    assert 'max_age="300"' in reply.headers["www-authenticate"]


async def test_nobody_sees_anybody_elses_transactions(issuer: Issuer, api: httpx.AsyncClient) -> None:
    iban = (await accounts(api, issuer.token())).json()["accounts"][0]["iban"]
    reply = await api.get(
        f"/accounts/{iban}/transactions", headers={"authorization": f"Bearer {issuer.token(sub='besnik')}"}
    )
    assert reply.status_code == 404


async def test_a_payment_is_made_exactly_as_it_was_agreed_to(issuer: Issuer, api: httpx.AsyncClient) -> None:
    agreed = [{"type": "payment_initiation", **PAYMENT}]
    headers = {"authorization": f"Bearer {issuer.token(scope='payments', authorization_details=agreed)}"}
    assert (await api.post("/payments", json=PAYMENT, headers=headers)).status_code == 201
    dearer = PAYMENT | {"instructedAmount": {"currency": "EUR", "amount": "1123.50"}}
    elsewhere = PAYMENT | {"creditorAccount": {"iban": "GB33BUKB20201555555555"}}
    for payment in (dearer, elsewhere):
        reply = await api.post("/payments", json=payment, headers=headers)
        assert error_of(reply) == (403, "insufficient_authorization")
    without = {"authorization": f"Bearer {issuer.token(scope='payments')}"}
    assert (await api.post("/payments", json=PAYMENT, headers=without)).status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"1", b'"x"'])
async def test_what_is_no_payment_is_told_so(issuer: Issuer, api: httpx.AsyncClient, body: bytes) -> None:
    headers = {"authorization": f"Bearer {issuer.token(scope='payments')}"}
    assert error_of(await api.post("/payments", content=body, headers=headers)) == (400, "invalid_request")
    large = await api.post("/payments", content=b"x" * 20_000, headers=headers)
    assert error_of(large) == (413, "invalid_request")


async def test_the_callers_correlation_id_comes_back(issuer: Issuer, api: httpx.AsyncClient) -> None:
    known = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
    reply = await accounts(api, issuer.token(), x_fapi_interaction_id=known)
    assert reply.headers["x-fapi-interaction-id"] == known
    invented = await accounts(api, issuer.token(), x_fapi_interaction_id="<script>")
    assert "<" not in invented.headers["x-fapi-interaction-id"]


async def test_asking_the_provider_counts_what_it_says_now(issuer: Issuer, clock: FakeClock) -> None:
    async with opened(issuer, clock, check="introspection", secret="the secret of the API") as api:
        active = issuer.claims(active=True, token_type="Bearer")
        issuer.active = {
            "good": active,
            "refresh": {**active, "token_type": None},
            "for another": {**active, "aud": "app"},
        }
        assert (await accounts(api, "good")).status_code == 200
        for token in ("unknown", "refresh", "for another"):
            assert error_of(await accounts(api, token)) == (401, "invalid_token")
        issuer.active = {}
        assert error_of(await accounts(api, "good")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "API_ISSUER is not set"),
        ({"API_ISSUER": "ftp://x"}, "API_ISSUER"),
        ({"API_ISSUER": "https://x", "API_CHECK": "maybe"}, "API_CHECK"),
        ({"API_ISSUER": "https://x", "API_CHECK": "introspection"}, "API_SECRET_FILE"),
        ({"API_ISSUER": "https://x", "API_TRUSTED_PROXIES": "ten"}, "API_TRUSTED_PROXIES"),
        ({"API_ISSUER": "https://x", "API_STEP_UP_SECONDS": "0"}, "API_STEP_UP_SECONDS"),
        ({"API_ISSUER": "https://x", "API_URLS": "https://a?b"}, "API_URLS"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(environment: dict[str, str], words: str) -> None:
    module = of_the_api("api_settings")
    with pytest.raises(module.SettingsError, match=words):
        module.read(environment)
