"""May an existing user session answer an authorization request? One pure function, asked before any flow runs.

Keycloak's cookie step lets a session made by a weak flow answer for a strong one (T-11); here a session answers only
for the flow it was made by, and never with less than the request asks for.
"""

from __future__ import annotations

from idp.flows.compiler import CompiledFlow
from idp.flows.levels import demanded_level, requested_level
from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.model.session import UserSession


def answers(
    request: AuthorizationRequest,
    session: UserSession,
    *,
    realm: Realm,
    client: Client,
    flow: CompiledFlow,
    subject: str,
    now: int,
) -> bool:
    """Tell whether the session answers (OpenID Connect Core §3.1.2.3); `subject` is the client's name for its user."""
    return (
        flow.allows_sso()
        and session.flow == flow.alias
        and not {"login", "select_account"} & set(request.prompt)
        and _fresh_enough(request, session, now=now)
        and request.hinted_user_id in {None, session.user_id}
        and request.hinted_subject in {None, subject}
        and session.level >= requested_level(realm, request.acr_values)
        and session.level >= demanded_level(realm, client, request)
    )


def _fresh_enough(request: AuthorizationRequest, session: UserSession, *, now: int) -> bool:
    # max_age=0 is prompt=login in other words (OpenID Connect Core §3.1.2.1), also within the same second.
    return request.max_age is None or (request.max_age > 0 and now - session.auth_time <= request.max_age)
