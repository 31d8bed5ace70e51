"""Request objects at addresses of their clients (OpenID Connect Core §6.2, RFC 9101 §5.2)."""

from __future__ import annotations

from idp.model.client import Client
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.requests.request_object import LARGEST_OBJECT
from idp.ports import UnfetchableError

_NOT_VALID = "The request_uri is not valid."


async def fetched(provider: Provider, client: Client, address: str) -> str:
    """Return the object at a registered address; raises `OAuthError` (`invalid_request_uri`).

    It is fetched anew each time, so the fragment, which tells caches apart (Core §6.2.2), tells us nothing.
    """
    plain = address.partition("#")[0]
    # Registered, and compared as text: anything less would let strangers choose what we call (RFC 9101 §10.4).
    if plain not in {uri.partition("#")[0] for uri in client.request_objects.uris}:
        raise OAuthError(ErrorCode.INVALID_REQUEST_URI, _NOT_VALID, detail="request_uri is not registered")
    if provider.outbound is None:
        raise OAuthError(ErrorCode.REQUEST_URI_NOT_SUPPORTED, _NOT_VALID, detail="no address is ever called here")
    try:
        document = await provider.request_objects.fetch(provider.outbound, plain, largest=LARGEST_OBJECT)
        return document.decode("ascii").strip()
    except (UnfetchableError, UnicodeDecodeError) as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST_URI, _NOT_VALID, detail=f"request_uri: {error}") from None
