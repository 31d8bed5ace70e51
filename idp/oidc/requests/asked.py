"""An authorization request before it is checked: the parameters in effect, wherever they came from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest
from idp.model.struct import Frozen
from idp.oidc.authorization.request import checked
from idp.oidc.authorization.target import Target
from idp.oidc.provider import Provider
from idp.oidc.terms.asked_claims import with_claims
from idp.oidc.terms.asked_terms import asked_terms
from idp.oidc.token.tokens import read_id_token_hint

REPEATABLE = frozenset({"resource"})
"""The only parameter of an authorization request that may stand there more than once (RFC 8707 §2)."""


class Asked(Frozen, frozen=True, kw_only=True):
    """What is asked for. `pushed` is the digest of the reference by which the request was found, if it was pushed."""

    parameters: Mapping[str, str]
    resources: tuple[str, ...] = ()
    pushed: str = ""


def checked_request(provider: Provider, client: Client, target: Target, asked: Asked) -> AuthorizationRequest:
    """Check everything about a request whose target is proven; raises `OAuthError`, to be told to the target."""
    request = checked(
        asked.parameters,
        client=client,
        target=target,
        read_hint=lambda hint: read_id_token_hint(provider, hint),
    )
    request = with_claims(provider, client, request, asked.parameters.get("claims"))
    terms = asked_terms(provider, client, request.terms, asked.resources, asked.parameters.get("authorization_details"))
    return msgspec.structs.replace(request, terms=terms, pushed=asked.pushed)
