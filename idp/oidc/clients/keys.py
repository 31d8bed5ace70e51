"""A client's public keys, wherever it has registered them."""

from __future__ import annotations

from idp.crypto.public_keys import KeyRefusedError, KeySet, read_certificate, read_key_set
from idp.model.client import Client
from idp.oidc.provider import Provider


async def keys_of(provider: Provider, client: Client, *, kid: str | None, algorithm: str) -> KeySet:
    """Return the client's keys, from its address anew if the key that is meant is not among those known.

    Raises:
        KeyRefusedError: it has no usable keys; the text says why, for the log.

    """
    source = client.keys
    if source.jwks_url:
        return await provider.remote_keys.find(source.jwks_url, kid=kid, algorithm=algorithm)
    if source.jwks:
        return read_key_set(source.jwks.encode())
    if source.certificate:
        return read_certificate(source.certificate)
    raise KeyRefusedError("the client has no keys")
