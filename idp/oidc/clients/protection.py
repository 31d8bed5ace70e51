"""An answer for one client: signed by us, and encrypted to it where it has registered so (RFC 7519 §5.2, nested)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from idp.crypto.encryption import encrypted
from idp.crypto.jose import mint, unsecured
from idp.crypto.public_keys import EncryptionKey, KeyRefusedError
from idp.model.client import Client
from idp.model.clients.protection import KeyManagement, Protection
from idp.oidc.clients.keys import recipient
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.provider import Provider


async def protected(
    provider: Provider, client: Client, claims: Mapping[str, object], *, typ: str, protection: Protection
) -> str:
    """Return claims as a token for the client: signed, then encrypted if that is registered.

    Without a registered algorithm the realm's own signs. Raises `OAuthError`: the client has no key to encrypt to.
    """
    return await encrypted_for(provider, client, signed(provider, claims, typ=typ, protection=protection), protection)


def signed(provider: Provider, claims: Mapping[str, object], *, typ: str, protection: Protection) -> str:
    """Return the signed token alone; unsigned only if `none` is what the client has registered."""
    if protection.signed == "none":
        return unsecured(claims, typ=typ)
    key = provider.keys.signer(protection.signed or provider.realm().default_signature_algorithm)
    return mint(key, typ=typ, claims=claims)


async def encrypted_for(provider: Provider, client: Client, token: str, protection: Protection) -> str:
    """Return a token as only the client can read it, or as it is if nothing is registered; raises `OAuthError`."""
    return await _encrypted(provider, client, token.encode(), protection, cty="JWT") if protection.encrypted else token


async def check_recipient(provider: Provider, client: Client, protection: Protection) -> None:
    """Check that what is to be encrypted can be; raises `OAuthError`.

    Asked before anything is used up that the client would not get back: its keys may be at an address that is down.
    """
    if protection.encrypted is not None:
        await _recipient(provider, client, protection.encrypted)


async def encrypt_id_token(provider: Provider, client: Client, answer: dict[str, Any]) -> None:
    """Encrypt the ID token of an answer, if there is one and the client has registered so; raises `OAuthError`."""
    if "id_token" in answer:
        answer["id_token"] = await encrypted_for(provider, client, answer["id_token"], client.id_token)


async def encrypted_claims(
    provider: Provider, client: Client, claims: Mapping[str, object], protection: Protection
) -> str:
    """Return claims that are encrypted and not signed: UserInfo where only encryption is registered (Core §5.3.2)."""
    return await _encrypted(provider, client, msgspec.json.encode(claims), protection, cty=None)


async def _encrypted(
    provider: Provider, client: Client, content: bytes, protection: Protection, *, cty: str | None
) -> str:
    algorithm = protection.encrypted
    assert algorithm is not None, "whoever calls has looked"
    key = await _recipient(provider, client, algorithm)
    return encrypted(content, key, algorithm=algorithm, encoding=protection.encoding, typ="JWT", cty=cty)


async def _recipient(provider: Provider, client: Client, algorithm: KeyManagement) -> EncryptionKey:
    try:
        return await recipient(provider, client, algorithm)
    except KeyRefusedError as error:
        # Never in clear instead: the client has registered that nobody else may read it.
        raise OAuthError(
            ErrorCode.INVALID_REQUEST,
            "The answer cannot be encrypted to the client's key.",
            detail=f"encryption: {error}",
            trace=Trace(client_id=client.client_id),
        ) from None
