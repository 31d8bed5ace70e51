"""May an existing user session answer an authorization request? One pure function, asked before any flow runs.

It says whether what the session has proven may count at all. What it is worth, and what is still to be asked, the
client's own flow says (`idp.flows.strength.carried`).
"""

from __future__ import annotations

from idp.flows.compiler import CompiledFlow
from idp.model.oauth import AuthorizationRequest
from idp.model.session import UserSession


def answers(request: AuthorizationRequest, session: UserSession, *, flow: CompiledFlow, subject: str) -> bool:
    """Tell whether the session answers (OpenID Connect Core §3.1.2.3); `subject` is the client's name for its user."""
    return (
        flow.allows_sso()
        and not {"login", "select_account"} & set(request.prompt)
        and request.hinted_user_id in {None, session.user_id}
        and request.hinted_subject in {None, subject}
    )
