"""FAPI-CIBA as the suite drives it: signed requests, certificates on the second port, decisions by an address."""

from __future__ import annotations

import contextlib
import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.peers.provider import Examined

GRANT = "urn:openid:params:grant-type:ciba"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Suite:
    """One client of the exam, with its key and its certificate."""

    def __init__(self, exam: Examined, name: str, folder: Path) -> None:
        configuration = exam.exam.configurations[name]
        self.exam = exam
        self.client = configuration["client"]
        self.client_id: str = self.client["client_id"]
        self.resource: str = configuration["resource"]["resourceUrl"]
        self._by_certificate = name == "ciba-mtls-mtls"
        self._key = ECKey.import_key(self.client["jwks"]["keys"][0])
        certificate, key = folder / "client.pem", folder / "client.key"
        certificate.write_text(configuration["mtls"]["cert"], encoding="ascii")
        key.write_text(configuration["mtls"]["key"], encoding="ascii")
        context = ssl.create_default_context(cafile=str(exam.certificate))
        context.load_cert_chain(certificate, key)
        self.plain, self.mutual = httpx.Client(verify=exam.trust()), httpx.Client(verify=context)
        self.server = self.plain.get(f"{exam.issuer}/.well-known/openid-configuration").json()

    def ask(self, **changes: Any) -> httpx.Response:
        now = _now()
        claims = {"iss": self.client_id, "aud": self.exam.issuer, "jti": secrets.token_urlsafe(12), "iat": now}
        claims |= {"nbf": now, "exp": now + 300, "scope": self.client["scope"], "login_hint": "alice"}
        claims |= {"binding_message": "1234", **changes}
        request = self._signed({name: value for name, value in claims.items() if value is not None})
        name = "backchannel_authentication_endpoint"
        if self._by_certificate:
            form = {"request": request, "client_id": self.client_id}
            return self.mutual.post(self.server["mtls_endpoint_aliases"][name], data=form)
        return self.plain.post(self.server[name], data={"request": request, **self._proof(self.server[name])})

    def token(self, **form: str) -> httpx.Response:
        proof = self._proof(self.server["token_endpoint"])
        return self.mutual.post(self.server["mtls_endpoint_aliases"]["token_endpoint"], data={**form, **proof})

    def poll(self, request: dict[str, Any]) -> httpx.Response:
        return self.token(grant_type=GRANT, auth_req_id=request["auth_req_id"])

    def decide(self, request: dict[str, Any], action: str) -> None:
        address = f"{self.exam.issuer}/dev/ciba?auth_req_id={request['auth_req_id']}&action={action}"
        assert self.plain.post(address).status_code == 200

    def _proof(self, audience: str) -> dict[str, str]:
        if self._by_certificate:
            return {"client_id": self.client_id}
        now = _now()
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": audience, "jti": secrets.token_urlsafe(12)}
        assertion = self._signed({**claims, "iat": now, "exp": now + 60})
        return {"client_assertion_type": ASSERTION, "client_assertion": assertion}

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key, algorithms=["ES256"])


def _now() -> int:
    return int(time.time())  # noqa: TID251 - the provider is a process of its own, with the real clock


@pytest.fixture(params=["ciba-private-key-jwt-mtls", "ciba-mtls-mtls"])
def suite(request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Suite]:
    suite = Suite(exam, request.param, tmp_path)
    with contextlib.closing(suite.plain), contextlib.closing(suite.mutual):
        yield suite


def test_tokens_are_bound_to_the_certificate_and_renewed_with_it(suite: Suite) -> None:
    asked = suite.ask(requested_expiry=60)
    assert asked.status_code == 200, asked.text
    request = asked.json()
    assert request["expires_in"] == 60
    assert suite.poll(request).json()["error"] == "authorization_pending"
    suite.decide(request, "allow")
    tokens = suite.poll(request).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert suite.mutual.get(suite.resource, headers=bearer).status_code == 200
    assert suite.plain.get(suite.exam.resource, headers=bearer).status_code == 401, "without the certificate"
    renewed = suite.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200, renewed.text
    assert suite.poll(request).json()["error"] == "invalid_grant"


def test_a_no_is_told(suite: Suite) -> None:
    request = suite.ask().json()
    suite.decide(request, "deny")
    assert suite.poll(request).json()["error"] == "access_denied"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": None}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"nbf": None}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"binding_message": None}, "invalid_binding_message"),
        ({"login_hint": "nobody"}, "unknown_user_id"),
    ],
)
def test_the_profile_is_kept(suite: Suite, changes: dict[str, Any], error: str) -> None:
    reply = suite.ask(**changes)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
