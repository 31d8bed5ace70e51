"""Another bank's OpenID provider, on a socket: keeps the rules, or breaks the one that it is told to break."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes import FakeClock

SECRET = "the bank's secret at the other house"


class Upstream:
    """The provider; `claims` are what it says of whoever logs in, `wrong` overrides them in the ID token."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.url = ""
        self.claims: dict[str, Any] = {
            "sub": "S-1",
            "preferred_username": "drita.kola",
            "email": "drita@example.al",
            "email_verified": True,
            "given_name": "Drita",
            "family_name": "Kola",
        }
        self.wrong: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.status = 200
        self.redeemed: list[dict[str, str]] = []
        self._key = ECKey.generate_key("P-256", {"kid": "k", "alg": "ES256", "use": "sig"})
        self.other_key = ECKey.generate_key("P-256", {"kid": "k", "alg": "ES256", "use": "sig"})
        self.signs_with = self._key
        self._codes: dict[str, dict[str, str]] = {}
        self.application = Starlette(
            routes=[Route("/token", self._token, methods=["POST"]), Route("/certs", self._certs)]
        )

    @property
    def issuer(self) -> str:
        return "https://other-bank.example"

    def provider(self, **config: str) -> dict[str, Any]:
        """An entry of `identityProviders`."""
        return {
            "alias": "other-bank",
            "displayName": "Banka tjetër",
            "providerId": "oidc",
            "enabled": True,
            "trustEmail": True,
            "config": {
                "issuer": self.issuer,
                "authorizationUrl": "https://other-bank.example/auth",
                "tokenUrl": f"{self.url}/token",
                "jwksUrl": f"{self.url}/certs",
                "clientId": "our-bank",
                "clientSecret": SECRET,
                "clientAuthMethod": "client_secret_basic",
                "defaultScope": "openid profile email",
                **config,
            },
        }

    def answer(self, request: str, **changes: str) -> str:
        """Log somebody in: take an authorization request and return the address that the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request).query).items()}
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **changes}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.redeemed.append(form)
        named, _, secret = (
            base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        )
        asked = self._codes.pop(form["code"], None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        )
        right = (
            asked is not None and asked["code_challenge"] == challenge and asked["redirect_uri"] == form["redirect_uri"]
        )
        if self.status != 200 or not right or named != "our-bank" or not secret:
            return JSONResponse({"error": "invalid_grant"}, status_code=self.status if self.status != 200 else 400)
        assert asked is not None
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": "our-bank",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            **self.claims,
            **self.wrong,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "ES256", "kid": "k", **self.header}, kept, self.signs_with)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

    async def _certs(self, _: Request) -> Response:
        return JSONResponse(KeySet([self._key]).as_dict(private=False))
