"""GET /realms/{realm}/protocol/openid-connect/certs: the keys that verify our tokens (RFC 7517 §5)."""

from __future__ import annotations

from idp.oidc.cors import ANY_ORIGIN
from idp.oidc.metadata.discovery import CACHED
from idp.oidc.provider import Provider
from idp.web.http import JSON, Reply, Request


async def jwks(provider: Provider, _request: Request, _body: bytes) -> Reply:
    """Answer the published key set."""
    return key_set(provider)


def key_set(provider: Provider) -> Reply:
    """Return the answer: one object for as long as the keys are the same."""
    return provider.derived(_reply)


def _reply(provider: Provider) -> Reply:
    return Reply(200, provider.keys.jwks(), (JSON, CACHED, ANY_ORIGIN))
