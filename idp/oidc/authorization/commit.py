"""The one place where a login becomes a session and the answer to a client, or an approval that it waits for.

It believes nothing: whether the user may go on, whether the evidence carries the flow, whether the session that
answered still lives, and whom the client asked for, is all checked here again.
"""

from __future__ import annotations

import re

import msgspec

from idp.crypto.digest import digest
from idp.flows.actions import update_password
from idp.flows.assembly import AssembledRealm, action_id
from idp.flows.initiated import action_status
from idp.flows.runner import Runner
from idp.flows.steps.password import FACTOR as PASSWORD
from idp.flows.strength.levels import demanded_level
from idp.flows.trace import path_of
from idp.model.client import Client
from idp.model.flow import Evidence, Status
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession, UserSession
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.authorization.earned import Earned, told
from idp.oidc.clients.subject import subject_of
from idp.oidc.decoupled.decision import undecided
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.limits import exceeded_limit
from idp.oidc.sessions.user_sessions import end_session, join_session, leave_session, session_expires_at, share_of
from idp.realms.tokens.roles import RoleBook

_NEW_PASSWORD = action_id(update_password.ALIAS)
_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}")  # RFC 6749 §4.1.2.1: what a description may hold


class Committed(Frozen, frozen=True, kw_only=True):
    """A finished login: what the client is told, and the cookie of the session if it is new or renewed."""

    parameters: dict[str, str]
    sid: str
    cookie: str | None = None


async def commit(
    provider: Provider,
    assembled: AssembledRealm,
    login: AuthenticationSession,
    *,
    present: UserSession | None,
    address: str,
) -> Committed:
    """Turn a login into a user session and the answer that its request asked for: a code, tokens, or neither.

    `present` is the session of the browser's cookie, if any. The caller has taken the login, so this runs once for it.

    Raises:
        OAuthError: to be sent to the login's target; nothing was created.

    """
    request, client = login.request, assembled.realm.client(login.client_id)
    assert request is not None
    if client is None:
        raise _refused(login, ErrorCode.UNAUTHORIZED_CLIENT, "The client is disabled.", "client disabled")
    user = await _admitted(provider, assembled, login, client, request, present=present)
    level = Runner(assembled, users=provider.stores.users).level(login)
    session, cookie = await _session(provider, login, client, user, level=level, present=present, address=address)
    had = present if present is not None and present.sid == session.sid else None
    await _keep_limits(provider, assembled, login, session, had=had, address=address)
    earned = Earned(
        realm=assembled.realm,
        client=client,
        login=login,
        request=request,
        user=user,
        session=session,
        level=level,
        action=action_status(assembled, login),
        # A scope for holders of a role is not granted to anybody else, whatever the client asked for.
        scope=RoleBook(assembled.realm).permitted(user, request.scope),
        path=path_of(assembled, login),
    )
    return Committed(parameters=await told(provider, earned, address=address), sid=session.sid, cookie=cookie)


async def _keep_limits(
    provider: Provider,
    assembled: AssembledRealm,
    login: AuthenticationSession,
    session: UserSession,
    *,
    had: UserSession | None,
    address: str,
) -> None:
    """Keep the user within the number of sessions that the flow allows, or take this one back."""
    exceeded = await exceeded_limit(provider, assembled, login, session, had=had, address=address)
    if exceeded is None:
        return
    if had is None:
        await provider.stores.user_sessions.end(session.sid)  # nobody has been told of it
    else:
        await leave_session(provider, session.sid, login.client_id)
    words = exceeded.error_message
    description = words if _DESCRIPTION.fullmatch(words) else "There are too many sessions of this user."
    raise _refused(login, ErrorCode.ACCESS_DENIED, description, "session limit exceeded")


async def _admitted(
    provider: Provider,
    assembled: AssembledRealm,
    login: AuthenticationSession,
    client: Client,
    request: AuthorizationRequest,
    *,
    present: UserSession | None,
) -> User:
    """Return the user of a login that may be committed for this request."""
    user = await _proven_user(provider, assembled, login, present=present)
    subject = subject_of(provider, client, user.id)
    if request.hinted_user_id not in {None, user.id} or request.hinted_subject not in {None, subject}:
        # OpenID Connect Core §3.1.2.1: somebody else logged in than the one the client asked about.
        raise _refused(login, ErrorCode.LOGIN_REQUIRED, "Another user is logged in.", "id_token_hint differs")
    if Runner(assembled, users=provider.stores.users).level(login) < demanded_level(assembled.realm, client, request):
        raise _refused(login, ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, "The login is too weak.", "essential acr")
    if request.pushed and await provider.stores.pushed_requests.take(request.pushed) is None:
        # RFC 9126 §4: once, and here, where an answer is made. Of two tabs with the same request one gets it.
        raise _refused(login, ErrorCode.INVALID_REQUEST_URI, "The request was used before.", "pushed request used")
    if request.approves is not None:
        await undecided(provider, request.approves.key)
    return user


async def _proven_user(
    provider: Provider, assembled: AssembledRealm, login: AuthenticationSession, *, present: UserSession | None
) -> User:
    if login.sso_sid is not None and not _is_the_one(present, login):
        raise _refused(login, ErrorCode.LOGIN_REQUIRED, "The session has ended.", "the session that answered is gone")
    earlier = present.evidence if present is not None and login.sso_sid is not None else ()
    user = await may_go_on(provider, login.user_id) if login.user_id is not None else None
    if user is None:
        raise _refused(login, ErrorCode.ACCESS_DENIED, "The login was refused.", "user gone, disabled or locked")
    runner = Runner(assembled, users=provider.stores.users)
    if not runner.stands(login, user, now=provider.now(), earlier=earlier):
        # Not a person's mistake: the login's progress claims more than its evidence shows.
        raise _refused(login, ErrorCode.SERVER_ERROR, "The login was refused.", "the evidence does not carry the flow")
    return user


def _is_the_one(present: UserSession | None, login: AuthenticationSession) -> bool:
    """Tell whether the browser's session is the one that answers for the login."""
    return present is not None and present.sid == login.sso_sid and present.user_id == login.user_id


async def _session(
    provider: Provider,
    login: AuthenticationSession,
    client: Client,
    user: User,
    *,
    level: int,
    present: UserSession | None,
    address: str,
) -> tuple[UserSession, str | None]:
    proven_here = [proof.at for proof in login.evidence if proof.ceremony == login.tab_id]
    if present is not None and login.sso_sid is not None:
        _check_proof(login, user, proven_at=min([present.auth_time, *proven_here]))
        if not proven_here:
            return await _joined(provider, login, client, present), None
    else:
        _check_proof(login, user, proven_at=min(proven_here))
    if present is not None and present.user_id != user.id:
        # A second user on the same browser gets nothing of the first one's session (CVE-2025-12390).
        await end_session(provider, present.sid, address=address)
        present = None
    for _ in range(2):
        session, secret = _new_session(provider, login, client, user, level=level, present=present)
        expires_at = session_expires_at(session, provider.realm().lifespans)
        if present is None:
            await provider.stores.user_sessions.create(session, expires_at=expires_at)
            return session, f"{session.sid}.{secret}"
        if await provider.stores.user_sessions.replace(session, expires_at=expires_at):
            return msgspec.structs.replace(session, revision=session.revision + 1), f"{session.sid}.{secret}"
        present = None  # it changed under our hands: begin a session of its own
    raise AssertionError("the second turn always creates")


def _new_session(
    provider: Provider,
    login: AuthenticationSession,
    client: Client,
    user: User,
    *,
    level: int,
    present: UserSession | None,
) -> tuple[UserSession, str]:
    """Make the session of a login. A user who logs in again keeps the `sid`, never the cookie (ASVS 7.2.4).

    So does one who has proven more in a session: it knows both from then on, each with its own time.
    """
    assert login.request is not None
    now, secret = provider.now(), provider.random_text(32)
    clients = present.clients if present is not None else {}
    share = share_of(clients, client, login.request.scope, login.request.terms, at=now)
    session = UserSession(
        sid=present.sid if present is not None else provider.random_text(18),
        secret_digest=digest(secret),
        user_id=user.id,
        transaction_id=login.transaction_id,
        flow=login.flow,
        realm_version=login.realm_version,
        started_at=now,
        last_seen_at=now,
        auth_time=now,
        evidence=_together(login, present, now=now),
        level=level,
        clients={**clients, share.client_id: share},
        revision=present.revision if present is not None else 0,
    )
    return session, secret


def _together(login: AuthenticationSession, present: UserSession | None, *, now: int) -> tuple[Evidence, ...]:
    """Return what the session knows from now on: a factor that was proven anew has its new time alone.

    That time is the end of the login, which is `auth_time`: a person who is slow with the second factor must not have
    a first one that is too old already. What a former login of the session had proven counts only in one that it
    answers: a new login stands on its own.
    """
    new = [msgspec.structs.replace(e, at=now) for e in login.evidence if e.ceremony == login.tab_id]
    if present is None or login.sso_sid is None:
        return tuple(new)
    again = {proof.factor for proof in new}
    return (*(proof for proof in present.evidence if proof.factor not in again), *new)


async def _joined(
    provider: Provider, login: AuthenticationSession, client: Client, present: UserSession
) -> UserSession:
    """Give the client its share of the session that answered, if it is still alive."""
    assert login.request is not None
    if not await join_session(provider, present, client, login.request.scope, login.request.terms):
        raise _refused(login, ErrorCode.LOGIN_REQUIRED, "The session has ended.", "the session ended meanwhile")
    return present


def _check_proof(login: AuthenticationSession, user: User, *, proven_at: int) -> None:
    """Refuse what was proven before a password change that this very login did not make.

    A page may stand open for long: whoever got there by the old password gets nothing more (T-20).
    """
    if login.progress.get(_NEW_PASSWORD) is Status.SUCCESS:
        return
    if proven_at < user.not_before or _by_another_password(login, user):
        detail = "proven before a password change"
        raise _refused(login, ErrorCode.LOGIN_REQUIRED, "The login is not valid any more.", detail)


def _by_another_password(login: AuthenticationSession, user: User) -> bool:
    """Tell whether the login knew a password that is not the user's any more.

    The step may have asked a node that had not heard of the change yet (decision 0040): then the time of the proof is
    later than the change, and only the credential tells.
    """
    here = (one for one in login.evidence if one.ceremony == login.tab_id)
    known = {one.credential_id for one in here if one.factor == PASSWORD.name}
    return user.password is not None and bool(known - {None, user.password.id})


def _refused(login: AuthenticationSession, code: ErrorCode, description: str, detail: str) -> OAuthError:
    trace = Trace(transaction_id=login.transaction_id, client_id=login.client_id, user_id=login.user_id)
    return OAuthError(code, description, detail=detail, event="LOGIN_ERROR", trace=trace)
