"""The key that a request proves to be sent with; what is issued for the request is bound to it (RFC 7800)."""

from __future__ import annotations

from collections.abc import Mapping

from idp.crypto.digest import same
from idp.model.client import Client
from idp.model.oauth import Confirmation
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.possession.certificate import certificate_thumbprint
from idp.oidc.possession.dpop import HEADER, proven_dpop_key
from idp.oidc.provider import Provider
from idp.web.http import Request

JKT_PARAMETER = "dpop_jkt"


async def proven_key(provider: Provider, request: Request, client: Client) -> Confirmation:
    """Return the key that the client proved to hold in this token request.

    Raises:
        OAuthError: it proved none and has to, or the proof is wrong.

    """
    return Confirmation(
        x5t_s256=_certificate(request) if client.sender.certificate_bound else "",
        jkt=await _dpop_key(provider, request, client),
    )


async def pushed_key(provider: Provider, request: Request, client: Client, parameters: Mapping[str, str]) -> str:
    """Return the key that a pushed request binds its code to (RFC 9449 §10.1), or nothing.

    It is named by `dpop_jkt` or proven by a proof, and by both alike if both are there.
    """
    named = parameters.get(JKT_PARAMETER, "")
    if request.header(HEADER) is None:
        return named
    proven = await proven_dpop_key(provider, request, nonce_required=client.sender.dpop_nonce, rules=client.rules)
    if named and not same(named, proven):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The dpop_jkt is not the key of the DPoP proof.")
    return proven


async def _dpop_key(provider: Provider, request: Request, client: Client) -> str:
    if request.header(HEADER) is not None:
        return await proven_dpop_key(provider, request, nonce_required=client.sender.dpop_nonce, rules=client.rules)
    if client.sender.dpop_bound:
        # RFC 9449 §5.2. No proof is no invalid proof: what is missing is `invalid_request` (RFC 6749 §5.2), and the
        # FAPI 2.0 suite takes nothing else where a refresh token comes without one.
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The DPoP proof is missing.")
    return ""


def _certificate(request: Request) -> str:
    thumbprint = certificate_thumbprint(request)
    if not thumbprint:
        description = "Client Certification missing for MTLS HoK Token Binding"  # Keycloak's words
        raise OAuthError(ErrorCode.INVALID_REQUEST, description)
    return thumbprint
