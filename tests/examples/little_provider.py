"""A tiny OpenID provider over real HTTP, so that the bank can be examined without the house's own provider.

It keeps the rules that matter to a relying party (PKCE, codes used once, client authentication, rotation with
reuse detection) and can be told to break exactly one of them: `fault` is the name of the misdeed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request


Claims = dict[str, Any]


def _now() -> int:
    return int(time.time())  # noqa: TID251 - Authlib judges tokens by the real clock, so they must follow it.


class LittleProvider:
    """The provider; tests set its attributes and read what it saw."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self.fault = ""
        self.subject = "c0ffee-1"
        self.name = "Arta Kola"
        self.access_token_seconds = 300
        self.gives_refresh_tokens = True
        self.opaque_access_tokens = False
        self.logins_asked = 0
        self.requests: list[dict[str, str]] = []
        self.refreshes = 0
        self.logouts: list[dict[str, str]] = []
        self.issued_tokens: list[str] = []
        self.secrets: dict[str, str] = {}
        self._keys = {"key-1": ECKey.generate_key("P-256", {"kid": "key-1", "alg": "ES256", "use": "sig"})}
        self._sessions: dict[str, Claims] = {}
        self._codes: dict[str, Claims] = {}
        self._refresh_tokens: dict[str, Claims] = {}
        self._access_tokens: dict[str, Claims] = {}
        self.application = Starlette(
            routes=[
                Route("/realms/{realm}/.well-known/openid-configuration", self._discovery),
                Route("/realms/{realm}/certs", self._certs),
                Route("/realms/{realm}/auth", self._authorize),
                Route("/realms/{realm}/token", self._token, methods=["POST"]),
                Route("/realms/{realm}/userinfo", self._userinfo),
                Route("/realms/{realm}/logout", self._logout),
            ]
        )

    def change_keys(self) -> None:
        """Sign with a new key from now on, and publish only that."""
        kid = f"key-{len(self._keys) + 1}"
        self._keys = {kid: ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})}

    def end_all_sessions(self) -> None:
        """What an administrator's "sign out everywhere" does."""
        self._sessions.clear()
        self._refresh_tokens.clear()

    async def _discovery(self, request: Request) -> Response:
        issuer = self._issuer(request)
        return JSONResponse(
            {
                "issuer": "https://elsewhere.example" if self.fault == "discovery of another issuer" else issuer,
                "authorization_endpoint": f"{issuer}/auth",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "jwks_uri": f"{issuer}/certs",
                "end_session_endpoint": f"{issuer}/logout",
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _certs(self, _: Request) -> Response:
        return JSONResponse(KeySet(list(self._keys.values())).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.requests.append(query)
        session = self._sessions.get(request.cookies.get("sso", ""))
        answer = {"state": query["state"], "iss": self._issuer(request)}
        if self.fault == "denied":
            answer |= {"error": "access_denied", "error_description": "<script>alert('no')</script>"}
            return self._answer(query, answer)
        fresh = session is None
        if session is None:
            self.logins_asked += 1
            session = {"sub": self.subject, "name": self.name, "sid": secrets.token_hex(8), "auth_time": _now()}
        code = secrets.token_urlsafe(16)
        self._codes[code] = {"request": query, "session": session, "realm": request.path_params["realm"]}
        response = self._answer(query, answer | {"code": code})
        if fresh:
            cookie = secrets.token_urlsafe(16)
            self._sessions[cookie] = session
            response.set_cookie("sso", cookie, httponly=True)
        return response

    def _answer(self, query: dict[str, str], answer: dict[str, str]) -> Response:
        match self.fault:
            case "wrong iss parameter":
                answer["iss"] = "https://elsewhere.example"
            case "no iss parameter":
                del answer["iss"]
            case "wrong state":
                answer["state"] = "not-yours"
            case "two codes":
                return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}&code=second", 302)
            case _:
                pass
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        realm = request.path_params["realm"]
        client_id = self._client(request, realm)
        if client_id is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        if self.fault == "token endpoint down":
            return Response("upstream timed out", 503)
        if form["grant_type"] == "refresh_token":
            granted = self._refresh_tokens.pop(form["refresh_token"], None)
            if granted is None:  # Unknown or used before: the whole family ends (RFC 9700 §4.14.2).
                self._refresh_tokens.clear()
                return JSONResponse({"error": "invalid_grant"}, 400)
            self.refreshes += 1
        else:
            granted = self._codes.pop(form["code"], None)
            if granted is None or not _pkce_verifies(granted["request"], form) or not _same_client(granted, client_id):
                return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(self._mint(request, granted))

    def _client(self, request: Request, realm: str) -> str | None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        client_id, _, secret = base64.b64decode(credentials or "Og==").decode().partition(":")
        right = scheme.lower() == "basic" and self.secrets.get(f"{realm}_{client_id}") == secret
        return client_id if right else None

    def _mint(self, request: Request, granted: Claims) -> Claims:
        access = self._access_token(request, granted)
        self._access_tokens[access] = granted["session"]
        answer: Claims = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.access_token_seconds,
            "scope": granted["request"]["scope"],
            "id_token": self._id_token(request, granted),
        }
        if self.gives_refresh_tokens:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self._refresh_tokens[answer["refresh_token"]] = granted
        if self.fault == "no id token":
            del answer["id_token"]
        self.issued_tokens += [answer[name] for name in answer if name.endswith("_token")]
        return answer

    def _access_token(self, request: Request, granted: Claims) -> str:
        if self.opaque_access_tokens:
            return secrets.token_urlsafe(24)
        now = _now()
        return self._sign(
            {
                "iss": self._issuer(request),
                "sub": granted["session"]["sub"],
                "aud": "account",
                "client_id": granted["request"]["client_id"],
                "exp": now + self.access_token_seconds,
                "iat": now,
                "jti": secrets.token_hex(8),
            }
        )

    def _id_token(self, request: Request, granted: Claims) -> str:
        now = _now()
        claims: Claims = {
            "iss": self._issuer(request),
            "aud": granted["request"]["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": granted["request"].get("nonce"),
            "acr": "2",
            "amr": ["pwd", "otp"],
        } | {name: granted["session"][name] for name in ("sub", "sid", "auth_time")}
        match self.fault:
            case "wrong nonce":
                claims["nonce"] = "somebody-else's"
            case "wrong audience":
                # With our own id as `azp`, which satisfies Authlib: only the bank's `aud` check is left.
                claims |= {"aud": "another-client", "azp": granted["request"]["client_id"]}
            case "wrong issuer in the ID token":
                claims["iss"] = "https://elsewhere.example"
            case "expired ID token":
                claims["exp"] = now - 3600
            case "unsigned ID token":
                return f"{_part({'alg': 'none', 'kid': next(iter(self._keys))})}.{_part(claims)}."
            case "ID token of another":
                claims["sub"] = "somebody-else"
            case _:
                pass
        return self._sign(claims)

    def _sign(self, claims: Claims) -> str:
        kid, key = next(iter(self._keys.items()))
        if self.fault == "forged signature":
            key = ECKey.generate_key("P-256")
        return jwt.encode({"alg": "ES256", "kid": kid, "typ": "JWT"}, claims, key)

    async def _userinfo(self, request: Request) -> Response:
        session = self._access_tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if session is None:
            return Response(status_code=401)
        sub = "somebody-else" if self.fault == "userinfo of another" else session["sub"]
        return JSONResponse(
            {"sub": sub, "name": session["name"], "email": "arta@example.al", "phone_number": "+355670000000"}
        )

    async def _logout(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.logouts.append(query)
        hint = jwt.decode(query["id_token_hint"], KeySet(list(self._keys.values())), algorithms=["ES256"])
        self._sessions = {cookie: one for cookie, one in self._sessions.items() if one["sid"] != hint.claims["sid"]}
        return RedirectResponse(f"{query['post_logout_redirect_uri']}?{urlencode({'state': query['state']})}", 302)

    def _issuer(self, request: Request) -> str:
        return f"{self.url}/realms/{request.path_params['realm']}"


def _part(value: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _pkce_verifies(asked: dict[str, str], form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return asked.get("code_challenge_method") == "S256" and asked.get("code_challenge") == challenge


def _same_client(granted: Claims, client_id: str) -> bool:
    return bool(granted["request"]["client_id"] == client_id)
