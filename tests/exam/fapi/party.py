"""A client of the exam as the suite plays it: keys, certificates, a person with a browser, over real TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry, serialize_compact

from tests.patience import PATIENCE
from tests.peers.provider import PASSWORD, Examined
from tests.stories.browser import Page

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_HOPS = 12


class Person:
    """Alice at her browser: she fills in what she is shown, and says yes or no."""

    def __init__(self, exam: Examined) -> None:
        self._home = exam.url
        self.http = httpx.Client(verify=exam.trust(), timeout=PATIENCE)

    def go(self, url: str, *, accept: bool = True) -> dict[str, str]:
        """Go where an application sends her; what the application is called back with, which it must be."""
        arrived = self.visit(url, accept=accept)
        assert isinstance(arrived, dict), f"a page instead of an answer: {arrived.message}"
        return arrived

    def visit(self, url: str, *, accept: bool = True) -> dict[str, str] | Page:
        """Go where an application sends her: what it is called back with, or the page at which she cannot go on."""
        reply = self.http.get(url)
        for _ in range(_HOPS):
            if reply.is_redirect:
                target = urljoin(str(reply.url), reply.headers["location"])
                if not target.startswith(self._home):
                    return called_back(target)
                reply = self.http.get(target)
                continue
            page = Page(reply)
            answers = self._answers(page, accept=accept)
            if answers is None:
                return page
            form, values = answers
            reply = self.http.post(urljoin(page.url, page.forms[form].action), data=values)
        raise AssertionError("going round in circles")

    @staticmethod
    def _answers(page: Page, *, accept: bool) -> tuple[str, dict[str, str]] | None:
        for form, shown in page.forms.items():
            if "cancelLogin" in shown.names and not accept:
                return form, {**shown.values, "cancelLogin": "1"}
            if "password" in shown.names:
                return form, {**shown.values, "username": "alice", "password": PASSWORD}
            if {"accept", "cancel"} <= shown.names:
                return form, {**shown.values, "accept" if accept else "cancel": "1"}
        return None


class Party:
    """One client of one of the suite's configurations."""

    def __init__(self, exam: Examined, name: str, folder: Path, *, second: bool = False) -> None:
        configuration = exam.exam.configurations[name]
        self.exam = exam
        self.second = second
        self.given: dict[str, Any] = configuration["client2" if second else "client"]
        self.client_id: str = self.given["client_id"]
        self.scope: str = self.given["scope"]
        self.resource: str = configuration["resource"]["resourceUrl"]
        self.redirect_uri = "https://suite.example/test/a/hyrja/callback"
        if second:
            self.redirect_uri += "?dummy1=lorem&dummy2=ipsum"
        self.by_certificate = "private-key-jwt" not in name
        self.dpop = "-dpop" in name
        self.key = ECKey.import_key(self.given["jwks"]["keys"][0])
        self.proof_key = ECKey.generate_key("P-256", {"alg": "ES256"})
        self.verifier = secrets.token_urlsafe(48)
        tls = configuration["mtls2" if second else "mtls"]
        certificate, key = folder / f"{self.client_id}.pem", folder / f"{self.client_id}.key"
        certificate.write_text(tls["cert"], encoding="ascii")
        key.write_text(tls["key"], encoding="ascii")
        context = ssl.create_default_context(cafile=str(exam.certificate))
        context.load_cert_chain(certificate, key)
        self.plain, self.mutual = (
            httpx.Client(verify=exam.trust(), timeout=PATIENCE),
            httpx.Client(verify=context, timeout=PATIENCE),
        )
        self.server: dict[str, Any] = self.plain.get(f"{exam.issuer}/.well-known/openid-configuration").json()
        self.keys = KeySet.import_key_set(self.plain.get(self.server["jwks_uri"]).json())

    def close(self) -> None:
        """End the connections."""
        self.plain.close()
        self.mutual.close()

    def at(self, name: str) -> str:
        """The address of an endpoint, as this client uses it: with certificates, the alias (RFC 8705 §5)."""
        aliases = {} if self.dpop and not self.by_certificate else self.server["mtls_endpoint_aliases"]
        address: str = aliases.get(name, self.server[name])
        return address

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """A good authorization request, changed; None takes one away."""
        challenge = _base64(hashlib.sha256(self.verifier.encode()).digest())
        good = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": self.scope,
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return without_none({**good, **changes})

    def request_object(self, claims: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good signed request object, changed."""
        now = seconds()
        good = {"iss": self.client_id, "aud": self.exam.issuer, "nbf": now, "exp": now + 300}
        return self.signed(without_none({**(claims or self.parameters()), **good, **changes}))

    def assertion(self, audience: Any = None, **changes: Any) -> dict[str, str]:
        """What proves the client in a form; of a client with a certificate, its name."""
        if self.by_certificate:
            return {"client_id": self.client_id}
        now = seconds()
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": audience or self.exam.issuer}
        claims = {**claims, "jti": secrets.token_urlsafe(12), "iat": now, "exp": now + 60, **changes}
        return asserting(self.signed(without_none(claims)))

    def signed(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        """Claims signed with the client's key."""
        members = without_none({"alg": "ES256", "kid": self.key.kid, **header})
        return jws(members, claims, key or self.key)

    def proof(
        self, method: str, address: str, *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """A good DPoP proof, changed."""
        key = key or self.proof_key
        claims = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": address, "iat": seconds(), **changes}
        members = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
        return jws(without_none(members), without_none(claims), key)

    def jkt(self) -> str:
        """The thumbprint of the key of the proofs."""
        return str(self.proof_key.thumbprint())

    def push(self, form: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Push a request with good client authentication, unless the form brings its own."""
        address = self.at("pushed_authorization_request_endpoint")
        form = self.parameters() if form is None else form
        proved = {} if "client_assertion" in form else self.assertion()
        http = self.mutual if self.by_certificate else self.plain
        return http.post(address, data={**proved, **form}, headers=headers)

    def push_signed(self, claims: dict[str, Any] | None = None, **changes: Any) -> httpx.Response:
        """Push a signed request object."""
        return self.push({"client_id": self.client_id, "request": self.request_object(claims, **changes)})

    def begin(self, pushed: httpx.Response, **more: str) -> str:
        """The address that begins what was pushed."""
        assert pushed.status_code == 201, pushed.text
        return self.address(request_uri=pushed.json()["request_uri"], **more)

    def address(self, **parameters: Any) -> str:
        """An address of the authorization endpoint."""
        return f"{self.server['authorization_endpoint']}?{urlencode({'client_id': self.client_id, **parameters})}"

    def code(self, person: Person, **changes: Any) -> str:
        """A fresh code, by a pushed request."""
        return person.go(self.begin(self.push(self.parameters(**changes))))["code"]

    def redeem(self, code: str, *, proof: str | None = "", **changes: Any) -> httpx.Response:
        """Redeem a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return self.token({**form, "code_verifier": self.verifier, **changes}, proof=proof)

    def token(self, form: dict[str, Any], *, proof: str | None = "", presents: bool = True) -> httpx.Response:
        """Ask the token endpoint, bound as the client is; a proof of its own or (None) no proof."""
        address = self.at("token_endpoint")
        proved = {} if "client_assertion" in form else self.assertion()
        headers = {}
        if self.dpop and proof is not None:
            headers["DPoP"] = proof or self.proof("POST", address)
        http = self.mutual if presents and (self.by_certificate or not self.dpop) else self.plain
        return http.post(address, data=without_none({**proved, **form}), headers=headers)

    def tokens(self, person: Person, **changes: Any) -> dict[str, Any]:
        """Tokens by a whole flow."""
        reply = self.redeem(self.code(person, **changes))
        assert reply.status_code == 200, reply.text
        tokens: dict[str, Any] = reply.json()
        return tokens

    def call(self, access_token: str, **headers: str) -> httpx.Response:
        """Call the protected resource, bound as the client is."""
        proving = {"Authorization": f"Bearer {access_token}"}
        if self.dpop:
            proof = self.proof("GET", self.resource, ath=ath(access_token))
            proving = {"Authorization": f"DPoP {access_token}", "DPoP": proof}
        http = self.plain if self.dpop else self.mutual
        return http.get(self.resource, headers={**proving, **headers})

    def verified(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of what the provider signed for this client."""
        decoded = jwt.decode(token, self.keys, algorithms=["ES256", "PS256"])
        assert decoded.header["kid"]
        claims = dict(decoded.claims)
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        assert claims["iss"] == self.exam.issuer
        assert self.client_id in audience
        assert claims["exp"] > seconds()
        return dict(decoded.header), claims


def called_back(target: str) -> dict[str, str]:
    """The answer in an address: its query and its fragment, of which one is empty but for the client's own."""
    parts = urlsplit(target)
    return dict(parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(parts.fragment, keep_blank_values=True))


def asserting(text: str) -> dict[str, str]:
    """The parameters of a client assertion."""
    return {"client_assertion_type": ASSERTION, "client_assertion": text}


def jws(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """A token with just these members, whatever they are worth."""
    registry = JWSRegistry(algorithms=["ES256", "RS256", "PS256"], strict_check_header=False)
    return serialize_compact(header, json.dumps(claims), key, registry=registry)


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """A token of algorithm `none`."""
    parts = ({"alg": "none", **header}, claims)
    return ".".join(_base64(json.dumps(part).encode()) for part in parts) + "."


def tampered(token: str) -> str:
    """The same token with another signature of the same length."""
    head, body, signature = token.split(".")
    raw = bytes(byte ^ 0x5A for byte in base64.urlsafe_b64decode(signature + "=="))
    return f"{head}.{body}.{_base64(raw)}"


def ath(access_token: str) -> str:
    """The digest of an access token that a proof carries (RFC 9449 §4.2)."""
    return _base64(hashlib.sha256(access_token.encode()).digest())


def half_hash(text: str) -> str:
    """`at_hash`, `c_hash`, `s_hash` of a text under ES256 and PS256 (OpenID Connect Core §3.3.2.11)."""
    return _base64(hashlib.sha256(text.encode()).digest()[:16])


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Status and error of a refusal, which is JSON as RFC 6749 §5.2 says."""
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    content = reply.json()
    assert set(content) <= {"error", "error_description", "error_uri"}
    assert all(0x20 <= ord(character) <= 0x7E for character in content.get("error_description", ""))
    return reply.status_code, content["error"]


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """What has a value."""
    return {name: value for name, value in members.items() if value is not None}


def moved(changes: dict[str, Any]) -> dict[str, Any]:
    """Changes whose numbers are seconds from now."""
    return {name: seconds() + value if isinstance(value, int) else value for name, value in changes.items()}


def seconds() -> int:
    """Now."""
    return int(time.time())  # noqa: TID251 - the provider is a process of its own, with the real clock


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
