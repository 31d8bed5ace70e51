"""Whether a well-signed, unexpired token still counts: for UserInfo and introspection alike."""

from __future__ import annotations

from idp.crypto.digest import digest, same
from idp.crypto.jose import Claims
from idp.model.client import Client
from idp.model.oauth import NO_TERMS, GrantTerms
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.claims.writers import Facts
from idp.oidc.clients.subject import subject_of
from idp.oidc.grants.client_credentials import service_account
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import live_session
from idp.oidc.token.tokens import family_of

REVOKED = "revoked-token"


class LiveToken(Frozen, frozen=True, kw_only=True):
    """An access token that counts, with whom it is about, who it was given to and what was granted (all of it).

    A client's own token (client credentials) is about its service account.
    """

    user: User
    client: Client
    granted: tuple[str, ...] = ()
    terms: GrantTerms = NO_TERMS


async def live_access(provider: Provider, claims: Claims) -> LiveToken | None:
    """Return whom the token is about, unless it, its grant, its client or its user has been stopped.

    Both levels of revocation count: the token's own and the user's `not_before` (CVE-2026-8922).
    """
    client = provider.client(claims["client_id"]) or await provider.just_registered(claims["client_id"])
    if client is None or await provider.stores.first_use.seen(REVOKED, claims["jti"]):
        return None
    if "sid" not in claims:  # only the client credentials grant makes such a token
        account = await service_account(provider, client)
        known = client.service_account and account.enabled and claims["iat"] >= account.not_before
        alive = known and claims["sub"] == subject_of(provider, client, account.id)
        own = tuple(str(claims.get("scope", "")).split())
        return LiveToken(user=account, client=client, granted=own) if alive else None
    grant = await _live_grant(provider, claims)
    # Whom the grant is about decides; a `sub` cannot be turned back into a user (Core §8.1).
    if grant is None or claims["sub"] != subject_of(provider, client, grant.user_id):
        return None
    user = await may_go_on(provider, grant.user_id, issued_at=claims["iat"], at_once=False)
    if user is None:
        return None
    return LiveToken(user=user, client=client, granted=grant.scope, terms=grant.terms)


def facts_of(claims: Claims) -> Facts:
    """Return what an access token says about its login."""
    return Facts(sid=claims.get("sid", ""), auth_time=claims.get("auth_time"), amr=tuple(claims.get("amr", ())))


async def live_refresh(provider: Provider, claims: Claims) -> User | None:
    """Return whom a refresh token is about, if it is the one its family would accept now."""
    family_id = family_of(claims["jti"])
    family = None if family_id is None else await provider.stores.refresh_families.get(family_id)
    if family is None or not same(family.current, digest(claims["jti"])) or provider.client(family.client_id) is None:
        return None
    if not family.offline:
        session = await live_session(provider, family.sid, family.client_id, issued_at=family.created_at, at_once=False)
        if session is None:
            return None
    return await may_go_on(provider, family.user_id, issued_at=family.created_at, at_once=False)


class _LiveGrant(Frozen, frozen=True, kw_only=True):
    """What is behind a token: whose it is, and all that was granted."""

    user_id: str
    scope: tuple[str, ...]
    terms: GrantTerms


async def _live_grant(provider: Provider, claims: Claims) -> _LiveGrant | None:
    """Return the grant behind the token, or None if it has ended."""
    family_id = family_of(claims["jti"])
    if family_id is None:
        session = await live_session(
            provider, claims["sid"], claims["client_id"], issued_at=claims["iat"], at_once=False
        )
        if session is None:
            return None
        share = session.clients[claims["client_id"]]
        return _LiveGrant(user_id=session.user_id, scope=share.scope, terms=share.terms)
    # Offline access outlives the session; its family alone decides.
    family = await provider.stores.refresh_families.get(family_id)
    if family is None or family.client_id != claims["client_id"]:
        return None
    return _LiveGrant(user_id=family.user_id, scope=family.scope, terms=family.terms)
