"""Rules about how long sessions, logins and tokens live. All times in seconds."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

_HOUR = 3600
_DAY = 86400
_LONGEST_ACTION = 1800
_LONGEST_OFFLINE_IDLE = 30 * _DAY
OFFLINE = "offline_access"


def lifetime_findings(found: file.Realm) -> Iterator[Finding]:
    """Yield what is unwise about the lifetimes of a realm."""
    yield from _no_time(found)
    yield from _sessions(found)
    if found.access_code_lifespan_login > _HOUR:
        problem = "A page of a login stays good for more than an hour."
        yield warning("L-LOGIN", "/accessCodeLifespanLogin", problem, "Set 1800.")
    if found.access_code_lifespan_user_action > _LONGEST_ACTION:
        problem = "A step that somebody is asked to do stays open for more than half an hour."
        yield warning("L-ACTION", "/accessCodeLifespanUserAction", problem, "Set 300.")
    yield from _offline(found)
    if found.revoke_refresh_token and found.refresh_token_max_reuse > 0:
        problem = "A refresh token that was replaced is accepted again: a stolen one is not noticed."
        yield warning("T-REUSE", "/refreshTokenMaxReuse", problem, "Set 0.")


def _no_time(found: file.Realm) -> Iterator[Finding]:
    spans = {
        "accessTokenLifespan": found.access_token_lifespan,
        "accessTokenLifespanForImplicitFlow": found.access_token_lifespan_for_implicit_flow,
        "accessCodeLifespan": found.access_code_lifespan,
        "accessCodeLifespanLogin": found.access_code_lifespan_login,
        "accessCodeLifespanUserAction": found.access_code_lifespan_user_action,
        "ssoSessionIdleTimeout": found.sso_session_idle_timeout,
        "ssoSessionMaxLifespan": found.sso_session_max_lifespan,
        "offlineSessionIdleTimeout": found.offline_session_idle_timeout,
    }
    if found.offline_session_max_lifespan_enabled:
        spans["offlineSessionMaxLifespan"] = found.offline_session_max_lifespan
    for key, seconds in spans.items():
        if seconds <= 0:
            yield error("L-SPAN", f"/{key}", f"{key} is {seconds} seconds: nothing can live so short.", "Set a time.")


def _sessions(found: file.Realm) -> Iterator[Finding]:
    if found.sso_session_idle_timeout > _HOUR:
        problem = "A session without activity stays good for more than an hour."
        yield warning("L-SSO-IDLE", "/ssoSessionIdleTimeout", problem, "Set 900.")
    if found.sso_session_max_lifespan > _DAY:
        problem = "A session stays good for more than a day, however it is used."
        yield warning("L-SSO-MAX", "/ssoSessionMaxLifespan", problem, "Set 36000.")
    if found.sso_session_idle_timeout > found.sso_session_max_lifespan:
        problem = "The time without activity is longer than the whole session: it never ends one."
        yield warning("L-SSO-ORDER", "/ssoSessionIdleTimeout", problem, "Set less than ssoSessionMaxLifespan.")


def _offline(found: file.Realm) -> Iterator[Finding]:
    realms_own = {*(found.default_default_client_scopes or ()), *(found.default_optional_client_scopes or ())}
    if not any(OFFLINE in _scopes(client, realms_own) for client in found.clients if client.enabled):
        return
    if not found.offline_session_max_lifespan_enabled:
        problem = "A refresh token that is used now and then (offline_access) never ends."
        repair = "Set true, with offlineSessionMaxLifespan."
        yield warning("L-OFFLINE", "/offlineSessionMaxLifespanEnabled", problem, repair)
    if found.offline_session_idle_timeout > _LONGEST_OFFLINE_IDLE:
        problem = "A refresh token that nobody uses (offline_access) stays good for more than 30 days."
        yield warning("L-OFFLINE-IDLE", "/offlineSessionIdleTimeout", problem, "Set 2592000 or less.")


def _scopes(client: file.Client, realms_own: set[str]) -> set[str]:
    if client.default_client_scopes is None and client.optional_client_scopes is None:
        return realms_own
    return {*(client.default_client_scopes or ()), *(client.optional_client_scopes or ())}
