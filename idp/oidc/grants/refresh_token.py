"""The refresh token grant (RFC 6749 §6, OpenID Connect Core §12, RFC 9700 §4.14).

The token only says which family it belongs to; the stored family decides. Everything that may change again (a lock, a
disabled client) is checked *before* the family is touched, so that it refuses without burning the token.
"""

from __future__ import annotations

from idp.crypto.digest import digest
from idp.crypto.jose import Claims, TokenError
from idp.flows.actions.consent import covers
from idp.flows.strength.levels import is_strong_enough
from idp.model.client import Client
from idp.model.oauth import Authorization, Confirmation, GrantTerms, RefreshFamily
from idp.model.session import UserSession
from idp.model.user import User
from idp.oidc.claims.book import ClaimBook, claim_book
from idp.oidc.clients.protection import check_recipient
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.grants.granted import Granted, TokenRequest, offline_expiry, online_expiry
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import leave_session, live_session, touch_session
from idp.oidc.terms.narrowing import narrowed
from idp.oidc.token.tokens import family_of, new_token_id, read_refresh_token
from idp.ports import Reused, Rotated

_NOT_VALID = "Invalid refresh token."  # for every reason
_OFFLINE = "offline_access"


async def authorize_refresh(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Exchange the refresh token of the form; raises `OAuthError`."""
    form = asked.form
    if not client.use_refresh_tokens:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    if "refresh_token" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: refresh_token.")
    claims = _claims(provider, form["refresh_token"])
    family = await _family(provider, client, claims)
    _check_key(client, family, asked.confirmation)
    session = await _session(provider, family)
    user = await _user(provider, client, family)
    scope = _scope(provider.derived(claim_book), client, family, user, form.get("scope"))
    terms = narrowed(family.terms, asked)
    if "openid" in scope:
        # A token that was rotated for an answer that cannot be given would look stolen at the next try.
        await check_recipient(provider, client, client.id_token)
    family, token_id = await _exchanged(provider, client, family, session, presented=claims["jti"])
    if session is not None:
        await touch_session(provider, session)
    return Granted(authorization=_authorization(family, scope, terms, token_id, asked.confirmation), user=user)


def _claims(provider: Provider, token: str) -> Claims:
    try:
        return read_refresh_token(provider, token)
    except TokenError as error:
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail=str(error)) from None


async def _family(provider: Provider, client: Client, claims: Claims) -> RefreshFamily:
    family_id = family_of(claims["jti"])
    family = None if family_id is None else await provider.stores.refresh_families.get(family_id)
    if family is None:
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail="no such family: ended, expired or never there")
    if family.client_id != client.client_id:
        # Not a reason to end the family: any client could then end another's by a token it saw and cannot use.
        raise _refused(family, f"presented by another client: {client.client_id}")
    return family


def _check_key(client: Client, family: RefreshFamily, proven: Confirmation) -> None:
    """Check that the token is used by who may use it (RFC 9449 §5, RFC 8705 §4).

    A public client has nothing but the key. Of a confidential one, which has proven itself, the new access token is
    bound to whatever key it proves; but a grant that was bound never turns into bearer tokens.
    """
    bound = family.confirmation
    if client.public and bound and proven != bound:
        raise _refused(family, "another key than the refresh token is bound to")
    if (bound.jkt and not proven.jkt) or (bound.x5t_s256 and not proven.x5t_s256):
        raise _refused(family, "no key is proven, and the grant is bound to one")


async def _session(provider: Provider, family: RefreshFamily) -> UserSession | None:
    """Return the session of an online family; an offline one needs none."""
    if family.offline:
        return None
    # Not at once: what is given out here dies with the session, and the family began before whatever ends it.
    session = await live_session(provider, family.sid, family.client_id, issued_at=family.created_at, at_once=False)
    if session is None:
        raise _refused(family, "the session ended")
    return session


async def _user(provider: Provider, client: Client, family: RefreshFamily) -> User:
    # When the family began, not its last token: one that is refreshed in the very moment of a password change would
    # outlive it.
    user = await may_go_on(provider, family.user_id, issued_at=family.created_at, at_once=False)
    if user is None:
        raise _refused(family, "the user may not go on, or the grant is from before the user's not-before")
    if not is_strong_enough(provider.realm(), client, family.acr):
        raise _refused(family, "the login was weaker than the client's minimum is now")
    if not covers(provider.realm(), client, user, family.scope):
        raise _refused(family, "the user has withdrawn the consent, or some of it")
    return user


def _scope(book: ClaimBook, client: Client, family: RefreshFamily, user: User, asked: str | None) -> tuple[str, ...]:
    """Return what the new access token may do: never more than was granted (RFC 6749 §6).

    A scope that the administrator has taken from the client since is gone as well.
    """
    if family.offline and _OFFLINE not in client.scopes:
        raise _refused(family, "the client may no longer have offline access")
    wanted = family.scope if asked is None else tuple(dict.fromkeys(asked.split()))
    if not set(wanted) <= set(family.scope):
        trace = Trace(transaction_id=family.transaction_id, user_id=family.user_id, sid=family.sid)
        raise OAuthError(ErrorCode.INVALID_SCOPE, "The scope is more than was granted.", trace=trace)
    if asked is not None:
        # Scopes that tokens do not name cannot be asked for either: they stay as they were granted (Keycloak).
        wanted = tuple(dict.fromkeys((*wanted, *(scope for scope in family.scope if not book.is_said(scope)))))
    return book.roles.permitted(user, tuple(scope for scope in wanted if scope in client.scopes))


async def _exchanged(
    provider: Provider, client: Client, family: RefreshFamily, session: UserSession | None, *, presented: str
) -> tuple[RefreshFamily, str]:
    """Use the token up, or (for a client that holds it under a secret of its own) keep it: RFC 9700 §2.2.2."""
    realm, now, families = provider.realm(), provider.now(), provider.stores.refresh_families
    if session is None:
        expires_at = offline_expiry(family.created_at, realm.lifespans, now=now)
    else:
        expires_at = online_expiry(session, realm.lifespans, now=now)
    key = digest(presented)
    # FAPI 2.0 Security Profile §5.3.2.1 (9): a rotation whose answer is lost locks the customer out, and protects
    # nothing that the client's own key does not protect already.
    if client.public or (realm.rotate_refresh_tokens and not client.rules.keeps_refresh_token):
        token_id = new_token_id(provider, family.id)
        outcome = await families.rotate(
            family.id, presented=key, successor=digest(token_id), now=now, expires_at=expires_at
        )
    else:
        token_id = presented
        outcome = await families.touch(family.id, presented=key, now=now, expires_at=expires_at)
    return await _winner(provider, family, outcome), token_id


async def _winner(provider: Provider, family: RefreshFamily, outcome: Rotated | Reused | None) -> RefreshFamily:
    match outcome:
        case Rotated():
            return outcome.family
        case Reused():
            # RFC 9700 §4.14.2: thief and owner cannot be told apart, so both lose. The family is ended already.
            await leave_session(provider, family.sid, family.client_id)
            raise _refused(family, "the refresh token was used before; its family and client session are ended")
        case None:
            raise _refused(family, "the family ended meanwhile")


def _authorization(
    family: RefreshFamily, scope: tuple[str, ...], terms: GrantTerms, token_id: str, confirmation: Confirmation
) -> Authorization:
    """OpenID Connect Core §12.2: the same sub, auth_time and nonce as the ID token of the login."""
    return Authorization(
        client_id=family.client_id,
        user_id=family.user_id,
        sid=family.sid,
        transaction_id=family.transaction_id,
        scope=scope,
        auth_time=family.auth_time,
        acr=family.acr,
        amr=family.amr,
        nonce=family.nonce,
        refresh_token_id=token_id,
        family=family,
        terms=terms,
        confirmation=confirmation,
    )


def _refused(family: RefreshFamily, detail: str) -> OAuthError:
    trace = Trace(transaction_id=family.transaction_id, user_id=family.user_id, sid=family.sid)
    return OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail=detail, trace=trace)
