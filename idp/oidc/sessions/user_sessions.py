"""The user session as the protocol sees it: how long it lives, who is in it, how it ends."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from idp.model.client import Client
from idp.model.oauth import GrantTerms
from idp.model.policies.credentials import Lifespans
from idp.model.session import ClientSession, UserSession
from idp.oidc.provider import Provider
from idp.oidc.sessions import back_channel

_MOST_TRIES = 20  # of a compare-and-set; each failure means that somebody else succeeded
_OFTEN_ENOUGH = 15  # seconds between two notes of "last seen", where the idle time is long


def session_expires_at(session: UserSession, lifespans: Lifespans) -> int:
    """Return when the session ends if nobody is seen again (Keycloak's SSO idle and max)."""
    return min(session.last_seen_at + lifespans.sso_idle, session.started_at + lifespans.sso_max)


async def live_session(
    provider: Provider, sid: str, client_id: str, *, issued_at: int, at_once: bool = True
) -> UserSession | None:
    """Return the session if it lives and the client has had a share in it ever since `issued_at`.

    `at_once` as in `idp.oidc.sessions.gate`.

    A share is ended when tokens are revoked or were stolen. If the person comes back to the client by single sign-on,
    it has a new one, in which what was ended must not come to life again (RFC 7009 §2.1, RFC 9700 §4.14.2).
    """
    sessions = provider.stores.user_sessions
    session = await (sessions.present(sid) if at_once else sessions.get(sid))
    share = None if session is None else session.clients.get(client_id)
    if session is None or share is None or issued_at < share.started_at:
        return None
    # The lifetimes of today's configuration count, even for a session that began under longer ones.
    return session if provider.now() < session_expires_at(session, provider.realm().lifespans) else None


async def touch_session(provider: Provider, session: UserSession) -> None:
    """Note that the session's user was seen, at most once in a while: a durable write for each refresh buys nothing."""
    now, lifespans = provider.now(), provider.realm().lifespans
    if _was_just_seen(session, lifespans, now):
        return
    seen = msgspec.structs.replace(session, last_seen_at=now)
    # Losing the race is fine: whoever won it was seen at this moment too, or ended the session.
    await provider.stores.user_sessions.replace(seen, expires_at=session_expires_at(seen, lifespans))


def share_of(
    clients: Mapping[str, ClientSession], client: Client, scope: tuple[str, ...], terms: GrantTerms, *, at: int
) -> ClientSession:
    """Return the client's share with what is granted now; one that it has goes on, with all that was issued in it."""
    had = clients.get(client.client_id)
    started_at = at if had is None else had.started_at
    return ClientSession(client_id=client.client_id, started_at=started_at, scope=scope, terms=terms)


async def join_session(
    provider: Provider,
    session: UserSession,
    client: Client,
    scope: tuple[str, ...],
    terms: GrantTerms,
    *,
    at: int | None = None,
) -> bool:
    """Give the client a share in the session; false if the session has ended meanwhile.

    `at` is when the share begins, if not now: not after what is issued in it.
    """
    now, lifespans = provider.now(), provider.realm().lifespans
    for _ in range(_MOST_TRIES):
        current = await provider.stores.user_sessions.present(session.sid)  # where nothing is written, nothing compares
        if current is None:
            return False
        share = share_of(current.clients, client, scope, terms, at=now if at is None else at)
        if current.clients.get(client.client_id) == share and _was_just_seen(current, lifespans, now):
            return True  # An application that asks again and again, in many tabs at once, writes nothing.
        joined = msgspec.structs.replace(
            current, clients={**current.clients, client.client_id: share}, last_seen_at=max(now, current.last_seen_at)
        )
        if await provider.stores.user_sessions.replace(joined, expires_at=session_expires_at(joined, lifespans)):
            return True
    return False


def _was_just_seen(session: UserSession, lifespans: Lifespans, now: int) -> bool:
    return now - session.last_seen_at < min(_OFTEN_ENOUGH, lifespans.sso_idle // 20)


async def leave_session(provider: Provider, sid: str, client_id: str) -> None:
    """End the client's share in the session: every online token of the client dies with it.

    If the share cannot be ended alone (endless races), the whole session is: this is called when a token was stolen.
    """
    lifespans = provider.realm().lifespans
    for _ in range(_MOST_TRIES):
        # Not what is remembered: a share that began at another node a moment ago is the one that a thief holds.
        session = await provider.stores.user_sessions.present(sid)
        if session is None or client_id not in session.clients:
            return
        others = {name: share for name, share in session.clients.items() if name != client_id}
        left = msgspec.structs.replace(session, clients=others)
        if await provider.stores.user_sessions.replace(left, expires_at=session_expires_at(left, lifespans)):
            return
    await end_session(provider, sid, client_id=client_id)


async def end_session(
    provider: Provider, sid: str, *, client_id: str | None = None, address: str | None = None
) -> UserSession | None:
    """End a user session, here and at its clients; the one caller that did is given it as it was.

    Its online tokens and refresh families end with it, since every use of them looks for the session. Offline
    families live on: that is what they are for (OpenID Connect Core §11).
    """
    present = await provider.stores.user_sessions.get(sid)
    if present is None:
        return None
    owed = await back_channel.owe(provider, present, present.clients)
    session = await provider.stores.user_sessions.end(sid)
    if session is None:
        return None
    # Whoever joined between the two looks.
    owed += await back_channel.owe(provider, session, session.clients.keys() - present.clients.keys())
    await provider.record(
        "LOGOUT",
        transaction_id=session.transaction_id,
        user_id=session.user_id,
        client_id=client_id,
        sid=sid,
        address=address,
    )
    await back_channel.tell(provider, owed)
    return session
