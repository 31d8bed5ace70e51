"""A client that sends request objects, and everything needed to make good and bad ones: with joserfc, not ours."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from joserfc import jwe
from joserfc.jwk import import_key

from idp.model.client import Client
from idp.model.clients.assertion import KeySource
from idp.model.clients.request_object import RequestObjectRules
from idp.model.secret import Secret
from idp.oidc.errors import OAuthError
from idp.oidc.requests.asked import Asked
from idp.oidc.requests.resolved import resolved
from idp.ports import UnfetchableError
from tests.oidc.harness import CHALLENGE, Bank
from tests.oidc.signers import ISSUER, JWKS, SHARED, spelled

REDIRECT = "https://shop.bank.al/callback"
ADDRESS = "https://shop.bank.al/requests/1"
SHOP = Client(
    client_id="shop",
    secret=Secret(SHARED),
    authentication="client-jwt",
    keys=KeySource(jwks=JWKS),
    redirect_uris=(REDIRECT,),
    optional_scopes=("phone",),
    request_objects=RequestObjectRules(uris=(ADDRESS, "https://shop.bank.al/requests/2#old")),
)
DATED = RequestObjectRules(dated=True, demand="request or request_uri")
UNSIGNED = RequestObjectRules(algorithms=("none",), uris=(ADDRESS,))


def open_shop(bank: Bank, **changes: Any) -> Bank:
    """Register the client, changed."""
    shop = msgspec.structs.replace(SHOP, **changes)
    bank.realm = msgspec.structs.replace(bank.realm, clients={**bank.realm.clients, "shop": shop})
    return bank


def outer(**changes: str | None) -> dict[str, str]:
    """What OAuth wants to stand outside, and nothing else; None takes one away."""
    good = {"client_id": "shop", "response_type": "code", "scope": "openid"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def inner(bank: Bank, **changes: Any) -> dict[str, Any]:
    """The claims of a good object, changed; None takes one away."""
    now = bank.provider.now()
    good = {
        "iss": "shop",
        "aud": ISSUER,
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "client_id": "shop",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid phone",
        "state": "inside",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "max_age": 60,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def unsigned(claims: dict[str, Any], signature: bytes = b"", **header: Any) -> str:
    return spelled({"alg": "none", **header}, claims, lambda _message: signature)


def encrypted(bank: Bank, content: str, *, alg: str = "RSA-OAEP", enc: str = "A256GCM", **header: Any) -> str:
    keys = json.loads(bank.provider.keys.jwks())["keys"]
    key = next(key for key in keys if key["use"] == "enc" and key["kty"] == ("RSA" if alg.startswith("RSA") else "EC"))
    members = {"alg": alg, "enc": enc, "kid": key["kid"], "cty": "JWT", **header}
    members = {name: value for name, value in members.items() if value is not None}
    kind = jwe.JWERegistry(algorithms=[alg, enc])
    return jwe.encrypt_compact(members, content.encode(), import_key(key), registry=kind)


async def found(bank: Bank, parameters: dict[str, str], *resources: str) -> Asked:
    """Ask what a request to the authorization endpoint stands for."""
    return await resolved(bank.provider, Asked(parameters=parameters, resources=resources))


async def refused(bank: Bank, parameters: dict[str, str]) -> tuple[str, str]:
    """Return the error and its private reason."""
    try:
        answer = await found(bank, parameters)
    except OAuthError as error:
        return error.code.value, error.detail
    raise AssertionError(f"accepted: {answer}")


async def why(bank: Bank, text: str) -> str:
    """Return the private reason why an object is not valid."""
    code, reason = await refused(bank, outer(request=text))
    assert code == "invalid_request_object"
    return reason.removeprefix("request object: ")


class Site:
    """The client's web site, in memory: an `idp.ports.Outbound`."""

    def __init__(self, document: str = "") -> None:
        self.document = document.encode()
        self.calls: list[str] = []
        self.down = False

    async def fetch(self, address: str, *, largest: int) -> bytes:
        assert largest >= len(self.document)
        self.calls.append(address)
        if self.down:
            raise UnfetchableError("the address cannot be reached")
        return self.document

    async def post(self, address: str, **_content: Any) -> int:
        raise AssertionError(f"nobody posts to {address}")
