"""DPoP proofs as a client's library makes them: signed with joserfc, which is not ours."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
from joserfc.jwk import ECKey

from idp.crypto.digest import digest
from tests.oidc.harness import BASE, PATH, Bank
from tests.oidc.signers import KEYS, signed

KEY = ECKey.generate_key("P-256")
STRANGER = ECKey.generate_key("P-256")
TOKEN = f"{BASE}{PATH}token"
USERINFO = f"{BASE}{PATH}userinfo"


def proof(
    bank: Bank,
    *,
    method: str = "POST",
    address: str = TOKEN,
    key: Any = KEY,
    algorithm: str = "ES256",
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Return a good proof for the token endpoint, changed; None takes a member away."""
    good = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": address, "iat": bank.provider.now()}
    claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
    members = {"typ": "dpop+jwt", "jwk": key.as_dict(private=False), "kid": None, **(header or {})}
    return signed(claims, algorithm, key=key, **members)


def key_for(algorithm: str) -> Any:
    """Return a key that signs with the algorithm."""
    return KEYS[algorithm]


def jkt_of(key: Any = KEY) -> str:
    """Return the thumbprint as joserfc computes it."""
    thumbprint: str = key.thumbprint()
    return thumbprint


def proving(text: str, **form: str) -> dict[str, Any]:
    """Return the options of a token request with a proof."""
    return {"form": {"grant_type": "client_credentials", **form}, "headers": {"DPoP": text}}


async def ask_userinfo(
    bank: Bank, token: str, *, scheme: str = "DPoP", key: Any = KEY, text: str | None = None, **changes: Any
) -> httpx.Response:
    """Ask UserInfo as the holder of a bound token does."""
    changed = {"method": "GET", "address": USERINFO, "ath": digest(token), **changes}
    headers = {"Authorization": f"{scheme} {token}", "DPoP": text or proof(bank, key=key, **changed)}
    return await bank.http.get(PATH + "userinfo", headers=headers)
