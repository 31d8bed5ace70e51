"""Clients that prove themselves by assertion, and everything needed to sign one: with joserfc, which is not ours."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.model.client import Client
from idp.model.clients.assertion import KeySource
from idp.model.secret import Secret
from tests.oidc.harness import BASE, Bank

ISSUER = f"{BASE}/realms/bank"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SHARED = "s" * 64
KEYS: dict[str, Any] = {
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "ec384", "use": "sig"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"}),
}
KEYS["RS256"] = KEYS["PS256"]
FOREIGN = ECKey.generate_key("P-256", {"kid": "ec"})
JWKS = json.dumps({"keys": [KEYS[name].as_dict(private=False) for name in ("ES256", "ES384", "PS256", "EdDSA")]})
ROBOT = Client(
    client_id="robot",
    secret=Secret(SHARED),  # registered, and of no use: a client authenticates by its method only
    authentication="client-jwt",
    keys=KeySource(jwks=JWKS),
    standard_flow=False,
    service_account=True,
    default_scopes=("profile",),
    optional_scopes=("payments",),
)
SHARER = msgspec.structs.replace(ROBOT, client_id="sharer", authentication="client-secret-jwt", keys=KeySource())
TWIN = msgspec.structs.replace(ROBOT, client_id="twin")


def staff(bank: Bank) -> Bank:
    """Register the clients above with a bank."""
    clients = {client.client_id: client for client in (ROBOT, SHARER, TWIN)}
    bank.realm = msgspec.structs.replace(bank.realm, clients={**bank.realm.clients, **clients})
    return bank


def claims(bank: Bank, client_id: str = "robot", /, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good assertion, changed; None takes one away."""
    now = bank.provider.now()
    good = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": secrets.token_urlsafe(12)}
    changed = {**good, "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def signed(payload: dict[str, Any], algorithm: str = "ES256", *, key: Any = None, **header: Any) -> str:
    """Sign as a client's library does; None takes a header member away."""
    key = key or (OctKey.import_key(SHARED) if algorithm.startswith("HS") else KEYS[algorithm])
    members = {"alg": algorithm, "kid": key.kid, **header}
    members = {name: value for name, value in members.items() if value is not None}
    # joserfc calls EdDSA by its newer name (RFC 9864) and warns of the older, which clients use.
    if algorithm == "EdDSA":
        return _by_hand(payload, key, members)
    return jwt.encode(members, payload, key, algorithms=[algorithm])


def _by_hand(payload: dict[str, Any], key: Any, members: dict[str, Any]) -> str:
    return spelled(members, payload, key.private_key.sign)


def spelled(header: Any, payload: Any, sign: Any) -> str:
    """Spell a token out, however wrong: `sign` turns the message into the signature."""
    parts = [segment(header), segment(payload)]
    return ".".join([*parts, segment(sign(".".join(parts).encode()))])


def segment(value: Any) -> str:

    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def asserting(assertion: str, **form: str) -> dict[str, str]:
    """Return the form of a client credentials request with an assertion."""
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return {"grant_type": "client_credentials", **proof, **form}
