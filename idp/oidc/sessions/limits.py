"""How many sessions a user may have at once: kept at the moment in which one has been made.

A check before that would let any number of logins pass that end at the same moment. So each makes its session first and
counts then: never more of them stay than the limit allows, and of several at once perhaps none does.
"""

from __future__ import annotations

from collections.abc import Sequence

from idp.flows.assembly import AssembledRealm
from idp.flows.steps.session_limits import Config, SessionLimits
from idp.model.flow import Status
from idp.model.session import AuthenticationSession, UserSession
from idp.oidc.provider import Provider
from idp.oidc.sessions.user_sessions import end_session, session_expires_at


async def exceeded_limit(
    provider: Provider,
    assembled: AssembledRealm,
    login: AuthenticationSession,
    session: UserSession,
    *,
    had: UserSession | None,
    address: str,
) -> Config | None:
    """End what is too much, or return the limit by which this login is refused.

    `session` is the login's, `had` what it was before: a session or share that was there already is no new one.
    """
    for config in _limits(assembled, login):
        is_new_share = had is None or login.client_id not in had.clients
        for limit, is_new, client_id in (
            (config.realm_limit, had is None, None),
            (config.client_limit, is_new_share, login.client_id),
        ):
            if limit is None or not is_new:
                continue
            present = await _sessions(provider, session.user_id, client_id)
            if config.behavior == "Terminate oldest session":
                for oldest in _beyond(present, limit, keep=session.sid):
                    await end_session(provider, oldest.sid, client_id=login.client_id, address=address)
            elif len(present) > limit:
                return config
    return None


def _limits(assembled: AssembledRealm, login: AuthenticationSession) -> list[Config]:
    """Return the limits that this login came by."""
    passed = [step for step, status in login.progress.items() if status is Status.SUCCESS]
    steps = map(assembled.step, passed)
    return [step.config for step in steps if isinstance(step, SessionLimits)]


async def _sessions(provider: Provider, user_id: str, client_id: str | None) -> list[UserSession]:
    """Return the user's live sessions; of a client, those in which it has a share."""
    now, lifespans = provider.now(), provider.realm().lifespans
    sessions = await provider.stores.user_sessions.of_user(user_id)
    live = [session for session in sessions if now < session_expires_at(session, lifespans)]
    return [session for session in live if client_id is None or client_id in session.clients]


def _beyond(present: Sequence[UserSession], limit: int, *, keep: str) -> list[UserSession]:
    """Return the sessions that must go: those that were used longest ago."""
    others = sorted((s for s in present if s.sid != keep), key=lambda session: (session.last_seen_at, session.sid))
    return others[: max(0, len(present) - limit)]
