"""The one issuer: an `Authorization` in, the token endpoint's answer out.

- Access token: a JWT of RFC 9068. Its audience is the client itself and what the realm's audience mappers name; or the
  resources that were asked for (RFC 8707).
- ID token: OpenID Connect Core §2, with the claims of its scopes as Keycloak has them (applications rely on it),
  although §5.4 would be content with UserInfo.
- What the realm's protocol mappers add (`idp.oidc.claims.book`) comes first, so that nothing of it can ever stand in
  for what the protocol says.
- Refresh token: JWT-shaped, since `keycloak-js` decodes it, under a symmetric key of our own. What counts is the stored
  family; the token only says which one (`family_of`) and proves that we made it.

The claim `typ` (Bearer, DPoP, ID, Refresh) is Keycloak's, whose adapters look at it; *we* look at the header's `typ`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.crypto.encryption import decrypted, looks_encrypted
from idp.crypto.jose import Claims, TokenError, mint, verify
from idp.crypto.key_pairs import half_hash
from idp.model.client import Client, SigningAlgorithm
from idp.model.clients.protection import Protection
from idp.model.oauth import Authorization, AuthorizationRequest, GrantTerms, RefreshFamily
from idp.model.realm import Realm
from idp.model.user import User
from idp.oidc.claims.book import ClaimBook, Released, audience_of, claim_book
from idp.oidc.claims.writers import Facts
from idp.oidc.clients.protection import signed
from idp.oidc.clients.subject import subject_of
from idp.oidc.possession.resource import confirmed_by, token_type_of
from idp.oidc.provider import Provider

ACCESS_TYPE = "at+jwt"  # RFC 9068 §2.1
ID_TYPE = "JWT"
REFRESH_TYPE = "refresh+jwt"
_MOST_REMEMBERED = 2048  # verified tokens
_REMEMBERED_LENGTH = 2048  # characters


def issue(provider: Provider, client: Client, authorization: Authorization, user: User) -> dict[str, Any]:
    """Mint the tokens an authorization is worth (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""
    realm, now = provider.realm(), provider.now()
    lifespan = client.access_token_lifespan or realm.lifespans.access_token
    if authorization.ends_at is not None:
        lifespan = min(lifespan, authorization.ends_at - now)
    book = provider.derived(claim_book)
    facts = Facts(sid=authorization.sid or "", auth_time=authorization.auth_time, amr=authorization.amr)
    released = book.released(client, authorization.scope, user, facts)
    scope = book.said(authorization.scope)
    access_token = _access_token(
        provider, realm, client, authorization, released, scope=scope, now=now, lifespan=lifespan
    )
    token_type = token_type_of(authorization.confirmation)
    answer: dict[str, Any] = {"access_token": access_token, "expires_in": lifespan, "token_type": token_type}
    family = authorization.family
    if family is not None and authorization.refresh_token_id is not None:
        answer["refresh_expires_in"] = family.expires_at - now
        subject = subject_of(provider, client, family.user_id)
        answer["refresh_token"] = _refresh_token(
            provider, family, authorization.refresh_token_id, subject=subject, now=now
        )
    if "openid" in authorization.scope and authorization.id_token:
        answer["id_token"] = _id_token(
            provider,
            realm,
            client,
            authorization,
            released,
            mapped={**released.claims("id"), **_asked(book, client, authorization, user, facts)},
            now=now,
            lifespan=lifespan,
            # Without a signature nothing binds the access token to it.
            hashed={} if client.id_token.signed == "none" else {"at_hash": access_token},
            protection=client.id_token,
        )
    # Keycloak's members: the session for `keycloak-js`, and a realm-wide revocation time we do not use.
    answer |= {"not-before-policy": 0, "scope": scope}
    if authorization.sid is not None:
        answer["session_state"] = authorization.sid
    if authorization.terms.authorization_details:  # RFC 9396 §7
        answer["authorization_details"] = authorization.terms.authorization_details
    return answer


def issue_in_front(
    provider: Provider,
    client: Client,
    authorization: Authorization,
    user: User,
    *,
    request: AuthorizationRequest,
    code: str | None,
) -> dict[str, str]:
    """Mint the tokens that travel in an authorization answer (OpenID Connect Core §3.2.2.5, §3.3.2.5).

    The ID token vouches for what comes with it: `at_hash`, `c_hash` (§3.3.2.11), `s_hash` (FAPI 1.0 Part 2 §5.1.1).
    An access token of the front channel is a bearer token: nobody has proven a key.
    """
    realm, now = provider.realm(), provider.now()
    own = realm.lifespans.access_token if code is not None else realm.lifespans.implicit_access_token
    lifespan = client.access_token_lifespan or own
    book = provider.derived(claim_book)
    facts = Facts(sid=authorization.sid or "", auth_time=authorization.auth_time, amr=authorization.amr)
    released = book.released(client, authorization.scope, user, facts)
    answer: dict[str, str] = {}
    hashed = {"c_hash": code, "s_hash": request.state}
    if "token" in request.response_type:
        scope = book.said(authorization.scope)
        access_token = _access_token(
            provider, realm, client, authorization, released, scope=scope, now=now, lifespan=lifespan
        )
        answer |= {"access_token": access_token, "token_type": "Bearer", "expires_in": str(lifespan), "scope": scope}
        hashed["at_hash"] = access_token
    if "id_token" in request.response_type:
        asked = _asked(book, client, authorization, user, facts)
        mapped = _in_front(client, released, asked, alone=request.response_type == ("id_token",))
        answer["id_token"] = _id_token(
            provider,
            realm,
            client,
            authorization,
            released,
            mapped=mapped,
            now=now,
            lifespan=lifespan,
            hashed=hashed,
            # §2: never unsigned through a browser, whatever is registered.
            protection=Protection(signed=_algorithm(realm, client.id_token_algorithm)),
        )
    return answer


def _asked(book: ClaimBook, client: Client, authorization: Authorization, user: User, facts: Facts) -> Claims:
    """Return the single claims that the request wants in the ID token (OpenID Connect Core §5.5)."""
    asked = authorization.terms.claims
    return {} if asked is None else book.asked(client, asked.id_token, user, facts)


def _in_front(client: Client, released: Released, asked: Claims, *, alone: bool) -> Mapping[str, Any]:
    """Return what an ID token of the front channel says of the user."""
    if client.detached_signature:
        return {}  # FAPI 1.0 Part 2 §5.1.1: a signature over the answer, which stays in a browser's history
    # §5.4: where no access token comes along, there is no other place to be told what the scopes release.
    elsewhere = released.claims("userinfo") if alone else {}
    return {**elsewhere, **released.claims("id"), **asked}


def read_access_token(provider: Provider, token: str) -> Claims:
    """Return the claims of an unexpired access token of this realm; raises `TokenError`. Says nothing of liveness.

    An application asks about one token again and again, and checking its signature is most of the cost: what was
    verified is remembered, for as long as configuration and keys are the same. Whether it has expired is asked anew.
    """
    verified, now = provider.derived(_verified_tokens), provider.now()
    claims = verified.get(token)
    if claims is None:
        claims = verify(token, keys=provider.keys.public, typ=ACCESS_TYPE, issuer=provider.issuer, now=now)
        if len(token) <= _REMEMBERED_LENGTH:
            if len(verified) >= _MOST_REMEMBERED:
                verified.clear()  # strangers hold no token of ours: only as many are here as were issued
            verified[token] = claims
    elif now >= claims["exp"]:
        raise TokenError("expired")
    return dict(claims)


def _verified_tokens(_provider: Provider) -> dict[str, Claims]:
    return {}


def read_refresh_token(provider: Provider, token: str) -> Claims:
    """Return the claims of an unexpired refresh token of this realm; raises `TokenError`."""
    return verify(token, keys=provider.keys.refresh, typ=REFRESH_TYPE, issuer=provider.issuer, now=provider.now())


def read_id_token_hint(provider: Provider, token: str) -> Claims:
    """Return the claims of an ID token that we issued, however old (OpenID Connect Core §3.1.2.1); or `TokenError`.

    Whoever has got it encrypted decrypts it, and may encrypt it to us again.
    """
    if looks_encrypted(token):
        try:
            token = decrypted(token, provider.keys.decryptor)[1].decode()
        except UnicodeDecodeError:
            raise TokenError("it is encrypted, and no token is inside") from None
    claims = verify(token, keys=provider.keys.public, typ=ID_TYPE, issuer=provider.issuer, now=None)
    if claims.get("typ") != "ID":  # the header's `JWT` is everybody's
        raise TokenError("no ID token")
    return claims


def new_token_id(provider: Provider, family_id: str | None = None) -> str:
    """Return a fresh `jti`; one that belongs to a family begins with the family's id."""
    own = provider.random_text(16)
    return own if family_id is None else f"{family_id}.{own}"


def family_of(token_id: str) -> str | None:
    """Return the family that a `jti` belongs to."""
    family_id, dot, _ = token_id.rpartition(".")
    return family_id if dot else None


def _access_token(
    provider: Provider,
    realm: Realm,
    client: Client,
    authorization: Authorization,
    released: Released,
    *,
    scope: str,
    now: int,
    lifespan: int,
) -> str:
    # An offline token outlives the session, so its life hangs on its family, which the `jti` names.
    family = authorization.family
    family_id = family.id if family is not None and family.offline else None
    claims: dict[str, Any] = {
        **released.claims("access"),
        "exp": now + lifespan,
        "iat": now,
        "jti": new_token_id(provider, family_id),
        "iss": provider.issuer,
        "aud": _audience(client, authorization.terms, released),
        "sub": subject_of(provider, client, authorization.user_id),
        "typ": token_type_of(authorization.confirmation),
        "azp": client.client_id,
        "client_id": client.client_id,
        "scope": scope,
    }
    if authorization.terms.authorization_details:  # RFC 9396 §9.1
        claims["authorization_details"] = authorization.terms.authorization_details
    if authorization.sid is not None:  # who has logged in, and how; a client's own token says nothing of it
        claims |= {"sid": authorization.sid, "acr": authorization.acr}
        if authorization.auth_time is not None:
            claims["auth_time"] = authorization.auth_time
    if authorization.actor is not None:
        claims["act"] = authorization.actor
    if authorization.confirmation:
        claims["cnf"] = confirmed_by(authorization.confirmation)
    key = provider.keys.signer(_algorithm(realm, client.access_token_algorithm))
    return mint(key, typ=ACCESS_TYPE, claims=claims)


def _audience(client: Client, terms: GrantTerms, released: Released) -> str | list[str]:
    """Return whom an access token is for: the resources it was asked for, and nobody else then (RFC 8707 §2)."""
    if not terms.resources:
        return audience_of(client, released.audience("access"))
    return terms.resources[0] if len(terms.resources) == 1 else list(terms.resources)


def _id_token(
    provider: Provider,
    realm: Realm,
    client: Client,
    authorization: Authorization,
    released: Released,
    *,
    mapped: Mapping[str, Any],
    now: int,
    lifespan: int,
    hashed: Mapping[str, str | None],
    protection: Protection,
) -> str:
    algorithm = _algorithm(realm, client.id_token_algorithm)
    claims: dict[str, Any] = {
        **mapped,
        "exp": now + lifespan,
        "iat": now,
        "auth_time": authorization.auth_time,
        "jti": new_token_id(provider),
        "iss": provider.issuer,
        "aud": audience_of(client, released.audience("id")),
        "sub": subject_of(provider, client, authorization.user_id),
        "typ": "ID",
        "azp": client.client_id,
        "sid": authorization.sid,
        "acr": authorization.acr,
        "amr": authorization.amr,
        **{name: half_hash(value, algorithm=algorithm) for name, value in hashed.items() if value is not None},
    }
    if authorization.nonce is not None:
        claims["nonce"] = authorization.nonce
    return signed(provider, claims, typ=ID_TYPE, protection=protection)


def _refresh_token(provider: Provider, family: RefreshFamily, token_id: str, *, subject: str, now: int) -> str:
    claims: dict[str, Any] = {
        "exp": family.expires_at,
        "iat": now,
        "jti": token_id,
        "iss": provider.issuer,
        "aud": provider.issuer,
        "sub": subject,
        "typ": "Offline" if family.offline else "Refresh",
        "azp": family.client_id,
        "sid": family.sid,
        # The whole scope, even if this access token has less (RFC 6749 §6).
        "scope": " ".join(family.scope),
    }
    return mint(provider.keys.refresh_signer, typ=REFRESH_TYPE, claims=claims)


def _algorithm(realm: Realm, registered: SigningAlgorithm | None) -> SigningAlgorithm:
    return registered or realm.default_signature_algorithm
