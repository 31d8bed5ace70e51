"""Token exchange (RFC 8693) as Keycloak's standard token exchange means it: an API trades what it was called with.

The new token is about the same person in the same session and dies with it. It is for less or for somebody else, never
for more: its scope is within the old one's and the client's own, its end is no later, and a token that is bound to a
key is traded only for one that is bound, too. What the client trades must have been meant for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from idp.crypto.jose import Claims, TokenError
from idp.flows.actions.consent import covers
from idp.flows.strength.levels import is_strong_enough
from idp.model.client import Client
from idp.model.oauth import NO_TERMS, Authorization, GrantTerms
from idp.model.session import UserSession
from idp.model.user import User
from idp.oidc.claims.book import claim_book
from idp.oidc.claims.writers import Facts
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.possession.resource import confirmation_of
from idp.oidc.provider import Provider
from idp.oidc.sessions.user_sessions import join_session, live_session
from idp.oidc.terms.details import narrowed_details, read_details
from idp.oidc.terms.resources import known_resources
from idp.oidc.token.liveness import LiveToken, live_access
from idp.oidc.token.tokens import read_access_token

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name, not a secret
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a secret
_DEEPEST = 4  # actors in a chain


async def authorize_exchange(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Exchange the subject token of the form; raises `OAuthError`."""
    if client.public or not client.token_exchange:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    subject = _presented(provider, asked, "subject_token")
    actor = _actor(provider, client, asked)
    _check_types(asked)
    live = await _live(provider, subject, "subject_token")
    if actor is not None:
        await _live(provider, actor, "actor_token")
    session = await _session(provider, subject)
    _check_meant_for(client, subject)
    _check_binding(client, subject, asked)
    if not is_strong_enough(provider.realm(), client, subject["acr"]):
        raise _unacceptable("The login is too weak for the client.", "below the client's minimum acr")
    scope = _scope(provider, client, subject, live, asked.form.get("scope"))
    if not covers(provider.realm(), client, live.user, scope):  # a yes to the subject's client is none to this one
        raise _unacceptable("The user has not consented to the client.", "no consent, or to less")
    authorization = Authorization(
        client_id=client.client_id,
        user_id=live.user.id,
        sid=session.sid,
        transaction_id=session.transaction_id,
        scope=scope,
        auth_time=subject.get("auth_time"),
        acr=subject["acr"],
        amr=(),
        terms=_terms(provider, client, live.user, subject, scope, asked),
        confirmation=asked.confirmation,
        id_token=False,
        ends_at=subject["exp"],
        actor=_chain(subject, actor),
    )
    return Granted(
        authorization=authorization,
        user=live.user,
        keep=_joining(provider, session, client, scope),
        members={"issued_token_type": ACCESS_TOKEN},  # §2.2.1
    )


def _presented(provider: Provider, asked: TokenRequest, name: str) -> Claims:
    """Read a token of the form. Its type is told by its own header: a logout, ID or refresh token is none of these."""
    if name not in asked.form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, f"Missing parameter: {name}.")
    if asked.form.get(f"{name}_type") != ACCESS_TOKEN:
        raise OAuthError(ErrorCode.INVALID_REQUEST, f"The {name}_type is not supported.")
    try:
        return read_access_token(provider, asked.form[name])
    except TokenError as error:
        # §2.2.2: "If the subject_token or actor_token are invalid for any reason … invalid_request".
        raise _unacceptable(f"The {name} is not valid.", str(error)) from None


def _actor(provider: Provider, client: Client, asked: TokenRequest) -> Claims | None:
    """Read the token of who acts for the subject: the client's own, or anybody's name could be put into a chain."""
    if "actor_token" not in asked.form:
        if "actor_token_type" in asked.form:  # §2.1: "MUST NOT be included when the actor_token parameter is not"
            raise OAuthError(ErrorCode.INVALID_REQUEST, "There is an actor_token_type without an actor_token.")
        return None
    actor = _presented(provider, asked, "actor_token")
    if actor["client_id"] != client.client_id:
        raise _unacceptable("The actor_token is not valid.", "the token of another client")
    return actor


def _check_types(asked: TokenRequest) -> None:
    if asked.form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The requested_token_type is not supported.")


async def _live(provider: Provider, claims: Claims, name: str) -> LiveToken:
    live = await live_access(provider, claims)
    if live is None:
        raise _unacceptable(f"The {name} is not valid.", "the grant, its client or its user was stopped")
    return live


async def _session(provider: Provider, subject: Claims) -> UserSession:
    """Return the session that the new token will live in: a client's own token and offline access have none."""
    session = None
    if "sid" in subject:
        session = await live_session(provider, subject["sid"], subject["client_id"], issued_at=subject["iat"])
    if session is None:
        raise _unacceptable("The subject_token is not valid.", "it has no session")
    return session


def _check_meant_for(client: Client, subject: Claims) -> None:
    """A token that the client merely came by is not its to trade (the confused deputy of RFC 8693 §5)."""
    audience = subject["aud"] if isinstance(subject["aud"], list) else [subject["aud"]]
    if subject["client_id"] != client.client_id and not {client.client_id, *client.resources} & set(audience):
        raise _unacceptable("The subject_token is not meant for the client.", "not in its audience")


def _check_binding(client: Client, subject: Claims, asked: TokenRequest) -> None:
    """Never turn a bound token into a bearer token; and whose own token it is proves that very key again."""
    bound = confirmation_of(subject)
    own = subject["client_id"] == client.client_id
    if bound and (not asked.confirmation or (own and asked.confirmation != bound)):
        raise _unacceptable("The request does not prove a key.", "a bound token would become less bound")


def _scope(provider: Provider, client: Client, subject: Claims, live: LiveToken, asked: str | None) -> tuple[str, ...]:
    book = provider.derived(claim_book)
    most = tuple(name for name in book.in_effect(live.client, subject["scope"], live.granted) if name in client.scopes)
    wanted = most if asked is None else tuple(dict.fromkeys(asked.split()))
    if not set(wanted) <= set(most):
        raise OAuthError(ErrorCode.INVALID_SCOPE, "The scope is more than the subject_token has, or the client may.")
    return book.roles.permitted(live.user, wanted)


def _terms(
    provider: Provider, client: Client, user: User, subject: Claims, scope: tuple[str, ...], asked: TokenRequest
) -> GrantTerms:
    """Return for whom the token is, and what of the authorization details it carries (only if they are asked for)."""
    targets = tuple(dict.fromkeys((*asked.audiences, *known_resources(provider.realm(), asked.resources))))
    if not set(targets) <= (_available(provider, client, user, scope) if targets else set()):
        raise OAuthError(ErrorCode.INVALID_TARGET, "The target is not available to the client.")
    asked_details, details = asked.form.get("authorization_details"), tuple(subject.get("authorization_details", ()))
    # Of a type that is this client's own (RFC 9396 §5), and not only of the subject's.
    kept = narrowed_details(asked_details, details) if read_details(provider, client, asked_details) else ()
    if not targets and not kept:
        return NO_TERMS
    return GrantTerms(resources=targets, authorization_details=kept)


def _available(provider: Provider, client: Client, user: User, scope: tuple[str, ...]) -> set[str]:
    """Return whom the client's tokens may be for: the audiences that the realm gives them, by all of their names.

    The administrator says so by audience mappers and roles (Keycloak's rule): no client picks an API by itself.
    """
    facts = Facts(sid="", auth_time=None, amr=())
    audience = provider.derived(claim_book).released(client, scope, user, facts).audience("access")
    servers = {name: provider.client(name) for name in (client.client_id, *audience)}
    return {*servers, *(name for server in servers.values() if server is not None for name in server.resources)}


def _chain(subject: Claims, actor: Claims | None) -> dict[str, Any] | None:
    """Return the `act` claim (§4.1): who acts now, and inside who acted before; never one actor less."""
    before: dict[str, Any] | None = subject.get("act")
    if actor is None:
        return before
    chain = {"sub": actor["sub"], "client_id": actor["client_id"]}
    deep, level = before, 1
    while deep is not None:
        deep, level = deep.get("act"), level + 1
    if level > _DEEPEST:
        raise _unacceptable("The chain of actors is too long.", "act nested too deeply")
    return {**chain, "act": before} if before is not None else chain


def _joining(
    provider: Provider, session: UserSession, client: Client, scope: tuple[str, ...]
) -> Callable[[], Awaitable[None]]:
    """Give the client its share of the session, so that it hears of its end; a share of its own login stays."""
    return partial(_join, provider, session, client, scope, at=provider.now())


async def _join(provider: Provider, session: UserSession, client: Client, scope: tuple[str, ...], *, at: int) -> None:
    if client.client_id not in session.clients:
        await join_session(provider, session, client, scope, NO_TERMS, at=at)


def _unacceptable(description: str, detail: str) -> OAuthError:
    return OAuthError(ErrorCode.INVALID_REQUEST, description, detail=detail)
