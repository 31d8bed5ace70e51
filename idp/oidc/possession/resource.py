"""What a protected resource asks of a request: the token as it has to be shown, and its sender's key (RFC 9449 §7).

A bound token counts only together with its key, and only as the scheme that says so: who shows a DPoP token as a bearer
token may have stolen it.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.crypto.digest import same
from idp.crypto.dpop_proof import PROOF_ALGORITHMS
from idp.crypto.jose import Claims
from idp.model.oauth import BEARER, Confirmation
from idp.model.struct import Frozen
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.possession.certificate import certificate_thumbprint
from idp.oidc.possession.dpop import proven_dpop_key
from idp.oidc.provider import Provider
from idp.web.http import Header, Request

_ALGORITHMS = " ".join(PROOF_ALGORITHMS)


class PresentedToken(Frozen, frozen=True, kw_only=True):
    """An access token as the request shows it; `dpop` tells its scheme."""

    text: str
    dpop: bool = False


def confirmation_of(claims: Claims) -> Confirmation:
    """Return the key that a token of ours is bound to (RFC 7800 §3.1)."""
    named = claims.get("cnf")
    if named is None:
        return BEARER
    return Confirmation(jkt=named.get("jkt", ""), x5t_s256=named.get("x5t#S256", ""))


def confirmed_by(confirmation: Confirmation) -> dict[str, str]:
    """Return the members of the claim `cnf` (RFC 9449 §6.1, RFC 8705 §3.1)."""
    members = {"jkt": confirmation.jkt, "x5t#S256": confirmation.x5t_s256}
    return {name: value for name, value in members.items() if value}


def token_type_of(confirmation: Confirmation) -> str:
    """Return how a token is to be shown (RFC 6749 §7.1); one that is bound to a certificate is shown like any other."""
    return "DPoP" if confirmation.jkt else "Bearer"  # RFC 9449 §5


async def proof_of_possession(provider: Provider, request: Request, token: PresentedToken, claims: Claims) -> None:
    """Check that the request was sent by the holder of the key that its token is bound to.

    Raises:
        OAuthError: `invalid_token`, `invalid_dpop_proof` or `use_dpop_nonce`, with status 401 and the challenge.

    """
    bound = confirmation_of(claims)
    if token.dpop != bool(bound.jkt):
        # RFC 9449 §7.1 and §7.2: neither may stand in for the other.
        raise invalid_token(provider, token, "shown by the other scheme than its own")
    if bound.x5t_s256 and not same(certificate_thumbprint(request), bound.x5t_s256):
        raise invalid_token(provider, token, "no certificate, or another than the token is bound to")
    if bound.jkt and not same(await _proven(provider, request, token, claims), bound.jkt):
        raise invalid_token(provider, token, "proven by another key than the token is bound to")


def invalid_token(provider: Provider, token: PresentedToken, detail: str, *, trace: Trace | None = None) -> OAuthError:
    """Return the refusal of a token, told in the scheme that it was shown by (RFC 6750 §3.1, RFC 9449 §7.1)."""
    description = "The token is invalid, expired or revoked."
    challenges = challenge(provider, token, error="invalid_token", error_description=description)
    return OAuthError(ErrorCode.INVALID_TOKEN, description, detail=detail, status=401, headers=challenges, trace=trace)


def challenge(provider: Provider, token: PresentedToken | None = None, **members: str) -> tuple[Header, ...]:
    """Return both schemes' challenges, the one that was used first and with the `members`.

    Every value is ours, so none needs escaping.
    """
    dpop = token is not None and token.dpop
    told = {"realm": provider.name, **members}
    untold = {"realm": provider.name}
    challenges = _header("Bearer", untold if dpop else told), _header("DPoP", told if dpop else untold, _ALGORITHMS)
    return challenges[::-1] if dpop else challenges


def _header(scheme: str, members: Mapping[str, str], algorithms: str = "") -> Header:
    named = {**members, "algs": algorithms} if algorithms else members  # RFC 9449 §7.1
    text = ", ".join(f'{name}="{value}"' for name, value in named.items())
    return b"www-authenticate", f"{scheme} {text}".encode()


async def _proven(provider: Provider, request: Request, token: PresentedToken, claims: Claims) -> str:
    client = provider.client(claims["client_id"])
    nonce_required = client is not None and client.sender.dpop_nonce
    try:
        return await proven_dpop_key(provider, request, access_token=token.text, nonce_required=nonce_required)
    except OAuthError as refused:
        raise OAuthError(
            refused.code,
            refused.description,
            detail=refused.detail,
            status=401,
            headers=(*refused.headers, *challenge(provider, token, error=refused.code.value)),
        ) from None
