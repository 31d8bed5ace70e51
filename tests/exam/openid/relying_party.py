"""A relying party as the suite plays it: each answer is held to the suite's conditions on the way.

A condition that does not hold is an assertion; what the specification says about it stands beside it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.person import Person

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW = 300  # seconds


class Key:
    """The key of a client: RS256 and, as in most modules of the suite, without a name."""

    def __init__(self, kid: str | None = None) -> None:
        self.kid = kid
        self._key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})

    def public(self) -> dict[str, Any]:
        """The set that is registered or published."""
        named = {} if self.kid is None else {"kid": self.kid}
        key = {name: value for name, value in self._key.as_dict(private=False).items() if name != "kid"}
        return {"keys": [{**key, **named}]}

    def signs(self, claims: dict[str, Any]) -> str:
        """Return the claims, signed."""
        named = {} if self.kid is None else {"kid": self.kid}
        return jwt.encode({"alg": "RS256", **named}, claims, self._key, algorithms=["RS256"])


@functools.cache
def _usual_key() -> Key:
    """Return the key of every client that has none of its own: making one takes longer than a module."""
    return Key()


class RelyingParty:
    """A client of one module: registered as the suite does it, and strict about every answer it gets."""

    def __init__(
        self,
        examiner: Examiner,
        response_type: str = "code",
        response_mode: str = "",
        *,
        method: str = "client_secret_basic",
        key: Key | None = None,
        **members: Any,
    ) -> None:
        self.examiner = examiner
        self.response_type, self.response_mode, self.method = response_type, response_mode, method
        self.words = response_type.split()
        self.key = key or _usual_key()
        grants = ["authorization_code"] * ("code" in self.words) + ["implicit"] * (self.words != ["code"])
        self.asked: dict[str, Any] = {
            "client_name": "OIDF Conformance Test Kf8zQ",
            "grant_types": grants,
            "jwks": self.key.public(),
            "token_endpoint_auth_method": method,
            "response_types": [response_type],
            "redirect_uris": [examiner.suite.callback],
            "contacts": ["certification@example.org"],
        } | members
        if "jwks_uri" in members:
            del self.asked["jwks"]
        reply = examiner.register(**self.asked)
        self.registered = self._registration(reply)
        self.id: str = self.registered["client_id"]
        self.redirect_uri: str = self.asked["redirect_uris"][0]

    def _registration(self, reply: httpx.Response) -> dict[str, Any]:
        """OpenID Registration §3.2, RFC 7591 §3.2.1, RFC 7592 §3."""
        assert reply.status_code == 201, reply.text
        assert reply.headers["content-type"].partition(";")[0] == "application/json"
        assert "no-store" in reply.headers["cache-control"]
        answer: dict[str, Any] = reply.json()
        assert "error" not in answer
        for name, value in self.asked.items():
            assert _same(answer.get(name), value), f"{name}: {value} became {answer.get(name)}"
        if "client_secret" in answer:
            assert isinstance(answer["client_secret_expires_at"], int)
        assert answer["registration_client_uri"].startswith("https://")
        assert answer["registration_access_token"]
        return answer

    def managed(self, method: str) -> httpx.Response:
        """Read or delete the registration (RFC 7592 §2)."""
        headers = {"authorization": f"Bearer {self.registered['registration_access_token']}"}
        return self.examiner.http.request(method, self.registered["registration_client_uri"], headers=headers)

    # The authorization request and its answer.

    def request(self, **more: str | None) -> Request:
        """Return an authorization request; a parameter that is None is left out."""
        parameters = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(96),  # 128 characters: it must not come back damaged
            "nonce": secrets.token_urlsafe(12),
            "response_type": self.response_type,
            "response_mode": self.response_mode or None,
            **more,
        }
        return Request(self, {name: value for name, value in parameters.items() if value is not None})

    def log_in(self, person: Person | None = None, **more: str | None) -> Answered:
        """Send the user, who answers every page, and hold the answer to what every module asks of it."""
        return self.request(**more).answered(person or self.examiner.person())

    # The token endpoint.

    def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint, with the client's own proof."""
        http, address = self.examiner.http, self.examiner.metadata["token_endpoint"]
        if self.method == "client_secret_basic":
            return http.post(address, data=form, auth=(self.id, self.registered["client_secret"]))
        if self.method == "client_secret_post":
            return http.post(
                address, data={**form, "client_id": self.id, "client_secret": self.registered["client_secret"]}
            )
        return http.post(
            address, data={**form, "client_assertion_type": _ASSERTION, "client_assertion": self.proof(address)}
        )

    def proof(self, audience: str) -> str:
        """Return a client assertion."""
        now = int(time.time())  # noqa: TID251 - the provider is another process: its clock is the machine's
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "jti": secrets.token_urlsafe(),
            "iat": now,
            "exp": now + 60,
        }
        return self.key.signs(claims)

    def redeemed(self, answer: Answered) -> dict[str, Any]:
        """Return what the code of an answer is worth, held to RFC 6749 §5.1 and OpenID Connect Core §3.1.3.3."""
        return self.tokens(self.token(**answer.grant()), answer.request)

    def tokens(self, reply: httpx.Response, request: Request) -> dict[str, Any]:
        """Hold an answer of the token endpoint to the specifications, and return it with the ID token's claims."""
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].partition(";")[0] == "application/json"
        assert reply.headers["cache-control"] == "no-store"  # RFC 6749 §5.1
        assert reply.headers["pragma"] == "no-cache"
        tokens: dict[str, Any] = reply.json()
        assert tokens["token_type"].lower() == "bearer"
        assert type(tokens["expires_in"]) is int
        tokens["claims"] = self.id_token(tokens["id_token"], request, access_token=tokens["access_token"])
        return tokens

    def id_token(
        self, token: str, request: Request, *, access_token: str | None = None, code: str | None = None
    ) -> dict[str, Any]:
        """Return the claims of an ID token, held to OpenID Connect Core §2, §3.1.3.7, §3.2.2.11 and §3.3.2.12."""
        header = json.loads(_decoded(token.partition(".")[0]))
        keys = KeySet.import_key_set(self.examiner.jwks())
        named = [key for key in keys if key.kid == header["kid"]]
        assert len(named) == 1, "kid names one key of the set (Core §10.1)"
        assert header["alg"] == self.asked.get("id_token_signed_response_alg", "RS256")
        claims = jwt.decode(token, named[0], algorithms=[header["alg"]]).claims
        now = int(time.time())  # noqa: TID251 - the provider is another process: its clock is the machine's
        assert claims["iss"] == self.examiner.issuer
        assert self.id in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
        assert claims.get("azp", self.id) == self.id
        assert isinstance(claims["sub"], str)
        assert 0 < len(claims["sub"]) <= 255
        assert all(type(claims[name]) is int for name in ("exp", "iat", "auth_time"))
        assert now - _SKEW < claims["iat"] <= now + 5
        assert claims["exp"] > now
        assert claims["auth_time"] <= now
        assert claims.get("nonce") == request.parameters.get("nonce")
        assert isinstance(claims["acr"], str)
        assert all(isinstance(one, str) for one in claims["amr"])
        for name, value in (("at_hash", access_token), ("c_hash", code)):
            if name in claims:
                assert value is not None
                assert claims[name] == _half(value)
        asked = {"name", "email", "phone_number", "address"} & claims.keys()
        assert not asked or self.words == ["id_token"], f"{asked} were not asked for in the ID token (Core §5.4)"
        return claims

    # UserInfo.

    def user_info(self, access_token: str, subject: str | None = None) -> dict[str, Any]:
        """Return what UserInfo says, held to Core §5.3.2."""
        headers = {"authorization": f"Bearer {access_token}"}
        reply = self.examiner.http.get(self.examiner.metadata["userinfo_endpoint"], headers=headers)
        return self.told(reply, subject)

    def told(self, reply: httpx.Response, subject: str | None) -> dict[str, Any]:
        """Hold an answer of UserInfo to Core §5.3.2 and §5.1."""
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].partition(";")[0] == "application/json"
        claims: dict[str, Any] = reply.json()
        assert isinstance(claims["sub"], str)
        assert subject is None or claims["sub"] == subject
        for name, kind in _TYPES.items():
            assert name not in claims or type(claims[name]) is kind, f"{name}: {claims[name]!r}"
        return claims


class Request:
    """One authorization request."""

    def __init__(self, party: RelyingParty, parameters: dict[str, str]) -> None:
        self.party, self.parameters = party, parameters

    @property
    def url(self) -> str:
        """Where the browser is sent."""
        return f"{self.party.examiner.metadata['authorization_endpoint']}?{urlencode(self.parameters)}"

    @property
    def mode(self) -> str:
        """How the answer must travel (Multiple Response Types §5)."""
        words = self.parameters.get("response_type", "code").split()
        return self.parameters.get("response_mode") or ("query" if words == ["code"] else "fragment")

    def begun(self, person: Person) -> Person:
        """Send the user there; she answers no page yet."""
        person.visit(self.url)
        return person

    def answered(self, person: Person) -> Answered:
        """Send the user there; she answers every page."""
        self.begun(person).goes_on()
        return self.taken(person)

    def taken(self, person: Person) -> Answered:
        """Return the answer that the user was sent back with."""
        return Answered(self, person, person.answer(mode=self.mode))

    def refused(self, person: Person, *, mode: str | None = None) -> str:
        """Return the error code that the client is told, held to RFC 6749 §4.1.2.1 and RFC 9207."""
        self.begun(person).goes_on()
        answer = person.answer(mode=mode or self.mode)
        assert answer.keys() <= {"error", "error_description", "error_uri", "state", "iss"}, answer
        self.check_common(person, answer)
        return answer["error"]

    def check_common(self, person: Person, answer: dict[str, str]) -> None:
        """Hold what is in every answer to the request."""
        assert answer.get("state") == self.parameters.get("state")
        assert answer["iss"] == self.party.examiner.issuer  # RFC 9207 §2
        wanted, arrived = urlsplit(self.party.redirect_uri), urlsplit(person.arrived or "")
        assert arrived[:3] == wanted[:3]
        assert arrived.query.startswith(wanted.query)


class Answered:
    """A successful answer, checked."""

    def __init__(self, request: Request, person: Person, answer: dict[str, str]) -> None:
        assert "error" not in answer, answer
        self.request, self.person, self.answer = request, person, answer
        self.party = request.party
        request.check_common(person, answer)
        registered = dict.fromkeys(
            name.partition("=")[0] for name in urlsplit(self.party.redirect_uri).query.split("&")
        )
        for name in registered:
            answer.pop(name, None)
        expected = set(self.party.words) - {"token"} | {"state", "iss"} & {*request.parameters, "iss"}
        if "token" in self.party.words:
            expected |= {"access_token", "token_type", "expires_in"}
        assert answer.keys() - {"session_state", "scope"} == expected, answer.keys()
        self.claims: dict[str, Any] = {}
        if "id_token" in answer:
            token, code = answer.get("access_token"), answer.get("code")
            self.claims = self.party.id_token(answer["id_token"], request, access_token=token, code=code)
            assert ("at_hash" in self.claims) is (token is not None)  # Core §3.2.2.10
            assert ("c_hash" in self.claims) is (code is not None)  # Core §3.3.2.11
        if "access_token" in answer:
            assert answer["token_type"].lower() == "bearer"
            assert int(answer["expires_in"]) > 0
            self.party.user_info(answer["access_token"], self.claims.get("sub"))
        assert "code" not in answer or len(answer["code"]) >= 22  # 128 bits (RFC 6749 §10.10)

    def grant(self) -> dict[str, str]:
        """Return the token request that the code is for."""
        return {
            "grant_type": "authorization_code",
            "code": self.answer["code"],
            "redirect_uri": self.request.parameters["redirect_uri"],
        }

    def finished(self) -> dict[str, Any]:
        """Go to the end: tokens for a code, and UserInfo. Return the ID token's claims with the tokens of the flow."""
        if "code" not in self.answer:
            return {**self.answer, "claims": self.claims}
        tokens = self.party.redeemed(self)
        if self.claims:  # Core §3.3.3.6
            assert (tokens["claims"]["sub"], tokens["claims"]["iss"]) == (self.claims["sub"], self.claims["iss"])
        self.party.user_info(tokens["access_token"], tokens["claims"]["sub"])
        return tokens


def unsigned(claims: dict[str, str]) -> str:
    """Return a request object that nobody signed (RFC 7519 §6)."""
    return ".".join((*(_encoded(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)), ""))


def _half(value: str) -> str:
    return _encoded(hashlib.sha256(value.encode()).digest()[:16])


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _same(answered: Any, asked: Any) -> bool:
    in_order = isinstance(asked, list) and all(isinstance(one, str) for one in asked)
    return bool(sorted(answered or []) == sorted(asked) if in_order else answered == asked)


_TYPES: dict[str, type] = {
    "email_verified": bool,
    "phone_number_verified": bool,
    "address": dict,
    "updated_at": int,
    **dict.fromkeys(("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username"), str),
    **dict.fromkeys(("profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "email"), str),
    "phone_number": str,
}
