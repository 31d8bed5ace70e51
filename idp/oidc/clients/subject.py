"""The name under which a client knows a user: the one thing that `sub` is ever made of (OpenID Connect Core §8)."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from idp.crypto.jose import Claims
from idp.model.client import Client
from idp.oidc.provider import Provider


def subject_of(provider: Provider, client: Client, user_id: str) -> str:
    """Return the client's `sub` for a user: the user's id, or a name that only its sector has.

    There is no way back from a pairwise name: whoever meets one finds the user by session or family.
    """
    pairwise = client.pairwise
    if pairwise is None:
        return user_id
    salt = pairwise.salt.reveal() if pairwise.salt is not None else _salt_of(provider)
    # §8.1, exactly as Keycloak computes it: a customer of an imported client keeps the name it is known by there.
    digest = hashlib.sha256(pairwise.sector.encode() + user_id.encode() + salt.encode()).digest()
    named = hashlib.md5(digest, usedforsecurity=False).digest()  # a UUID of version 3, of a salted SHA-256
    return str(uuid.UUID(bytes=named, version=3))


async def user_of(provider: Provider, client: Client, hint: Claims) -> str | None:
    """Return the user whom an ID token of the client's is about; None if that can no longer be told.

    A pairwise name has no way back: the session that the token was issued in, as long as it lives, knows whose it is.
    """
    if client.pairwise is None:
        return str(hint["sub"])
    session = await provider.stores.user_sessions.get(str(hint.get("sid")))
    if session is None or hint["sub"] != subject_of(provider, client, session.user_id):
        return None
    return session.user_id


def _salt_of(provider: Provider) -> str:
    """Return the realm's own salt: of its one key that lives as long as the realm does."""
    return hmac.digest(provider.keys.code_key, b"hyrja pairwise subjects", "sha256").hex()
