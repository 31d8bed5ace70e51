"""A decision without a person: the test switch `conformance.ciba_decisions`, for an examiner who has no phone.

Nothing calls this where the switch is off, and a server with the switch on does not start in production. What it makes
says so itself: the session has no evidence and no method (`amr`), and the event is `CIBA_TEST_DECISION`.
"""

from __future__ import annotations

from idp.crypto.digest import digest
from idp.flows.actions.consent import consented
from idp.flows.customers.users import amend
from idp.flows.strength.levels import acr_of, requested_level
from idp.model.oauth import Approval, AuthorizationCode
from idp.model.pending import PendingAuthorization
from idp.model.session import ClientSession, UserSession
from idp.model.user import User
from idp.oidc.decoupled.decision import approve, deny, undecided
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.sessions.user_sessions import session_expires_at


async def decide_automatically(provider: Provider, auth_req_id: str, *, allow: bool) -> None:
    """Decide a backchannel request in its customer's name; raises `OAuthError` if it cannot be decided."""
    pending = await undecided(provider, digest(auth_req_id))
    if pending.kind != "backchannel" or pending.user_id is None:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The request names no customer.")
    await provider.record(
        "CIBA_TEST_DECISION",
        transaction_id=pending.transaction_id,
        user_id=pending.user_id,
        client_id=pending.client_id,
        detail={"action": "allow" if allow else "deny"},
    )
    approval = Approval(key=pending.key, kind="backchannel", transaction_id=pending.transaction_id)
    if allow:
        await _consent(provider, pending, pending.user_id)
        session = _session(provider, pending, pending.user_id)
        expires_at = session_expires_at(session, provider.realm().lifespans)
        await provider.stores.user_sessions.create(session, expires_at=expires_at)
        await approve(provider, approval, _code(provider, pending, session))
    else:
        await deny(provider, approval, user_id=pending.user_id)


async def _consent(provider: Provider, pending: PendingAuthorization, user_id: str) -> None:
    """Remember the yes, as the page does: a client that needs consent gets nothing renewed without one."""

    def granted(user: User) -> User:
        at, scope = provider.now(), pending.scope
        return consented(provider.realm(), user, client_id=pending.client_id, scope=scope, at=at)

    await amend(provider.stores.users, user_id, granted)


def _session(provider: Provider, pending: PendingAuthorization, user_id: str) -> UserSession:
    now, realm = provider.now(), provider.realm()
    share = ClientSession(client_id=pending.client_id, started_at=now, scope=pending.scope, terms=pending.terms)
    return UserSession(
        sid=provider.random_text(18),
        secret_digest=digest(provider.random_text(32)),  # of no cookie: no browser is in it
        user_id=user_id,
        transaction_id=pending.transaction_id,
        flow="",
        realm_version=realm.version,
        started_at=now,
        last_seen_at=now,
        auth_time=now,
        evidence=(),
        level=requested_level(realm, pending.acr_values),
        clients={pending.client_id: share},
    )


def _code(provider: Provider, pending: PendingAuthorization, session: UserSession) -> AuthorizationCode:
    return AuthorizationCode(
        client_id=pending.client_id,
        redirect_uri="",
        user_id=session.user_id,
        sid=session.sid,
        transaction_id=pending.transaction_id,
        scope=pending.scope,
        nonce=None,
        code_challenge=None,
        auth_time=session.auth_time,
        acr=acr_of(provider.realm(), session.level),
        amr=(),
        issued_at=provider.now(),
        expires_at=pending.expires_at,
        family_id=provider.random_text(18),
        terms=pending.terms,
    )
