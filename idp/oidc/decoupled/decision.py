"""Deciding a waiting request: once, in time, and only by whom it was meant for."""

from __future__ import annotations

from typing import Any

import msgspec

from idp.model.oauth import Approval, AuthorizationCode
from idp.model.pending import PendingAuthorization, PendingState
from idp.oidc.decoupled.notification import notify
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider

_MOST_TRIES = 20  # of a compare-and-set; each failure means that the client polled, or that somebody decided


async def undecided(provider: Provider, key: str) -> PendingAuthorization:
    """Return the request while it can be decided.

    Raises:
        OAuthError: it expired, or was decided already.

    """
    pending = await provider.stores.pending.get(key)
    if pending is None or pending.state is not PendingState.PENDING or provider.now() >= pending.expires_at:
        detail = "unknown" if pending is None else "expired or decided already"
        raise OAuthError(ErrorCode.EXPIRED_TOKEN, "The request is over.", detail=f"pending request: {detail}")
    return pending


async def approve(provider: Provider, approval: Approval, code: AuthorizationCode) -> None:
    """Let the client have what the login was worth; raises `OAuthError` where it is too late."""
    pending = await undecided(provider, approval.key)
    # CIBA Core §7.1: the hint says who is asked, and nobody else can answer.
    if pending.user_id not in {None, code.user_id}:
        raise OAuthError(ErrorCode.LOGIN_REQUIRED, "Another user is logged in.", detail="not the customer who is asked")
    await _decided(provider, approval.key, state=PendingState.APPROVED, approval=code)


async def deny(provider: Provider, approval: Approval, *, user_id: str | None) -> None:
    """Tell the client no. A person who was not asked decides nothing; a request that is over stays as it was."""
    try:
        pending = await undecided(provider, approval.key)
        if pending.user_id in {None, user_id}:
            await _decided(provider, approval.key, state=PendingState.DENIED)
    except OAuthError:
        return


async def _decided(provider: Provider, key: str, **changes: Any) -> None:
    for _ in range(_MOST_TRIES):
        pending = await undecided(provider, key)
        decided = msgspec.structs.replace(pending, **changes)
        if await provider.stores.pending.replace(decided):
            notify(provider, decided)
            return
    raise OAuthError(ErrorCode.TEMPORARILY_UNAVAILABLE, "Try again.", detail="the request is polled all the time")
