"""What one access token gets of a grant's terms: all of them, or the part that its request names."""

from __future__ import annotations

import msgspec

from idp.model.oauth import GrantTerms
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.grants.granted import TokenRequest
from idp.oidc.terms.details import narrowed_details


def narrowed(granted: GrantTerms, asked: TokenRequest) -> GrantTerms:
    """Return the terms of the token that is asked for (RFC 8707 §2.2, RFC 9396 §6); the grant keeps all of its own.

    A grant without resources has none to choose from: whom the tokens are for was decided when it was given.

    Raises:
        OAuthError: `invalid_target`, `invalid_authorization_details`: more than was granted.

    """
    details = asked.form.get("authorization_details")
    if not asked.resources and details is None:
        return granted
    if not set(asked.resources) <= set(granted.resources):
        raise OAuthError(ErrorCode.INVALID_TARGET, "The resource is more than was granted.")
    return msgspec.structs.replace(
        granted,
        resources=tuple(dict.fromkeys(asked.resources)) or granted.resources,
        authorization_details=narrowed_details(details, granted.authorization_details),
    )
