"""A client's public keys, wherever it has registered them."""

from __future__ import annotations

from idp.crypto.public_keys import EncryptionKey, KeyRefusedError, KeySet, read_certificate, read_key_set
from idp.model.client import Client
from idp.model.protection import KeyManagement
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


async def recipient(provider: Provider, client: Client, algorithm: KeyManagement) -> EncryptionKey:
    """Return the client's key that something for its eyes only is encrypted to; raises `KeyRefusedError`."""
    key = (await keys_of(provider, client, kid=None, algorithm=algorithm)).recipient(algorithm)
    if key is None:
        raise KeyRefusedError(f"the client has no encryption key for {algorithm}")
    return key
