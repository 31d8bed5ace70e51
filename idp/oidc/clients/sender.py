"""The key that a request proves to be sent with; what is issued for the request is bound to it (RFC 7800)."""

from __future__ import annotations

from idp.model.client import Client
from idp.model.oauth import BEARER, Confirmation
from idp.oidc.provider import Provider
from idp.web.http import Request


async def proven_key(_provider: Provider, _request: Request, _client: Client) -> Confirmation:
    """Return the key that the client proved to hold in this request."""
    return BEARER
