"""The terms that a request asks for: one function, for every endpoint at which a client may ask."""

from __future__ import annotations

import msgspec

from idp.model.client import Client
from idp.model.oauth import GrantTerms
from idp.oidc.provider import Provider
from idp.oidc.terms.details import read_details
from idp.oidc.terms.resources import known_resources


def asked_terms(
    provider: Provider, client: Client, terms: GrantTerms, resources: tuple[str, ...], details: str | None
) -> GrantTerms:
    """Return `terms` with the resources and the authorization details (as JSON text) that a request names.

    Raises:
        OAuthError: `invalid_target`, `invalid_authorization_details`.

    """
    if not resources and details is None:
        return terms
    return msgspec.structs.replace(
        terms,
        resources=known_resources(provider.realm(), resources),
        authorization_details=read_details(provider, client, details),
    )
