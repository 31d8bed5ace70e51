"""Clients of FAPI profiles in a whole provider: keys of their own, policies of the realm file, everything signed.

What they sign is signed with joserfc, which is not ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.crypto.digest import digest
from tests.certificates import issued
from tests.oidc.signers import ASSERTION_TYPE, JWKS, signed
from tests.stories.browser import Browser
from tests.stories.settled import Town
from tests.stories.world import ORIGIN, Edit, World

ISSUER = f"{ORIGIN}/realms/small-business"
PROTOCOL = f"{ISSUER}/protocol/openid-connect"
REDIRECT = "https://payments.example/callback"
PROFILE = "fapi.profile"


def with_fapi_clients(*profiles: str, realm: dict[str, Any] | None = None, **client: Any) -> Edit:
    """Add the clients `payments` and `twin`, and a policy that puts the profiles on them by an attribute."""

    def edit(document: dict[str, Any]) -> None:
        document.update(realm or {})
        for client_id in ("payments", "twin"):
            document["clients"].append(fapi_client(client_id, **client))
        rows = json.dumps([{"key": PROFILE, "value": "this one"}])
        condition = {"condition": "client-attributes", "configuration": {"attributes": rows}}
        policy = {"name": "FAPI", "enabled": True, "conditions": [condition], "profiles": list(profiles)}
        document["clientPolicies"] = {"policies": [policy]}

    return edit


def with_attribute(edit: Edit, name: str, value: str) -> Edit:
    """Make another change, and set an attribute of the realm."""

    def also(document: dict[str, Any]) -> None:
        edit(document)
        document["attributes"] = {**document["attributes"], name: value}

    return also


def fapi_client(client_id: str, *, attributes: dict[str, str] | None = None, **changed: Any) -> dict[str, Any]:
    """Return a client's entry of a realm file: as little as a FAPI client needs."""
    keys = {"use.jwks.string": "true", "jwks.string": JWKS, PROFILE: "this one"}
    return {
        "clientId": client_id,
        "enabled": True,
        "clientAuthenticatorType": "client-jwt",
        "redirectUris": [REDIRECT, f"{REDIRECT}?lang=sq"],
        "attributes": {**keys, **(attributes or {})},
        **changed,
    }


class FapiClient:
    """A client with keys: it pushes, signs and proves."""

    def __init__(self, world: World, client_id: str = "payments") -> None:
        self.world = world
        self.client_id = client_id
        self.verifier = secrets.token_urlsafe(48)
        self.key: Any = ECKey.generate_key("P-256")
        self.algorithm = "ES256"
        self.signs = True
        """Whether the client proves itself by an assertion; else its certificate does."""
        self.certificate: str | None = None
        """What the client presents on its TLS connections, as PEM."""

    @property
    def now(self) -> int:
        return int(self.world.clock())

    def parameters(self, **changed: Any) -> dict[str, Any]:
        """Return the parameters of a good request, changed; None takes one away."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        good = {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in good.items() if value is not None}

    def assertion(self, algorithm: str | None = None, **changed: Any) -> dict[str, str]:
        """Return the parameters of a good client assertion, changed; of a client that signs none, its id."""
        if not self.signs:
            return {"client_id": self.client_id}
        now = self.now
        good = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "jti": secrets.token_urlsafe(12)}
        claims = {**good, "iat": now, "exp": now + 60, **changed}
        claims = {name: value for name, value in claims.items() if value is not None}
        text = signed(claims, algorithm or self.algorithm)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}

    def request_object(
        self, parameters: dict[str, Any] | None = None, *, algorithm: str | None = None, **changed: Any
    ) -> str:
        """Return a good signed request object, changed."""
        now = self.now
        good = {"iss": self.client_id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 300, **changed}
        claims = {**(parameters or self.parameters()), **good}
        return signed({name: value for name, value in claims.items() if value is not None}, algorithm or self.algorithm)

    def proof(
        self, address: str, *, method: str = "POST", key: Any = None, algorithm: str = "ES256", **changed: Any
    ) -> str:
        """Return a good DPoP proof, changed."""
        key = key or self.key
        good = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": address, "iat": self.now, **changed}
        return signed(good, algorithm, key=key, typ="dpop+jwt", jwk=key.as_dict(private=False), kid=None)

    async def post(self, path: str, form: dict[str, Any], **options: Any) -> httpx.Response:
        """Post a form, without client authentication."""
        async with self._connected() as http:
            return await http.post(f"{PROTOCOL}/{path}", data=form, **options)

    async def push(self, form: dict[str, Any] | None = None, **changed: Any) -> httpx.Response:
        """Push the parameters (or another form)."""
        form = self.parameters(**changed) if form is None else form
        return await self.post("ext/par/request", {**self.assertion(), **form})

    async def push_signed(self, **changed: Any) -> httpx.Response:
        """Push a signed request object."""
        return await self.push({"client_id": self.client_id, "request": self.request_object(**changed)})

    def at(self, pushed: httpx.Response, **more: str) -> str:
        """Return the address that begins what was pushed."""
        assert pushed.status_code == 201, pushed.text
        return self.address(request_uri=pushed.json()["request_uri"], **more)

    def address(self, **parameters: str) -> str:
        """Return an address of the authorization endpoint."""
        return f"{PROTOCOL}/auth?{urlencode({'client_id': self.client_id, **parameters})}"

    async def redeem(self, code: str, *, dpop: str | None = "", **changed: Any) -> httpx.Response:
        """Redeem a code with a good proof, another one, or (None) none; changed members of the form as well."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
            **self.assertion(),
            **changed,
        }
        return await self.token(form, dpop=dpop)

    async def token(self, form: dict[str, Any], *, dpop: str | None = "") -> httpx.Response:
        """Post to the token endpoint."""
        form = {name: value for name, value in form.items() if value is not None}
        proof = self.proof(f"{PROTOCOL}/token") if dpop == "" else dpop
        return await self.post("token", form, headers={} if proof is None else {"DPoP": proof})

    async def userinfo(self, access_token: str, scheme: str = "DPoP") -> httpx.Response:
        """Ask UserInfo as the holder of a bound token does."""
        address = f"{PROTOCOL}/userinfo"
        proof = self.proof(address, method="GET", ath=digest(access_token))
        bound_to_key = {"DPoP": proof} if scheme == "DPoP" else {}
        async with self._connected() as http:
            return await http.get(address, headers={"authorization": f"{scheme} {access_token}", **bound_to_key})

    def _connected(self) -> httpx.AsyncClient:
        application, certificate = self.world.site.application, self.certificate

        async def over_tls(scope: Any, receive: Any, send: Any) -> None:
            extensions = {} if certificate is None else {"tls": {"client_cert_chain": (certificate,)}}
            await application({**scope, "extensions": extensions}, receive, send)

        return httpx.AsyncClient(transport=httpx.ASGITransport(app=over_tls), base_url=ORIGIN)


def certificate(name: str = "payments") -> str:
    """Return a new self-signed certificate, as PEM."""
    return issued(f"CN={name}", key=ec.generate_private_key(ec.SECP256R1())).pem


def thumbprint(pem: str) -> str:
    """Return `x5t#S256` of a certificate."""
    digested = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    return base64.urlsafe_b64encode(digested).rstrip(b"=").decode()


async def published(town: Town) -> KeySet:
    """Return the provider's keys, as a relying party fetches them."""
    return KeySet.import_key_set((await town.browser().http.get(f"{PROTOCOL}/certs")).json())


def verified(token: str, keys: KeySet, *, audience: str = "payments") -> dict[str, Any]:
    """Return the claims of a token whose signature and audience are right."""
    claims = dict(jwt.decode(token, keys, algorithms=["PS256", "ES256", "EdDSA"]).claims)
    assert audience in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    return claims


def half_hash(text: str) -> str:
    """Return `c_hash` or `s_hash` of a text, as for PS256 and ES256 (OpenID Connect Core §3.3.2.11)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


async def logged_in(town: Town, url: str) -> Browser:
    """Let Arta log in at an address, and allow what the client asks for if she is asked."""
    browser = town.browser()
    await browser.open(url)
    await town.arta.log_in(browser)
    if not browser.has_left and "consent-allow" in browser.shown.ids:
        await browser.press("accept")
    assert browser.has_left, browser.shown.message
    return browser


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the error code of a refusal."""
    return response.status_code, response.json()["error"]
