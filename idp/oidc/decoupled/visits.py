"""From what a person brings to the login in which they decide."""

from __future__ import annotations

from idp.model.oauth import Approval, AuthorizationRequest
from idp.model.pending import PendingAuthorization, PendingKind, PendingState
from idp.oidc.decoupled.tickets import ticket_of
from idp.oidc.provider import Provider


async def waiting_for(provider: Provider, kind: PendingKind, brought: str) -> PendingAuthorization | None:
    """Return the undecided request that a ticket means; None for every reason why there is none."""
    pending = await provider.stores.pending.by_ticket(ticket_of(provider, kind, brought))
    if pending is None or pending.kind != kind or pending.state is not PendingState.PENDING:
        return None
    return pending if provider.now() < pending.expires_at else None


async def approval_request(provider: Provider, pending: PendingAuthorization, *, compare: str) -> AuthorizationRequest:
    """Return the request of the login that decides; its end is our own page at the address of `finished`.

    A device is approved by whoever logs in, single sign-on included, and always on a page that names client and code
    (RFC 8628 §5.4). A back-channel request is approved only by the customer it names, and only by a login of its own:
    a session that lies open on somebody's desk is no answer to a payment (CIBA Core §8).
    """
    asked = None if pending.user_id is None else await provider.stores.users.by_id(pending.user_id)
    return AuthorizationRequest(
        client_id=pending.client_id,
        redirect_uri=finished(provider, pending.kind),
        response_mode="query",
        scope=pending.scope,
        prompt=("consent",) if pending.kind == "device" else ("login", "consent"),
        hinted_user_id=pending.user_id,
        login_hint="" if asked is None else asked.username,
        acr_values=pending.acr_values,
        terms=pending.terms,
        approves=Approval(key=pending.key, kind=pending.kind, transaction_id=pending.transaction_id, compare=compare),
    )


def finished(provider: Provider, kind: PendingKind) -> str:
    """Return the address of the page that says how it ended."""
    return f"{provider.endpoint('verification')}/status" if kind == "device" else f"{provider.issuer}/ciba/status"
