"""A client's public keys, wherever it has registered them."""

from __future__ import annotations

from idp.crypto.foreign import UnprovenToken, proves_by_key, proves_by_secret
from idp.crypto.jose import TokenError
from idp.crypto.public_keys import EncryptionKey, KeyRefusedError, KeySet, read_certificate, read_key_set
from idp.model.client import Client
from idp.model.clients.assertion import SECRET_ALGORITHMS
from idp.model.clients.protection import KeyManagement
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


async def check_signature(provider: Provider, client: Client, token: UnprovenToken) -> None:
    """Check that the client signed; which algorithms are its own, the caller has checked before (RFC 8725 §3.1).

    Raises:
        TokenError, KeyRefusedError: it did not, or nobody can tell.

    """
    if token.algorithm in SECRET_ALGORITHMS:
        if client.secret is None:
            raise TokenError("the client has no secret")
        right = proves_by_secret(token, client.secret)
    else:
        keys = await keys_of(provider, client, kid=token.kid, algorithm=token.algorithm)
        right = proves_by_key(token, keys)
    if not right:
        raise TokenError("bad signature")


async def recipient(provider: Provider, client: Client, algorithm: KeyManagement) -> EncryptionKey:
    """Return the client's key that something for its eyes only is encrypted to; raises `KeyRefusedError`."""
    key = (await keys_of(provider, client, kid=None, algorithm=algorithm)).recipient(algorithm)
    if key is None:
        raise KeyRefusedError(f"the client has no encryption key for {algorithm}")
    return key
