"""Two grants that are polled for: device code (RFC 8628 §3.4 and §3.5) and CIBA (Core §10.1 and §11).

A decided request is answered whenever the client asks; only a client that asks too often about an undecided one is told
to slow down. An approved request is *taken* before anything else is checked: of two polls at once one gets the tokens.
What was approved counts as a code does, so the same gate stands here: a session that has ended, or a user who was
locked since, gets nothing (CVE-2026-9798, CVE-2026-16103).
"""

from __future__ import annotations

import msgspec

from idp.crypto.digest import digest
from idp.model.client import Client
from idp.model.oauth import AuthorizationCode
from idp.model.pending import PendingAuthorization, PendingKind, PendingState
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.grants.authorization_code import granted_by_code
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import live_session
from idp.ports import Taken

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
_NOT_VALID = "The request is not valid."  # unknown, another client's, or redeemed
_SLOWER = 5  # seconds; RFC 8628 §3.5
_MOST_TRIES = 5  # of a compare-and-set against other polls of the same request


async def authorize_device(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Redeem the device code of the form; raises `OAuthError`."""
    if not client.device.enabled:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    return await _redeemed(provider, client, asked, kind="device", handle="device_code")


async def authorize_backchannel(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Redeem the `auth_req_id` of the form; raises `OAuthError`."""
    if not client.backchannel.enabled:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    return await _redeemed(provider, client, asked, kind="backchannel", handle="auth_req_id")


async def _redeemed(
    provider: Provider, client: Client, asked: TokenRequest, *, kind: PendingKind, handle: str
) -> Granted:
    if handle not in asked.form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, f"Missing parameter: {handle}.")
    code = await _approval(provider, client, digest(asked.form[handle]), kind)
    session = await live_session(provider, code.sid, client.client_id, issued_at=code.issued_at)
    user = await may_go_on(provider, code.user_id, issued_at=code.issued_at)
    if session is None or user is None:
        detail = "the session ended" if session is None else "the user may not go on"
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail=detail, trace=_trace_of(code))
    return granted_by_code(provider, client, code, session, user, asked)


async def _approval(provider: Provider, client: Client, key: str, kind: PendingKind) -> AuthorizationCode:
    """Take what the person's login was worth, or tell the client why it cannot have it yet."""
    for _ in range(_MOST_TRIES):
        pending = await _found(provider, client, key, kind)
        if pending.state is PendingState.APPROVED:
            return await _taken(provider, pending)
        polled, error = _polled(pending, now=provider.now())
        if await provider.stores.pending.replace(polled):
            raise error
    raise OAuthError(ErrorCode.SLOW_DOWN, "Poll less often.", detail="polled many times at once")


async def _found(provider: Provider, client: Client, key: str, kind: PendingKind) -> PendingAuthorization:
    """Return the request of this handle, if it is pending or approved."""
    pending = await provider.stores.pending.get(key)
    if pending is None or pending.kind != kind:
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail="no such request")
    if pending.client_id != client.client_id:
        # It stays as it is: a client that has seen another's code must not be able to spoil it.
        raise _answer(pending, ErrorCode.INVALID_GRANT, _NOT_VALID, f"presented by another client: {client.client_id}")
    if pending.state is PendingState.TAKEN:
        raise _answer(pending, ErrorCode.INVALID_GRANT, _NOT_VALID, "redeemed already")
    if provider.now() >= pending.expires_at:
        raise _answer(pending, ErrorCode.EXPIRED_TOKEN, "The request has expired.")
    if pending.state is PendingState.DENIED:
        raise _answer(pending, ErrorCode.ACCESS_DENIED, "The person has refused.")
    return pending


async def _taken(provider: Provider, pending: PendingAuthorization) -> AuthorizationCode:
    outcome = await provider.stores.pending.take(pending.key)
    if not isinstance(outcome, Taken) or outcome.value.approval is None:
        raise _answer(pending, ErrorCode.INVALID_GRANT, _NOT_VALID, "another poll was faster")
    return outcome.value.approval


def _polled(pending: PendingAuthorization, *, now: int) -> tuple[PendingAuthorization, OAuthError]:
    """Return the undecided request after this poll, and what the client is told."""
    seen = msgspec.structs.replace(pending, polled_at=now)
    if pending.polled_at is None or now - pending.polled_at >= pending.interval:
        return seen, _answer(pending, ErrorCode.AUTHORIZATION_PENDING, "The person has not decided yet.")
    # "for this and all subsequent requests" (RFC 8628 §3.5)
    slower = msgspec.structs.replace(seen, interval=pending.interval + _SLOWER)
    return slower, _answer(pending, ErrorCode.SLOW_DOWN, "Poll less often.")


def _answer(pending: PendingAuthorization, code: ErrorCode, description: str, detail: str = "") -> OAuthError:
    trace = Trace(transaction_id=pending.transaction_id, client_id=pending.client_id)
    return OAuthError(code, description, detail=detail, trace=trace)


def _trace_of(code: AuthorizationCode) -> Trace:
    return Trace(transaction_id=code.transaction_id, user_id=code.user_id, sid=code.sid)
