"""The user session that a browser's cookie stands for.

The cookie is `sid.secret`. The `sid` is public (it stands in tokens); the store keeps a digest of the secret, so
neither a token nor a copy of the store makes a cookie.
"""

from __future__ import annotations

from idp.crypto.digest import digest, same
from idp.model.session import UserSession
from idp.oidc.provider import Provider
from idp.oidc.sessions.user_sessions import session_expires_at


async def session_of_cookie(provider: Provider, cookie: str | None) -> UserSession | None:
    """Return the live session of a cookie."""
    sid, _, secret = (cookie or "").partition(".")
    if not sid or not secret:
        return None
    session = await provider.stores.user_sessions.get(sid)
    if session is None or not same(session.secret_digest, digest(secret)):
        return None
    return session if provider.now() < session_expires_at(session, provider.realm().lifespans) else None
