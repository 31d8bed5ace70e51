"""DPoP (RFC 9449): the key that a request proves to be sent with, checked in the order of §4.3."""

from __future__ import annotations

from idp.crypto.digest import digest, same
from idp.crypto.dpop_proof import DpopProof, read_proof
from idp.crypto.jose import TokenError
from idp.model.clients.rules import NO_RULES, ClientRules
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.possession.addresses import normalised
from idp.oidc.possession.nonces import fresh_nonce, is_fresh
from idp.oidc.provider import Provider
from idp.web.http import Header, Request

HEADER = "dpop"
USED = "dpop-proof"
# A proof is made for one request, right before it. FAPI 2.0 Security Profile §5.3.2.1 (13): a clock that is 10 seconds
# ahead is accepted, one that is more than 60 ahead is not.
_AHEAD = 30  # seconds
_OLD = 60  # seconds


async def proven_dpop_key(
    provider: Provider,
    request: Request,
    *,
    access_token: str | None = None,
    nonce_required: bool = False,
    rules: ClientRules = NO_RULES,
) -> str:
    """Return the thumbprint of the key that the request's proof was signed with.

    `access_token` is the token that the request carries, at a protected resource (§7); `rules` are what policies demand
    of the client that sent it. Raises `OAuthError` (`invalid_dpop_proof`, `use_dpop_nonce`).
    """
    try:
        proof = read_proof(request.header(HEADER) or "")
        if not rules.permits(proof.algorithm):  # FAPI 2.0 Security Profile §5.4.1
            raise TokenError("the client's policy does not permit the algorithm")  # noqa: TRY301 - one refusal for all
        _check_request(provider, proof, request)
        _check_times(proof, now=provider.now())
        _check_access_token(proof, access_token)
    except TokenError as error:
        raise _refused_proof(str(error)) from None
    _check_nonce(provider, proof, required=nonce_required)
    # Last: only a proof that is right is remembered, so that nobody can spend another's (§11.1). Under its key, or
    # anybody could by choosing the same `jti`.
    used = digest(f"{proof.jkt}\n{proof.token_id}")
    ttl, usable_since = proof.issued_at + _OLD + 1 - provider.now(), proof.issued_at - _AHEAD
    if not await provider.stores.first_use.first_use(USED, used, ttl=ttl, usable_since=usable_since):
        raise _refused_proof("jti was used before")
    return proof.jkt


def _refused_proof(detail: str) -> OAuthError:
    """Return the refusal of a proof that is missing or wrong (RFC 9449 §5)."""
    description = "The DPoP proof is missing or not valid."
    return OAuthError(ErrorCode.INVALID_DPOP_PROOF, description, detail=f"DPoP proof: {detail}")


def _check_request(provider: Provider, proof: DpopProof, request: Request) -> None:
    if proof.method != request.method:
        raise TokenError("htm is another method")
    address = normalised(proof.address)
    if address is None or address != normalised(provider.address_of(request)):
        raise TokenError("htu is another address")


def _check_times(proof: DpopProof, *, now: int) -> None:
    if proof.issued_at > now + _AHEAD or (proof.not_before or 0) > now + _AHEAD:
        raise TokenError("not valid yet")
    if proof.issued_at < now - _OLD:
        raise TokenError("too old")
    if proof.expires_at is not None and now >= proof.expires_at:  # RFC 7519 §4.1.4, where a client says so
        raise TokenError("expired")


def _check_access_token(proof: DpopProof, access_token: str | None) -> None:
    if access_token is not None and not same(proof.access_hash or "", digest(access_token)):
        raise TokenError("ath is missing or another token's")


def _check_nonce(provider: Provider, proof: DpopProof, *, required: bool) -> None:
    # One that is not needed is checked all the same: its client has it from us, and it may be too old.
    if proof.nonce is None and not required:
        return
    if proof.nonce is None or not is_fresh(provider, proof.nonce):
        raise OAuthError(
            ErrorCode.USE_DPOP_NONCE,
            "The DPoP proof must carry the nonce of this answer.",
            detail="DPoP proof: no nonce" if proof.nonce is None else "DPoP proof: nonce is not ours, or too old",
            headers=(nonce_header(provider),),
        )


def nonce_header(provider: Provider) -> Header:
    """RFC 9449 §8: the nonce to use from now on."""
    return b"dpop-nonce", fresh_nonce(provider).encode()
