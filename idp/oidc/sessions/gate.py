"""One gate for every grant and every use of a token, which asks whether this user may go on.

A locked or disabled user was still served by one forgotten path or another in Keycloak CVE-2026-9798 and -1609 and
authentik CVE-2025-64521; so all paths ask here.
"""

from __future__ import annotations

from idp.model.user import User
from idp.oidc.provider import Provider


async def may_go_on(
    provider: Provider, user_id: str, *, issued_at: int | None = None, at_once: bool = True
) -> User | None:
    """Return the user if it exists, is enabled and no factor of it is locked.

    With `at_once`, what another node wrote a moment ago counts. Without it, within a second (decision 0040): enough for
    whoever looks at a token, too late for whoever is given something that outlives a change of the password.

    `issued_at` is when what is presented was given out: nothing from before the user's `not_before` counts, be it a
    token or a code that would become one (RFC 9700 §4.14.2).
    """
    users = provider.stores.users
    user = await (users.present(user_id) if at_once else users.by_id(user_id))
    if user is None or not user.enabled or user.service_account_of:
        return None  # what acts for a client is nobody's login: not by an assertion, not by an exchange
    if issued_at is not None and issued_at < user.not_before:
        return None
    locks = await provider.stores.attempts.locks(user_id)
    return None if locks.locked(provider.now()) else user
