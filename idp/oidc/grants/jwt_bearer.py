"""The JWT bearer grant (RFC 7523 §2.1): somebody whom the bank trusts vouches for a user.

Which issuers are trusted, by which keys, and how their users are called here stands in the realm file; which client may
bring whose assertions, too. The user has proven nothing to us: the session has no evidence, the tokens say the lowest
acr and no `auth_time`, there is no refresh token and no ID token.
"""

from __future__ import annotations

from idp.crypto.digest import digest
from idp.crypto.foreign import UnprovenToken, proves_by_key, read_foreign
from idp.crypto.jose import TokenError
from idp.crypto.public_keys import KeyRefusedError, KeySet, read_key_set
from idp.flows.actions.consent import covers
from idp.flows.strength.levels import acr_of, is_strong_enough
from idp.model.client import Client
from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS
from idp.model.oauth import NO_TERMS, Authorization
from idp.model.session import ClientSession, UserSession
from idp.model.trusted.assertion_issuer import AssertionIssuer
from idp.model.user import User
from idp.oidc.claims.book import claim_book
from idp.oidc.clients.assertion import Usable, check_times
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import session_expires_at
from idp.oidc.terms.asked_terms import asked_terms

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_USED = "jwt-bearer-assertion"
_NOT_VALID = "Invalid assertion."  # for every reason (RFC 7523 §3.1)
_TYPES = frozenset({"authorization-grant+jwt", "jwt", None})
_NO_LEVEL = 0
_NEVER = frozenset({"offline_access"})


async def authorize_jwt_bearer(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Grant what the assertion of the form is worth; raises `OAuthError`."""
    if client.public or not client.assertion_issuers:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    if not is_strong_enough(provider.realm(), client, acr_of(provider.realm(), _NO_LEVEL)):
        # Nobody's word stands in for the second factor that the client's tokens vouch for.
        detail = "the client has a minimum acr"
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.", detail=detail)
    if "assertion" not in asked.form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Missing parameter: assertion.")
    if "authorization_details" in asked.form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Nobody can consent to authorization_details here.")
    terms = asked_terms(provider, client, NO_TERMS, asked.resources, None)
    try:
        user = await _vouched_for(provider, client, asked.form["assertion"])
    except (TokenError, KeyRefusedError) as error:
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail=f"assertion: {error}") from None
    wanted = (*asked.form.get("scope", "").split(), *client.default_scopes)
    may = client.scopes - _NEVER
    named = tuple(dict.fromkeys(name for name in wanted if name in may))
    scope = provider.derived(claim_book).roles.permitted(user, named)
    if not covers(provider.realm(), client, user, scope):
        raise OAuthError(ErrorCode.INVALID_GRANT, _NOT_VALID, detail="the user has not consented to so much")
    session = _session(provider, client, user, scope)
    authorization = Authorization(
        client_id=client.client_id,
        user_id=user.id,
        sid=session.sid,
        transaction_id=session.transaction_id,
        scope=scope,
        auth_time=None,
        acr=acr_of(provider.realm(), session.level),
        amr=(),
        terms=terms,
        confirmation=asked.confirmation,
        id_token=False,
    )

    async def keep() -> None:
        expires_at = session_expires_at(session, provider.realm().lifespans)
        await provider.stores.user_sessions.create(session, expires_at=expires_at)

    return Granted(authorization=authorization, user=user, keep=keep)


async def _vouched_for(provider: Provider, client: Client, assertion: str) -> User:
    """Return the user of a good assertion; raises `TokenError`, `KeyRefusedError`. It is spent then."""
    token = read_foreign(assertion)
    if token.typ not in _TYPES:
        raise TokenError("wrong typ")  # RFC 8725 §3.11: an ID token or an access token of the issuer is none of these
    issuer = _issuer(provider, client, token)
    if token.algorithm not in ((issuer.algorithm,) if issuer.algorithm else PUBLIC_KEY_ALGORITHMS):
        raise TokenError("the algorithm is not the issuer's")
    if not proves_by_key(token, await _keys(provider, issuer, token)):
        raise TokenError("bad signature")
    times = check_times(token.claims, now=provider.now(), longest=issuer.longest_life)
    # §3 (3). One text: a list would let a token for another server pass here, too.
    if token.claims.get("aud") not in (provider.issuer, provider.endpoint("token")):
        raise TokenError("aud is not this provider")
    user = await _user(provider, issuer, token.claims.get("sub"))
    await _spend(provider, issuer, token.claims.get("jti"), times)
    return user


def _issuer(provider: Provider, client: Client, token: UnprovenToken) -> AssertionIssuer:
    """Return the registration that the token has to satisfy; what it says of itself is not believed yet."""
    name = token.claims.get("iss")
    issuer = provider.realm().assertion_issuers.get(name) if isinstance(name, str) else None
    if issuer is None or issuer.alias not in client.assertion_issuers:
        raise TokenError("iss is not trusted for this client")
    return issuer


async def _keys(provider: Provider, issuer: AssertionIssuer, token: UnprovenToken) -> KeySet:
    if issuer.keys.jwks_url:
        return await provider.remote_keys.find(issuer.keys.jwks_url, kid=token.kid, algorithm=token.algorithm)
    return read_key_set(issuer.keys.jwks.encode())


async def _user(provider: Provider, issuer: AssertionIssuer, subject: object) -> User:
    if not isinstance(subject, str) or not subject:
        raise TokenError("sub is missing")
    by_name = issuer.subject == "username"
    found = await provider.stores.users.by_username(subject) if by_name else None
    user = await may_go_on(provider, found.id if found is not None else "" if by_name else subject)
    if user is None:
        raise TokenError("no such user, or it may not go on")
    return user


async def _spend(provider: Provider, issuer: AssertionIssuer, token_id: object, times: Usable) -> None:
    """§3 (7): once; only what is otherwise right is remembered, so nobody else can spend it."""
    if not isinstance(token_id, str) or not token_id:
        raise TokenError("jti is missing")
    used, ttl = digest(f"{issuer.issuer}\n{token_id}"), times.expires_at - provider.now()
    if not await provider.stores.first_use.first_use(_USED, used, ttl=ttl, usable_since=times.usable_since):
        raise TokenError("jti was used before")


def _session(provider: Provider, client: Client, user: User, scope: tuple[str, ...]) -> UserSession:
    """Make the session that the tokens live in. Its cookie's secret is drawn and told to nobody."""
    now = provider.now()
    return UserSession(
        sid=provider.random_text(18),
        secret_digest=digest(provider.random_text(32)),
        user_id=user.id,
        transaction_id=provider.random_text(12),
        flow="",
        realm_version=provider.realm().version,
        started_at=now,
        last_seen_at=now,
        auth_time=0,
        evidence=(),
        level=_NO_LEVEL,
        clients={client.client_id: ClientSession(client_id=client.client_id, started_at=now, scope=scope)},
    )
