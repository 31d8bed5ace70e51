"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636, OpenID Connect Core §3.1.3).

The order is the security argument: the client has proven itself → the code is *taken* (one winner, a tombstone stays)
→ everything else is checked → tokens. Checking first and taking later lets two requests win (style.md 2.8). The price
is that a request with a wrong verifier spends the code; replay safety beats a retry.
"""

from __future__ import annotations

from functools import partial

from idp.audit.transaction import lines_are_of
from idp.crypto.digest import digest, same
from idp.model.client import Client
from idp.model.oauth import Authorization, AuthorizationCode, Confirmation, RefreshFamily
from idp.model.session import UserSession
from idp.model.user import User
from idp.oidc.authorization import pkce
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.grants.granted import Granted, TokenRequest, offline_expiry, online_expiry
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import leave_session, live_session
from idp.oidc.terms.narrowing import narrowed
from idp.oidc.token.tokens import new_token_id
from idp.ports import Replayed

_NOT_VALID = "Code not valid."  # for every reason: unknown, expired, used, another client's


async def authorize_code(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Redeem the code of the form; raises `OAuthError`."""
    form = asked.form
    if not client.standard_flow:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    if "code" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: code.")
    code = await _taken(provider, form["code"])
    _check(provider, client, code, asked)
    session = await live_session(provider, code.sid, client.client_id, issued_at=code.issued_at)
    user = await may_go_on(provider, code.user_id, issued_at=code.issued_at)
    if session is None or user is None:
        raise _refused(code, "the session ended" if session is None else "the user may not go on")
    return granted_by_code(provider, client, code, session, user, asked)


async def _taken(provider: Provider, presented: str) -> AuthorizationCode:
    outcome = await provider.stores.codes.take(digest(presented))
    if outcome is None:
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail="unknown or expired code")
    lines_are_of(outcome.value.transaction_id)
    if isinstance(outcome, Replayed):
        # RFC 6749 §4.1.2: what was issued for the code is revoked. Whichever client presents it: a code that is seen
        # twice has leaked, and only who holds the 256-bit code itself can cause this.
        await _revoke(provider, outcome.value)
        raise _refused(outcome.value, "the code was used before")
    return outcome.value


async def _revoke(provider: Provider, code: AuthorizationCode) -> None:
    # The session's share first: the winner looks for it after it has stored its family (see `_keep`).
    await leave_session(provider, code.sid, code.client_id)
    await provider.stores.refresh_families.end(code.family_id)


def _check(provider: Provider, client: Client, code: AuthorizationCode, asked: TokenRequest) -> None:
    form = asked.form
    # CVE-2026-16089: a code is bound to the client it was made for. It is spent now: whoever else holds it stole it.
    if code.client_id != client.client_id:
        raise _refused(code, f"presented by another client: {client.client_id}")
    if provider.now() >= code.expires_at:
        raise _refused(code, "expired")
    # RFC 6749 §4.1.3: identical, and present whenever it was in the authorization request, where we require it.
    if form.get("redirect_uri") != code.redirect_uri:
        raise _refused(code, "another redirect_uri")
    if code.code_challenge is None and client.pkce_required:
        raise _refused(code, "the client must use PKCE, and the code has no challenge")
    if not pkce.verifies(code.code_challenge, form.get("code_verifier")):
        raise _refused(code, "PKCE verification failed")
    # RFC 9449 §10: whoever has stolen code and verifier cannot redeem them under a key of their own.
    if code.dpop_jkt and not same(code.dpop_jkt, asked.confirmation.jkt):
        raise _refused(code, "another DPoP key than the code is bound to")


def granted_by_code(
    provider: Provider,
    client: Client,
    code: AuthorizationCode,
    session: UserSession,
    user: User,
    asked: TokenRequest,
) -> Granted:
    """Return what a taken code is worth, once everything about it was checked."""
    terms = narrowed(code.terms, asked)
    family, token_id = None, None
    if client.use_refresh_tokens:
        token_id = new_token_id(provider, code.family_id)
        family = _family(provider, code, session, token_id, asked.confirmation)
    authorization = Authorization(
        client_id=client.client_id,
        user_id=code.user_id,
        sid=code.sid,
        transaction_id=code.transaction_id,
        scope=code.scope,
        auth_time=code.auth_time,
        acr=code.acr,
        amr=code.amr,
        nonce=code.nonce,
        refresh_token_id=token_id,
        family=family,
        terms=terms,
        confirmation=asked.confirmation,
    )
    if family is None:
        return Granted(authorization=authorization, user=user)
    return Granted(authorization=authorization, user=user, keep=partial(_keep, provider, family))


async def _keep(provider: Provider, family: RefreshFamily) -> None:
    await provider.stores.refresh_families.create(family)
    # Somebody may have replayed the code, or logged out, since the code was taken: then there was no family to end
    # yet, and an offline one would live on. The tokens of this answer are dead already.
    if await live_session(provider, family.sid, family.client_id, issued_at=family.created_at) is None:
        await provider.stores.refresh_families.end(family.id)


def _family(
    provider: Provider, code: AuthorizationCode, session: UserSession, token_id: str, confirmation: Confirmation
) -> RefreshFamily:
    now, lifespans = provider.now(), provider.realm().lifespans
    offline = "offline_access" in code.scope
    return RefreshFamily(
        id=code.family_id,
        client_id=code.client_id,
        user_id=code.user_id,
        sid=code.sid,
        transaction_id=code.transaction_id,
        scope=code.scope,
        current=digest(token_id),
        auth_time=code.auth_time,
        acr=code.acr,
        amr=code.amr,
        nonce=code.nonce,
        created_at=now,
        last_used_at=now,
        expires_at=offline_expiry(now, lifespans, now=now) if offline else online_expiry(session, lifespans, now=now),
        offline=offline,
        terms=code.terms,
        confirmation=confirmation,
    )


def _refused(code: AuthorizationCode, detail: str) -> OAuthError:
    trace = Trace(transaction_id=code.transaction_id, user_id=code.user_id, sid=code.sid)
    return OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail=detail, trace=trace)
