"""GET and POST /realms/{realm}/protocol/openid-connect/userinfo (OpenID Connect Core §5.3, RFC 6750, RFC 9449 §7)."""

from __future__ import annotations

from idp.crypto.jose import Claims, TokenError
from idp.model.client import Client
from idp.oidc import cors
from idp.oidc.claims.book import claim_book
from idp.oidc.clients.protection import encrypted_claims, protected
from idp.oidc.clients.subject import subject_of
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.parameters import form_parameters
from idp.oidc.possession.resource import PresentedToken, challenge, invalid_token, proof_of_possession
from idp.oidc.provider import Provider
from idp.oidc.token.liveness import facts_of, live_access
from idp.oidc.token.tokens import read_access_token
from idp.web.http import JWT, Reply, Request, json_reply, token_reply

_EVENT = "USER_INFO_REQUEST_ERROR"
_SCHEMES = frozenset({"bearer", "dpop"})


async def userinfo(provider: Provider, request: Request, body: bytes) -> Reply:
    """Answer the claims that the token's scopes release; raises `OAuthError`.

    A success is a debug line of the log and no stored event: an application asks at every page, says nothing new, and
    would bury what an auditor looks for.
    """
    token = _token(provider, request, body)
    claims = await _claims(provider, request, token)
    # The audience is not looked at: this endpoint serves every access token of the realm (clients.md 5).
    live = await live_access(provider, claims)
    user_id = None if live is None else live.user.id  # never the `sub`, which may be one client's name for the user
    trace = Trace(client_id=claims["client_id"], user_id=user_id, sid=claims.get("sid"))
    if live is None:
        raise _refused(provider, token, "the grant, its client or its user was stopped", trace=trace)
    scope = claims["scope"].split()
    if "openid" not in scope:
        raise _insufficient(provider, token, trace)
    provider.log.debug("userinfo", client_id=live.client.client_id, user_id=live.user.id)
    book = provider.derived(claim_book)
    in_effect = book.in_effect(live.client, claims["scope"], live.granted)
    facts = facts_of(claims)
    released = book.released(live.client, in_effect, live.user, facts)
    asked = live.terms.claims.userinfo if live.terms.claims is not None else {}  # single claims (§5.5)
    answer = {**released.claims("userinfo"), **book.asked(live.client, asked, live.user, facts)}
    answer["sub"] = subject_of(provider, live.client, live.user.id)
    return cors.shared(await _reply(provider, live.client, answer), request, live.client)


async def _reply(provider: Provider, client: Client, claims: Claims) -> Reply:
    """Answer in the form that the client has registered (§5.3.2)."""
    protection = client.userinfo
    if not protection:
        return json_reply(claims)
    # §5.3.2: whoever keeps the token can tell who made it, and for whom. It has no `exp`, so it passes for no ID token.
    said = {**claims, "iss": provider.issuer, "aud": client.client_id}
    if protection.signed is None:
        return token_reply(await encrypted_claims(provider, client, said, protection), JWT)
    return token_reply(await protected(provider, client, said, typ="JWT", protection=protection), JWT)


def _token(provider: Provider, request: Request, body: bytes) -> PresentedToken:
    """Return the token of the header or of the form, never of the address (RFC 6750 §2.3, RFC 9700 §4.3.2)."""
    header = request.header("authorization")
    form = form_parameters(request, body) if request.method == "POST" and request.has_form else {}
    if header is None:
        if "access_token" not in form:
            raise _missing(provider)
        return PresentedToken(text=form["access_token"])
    if "access_token" in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The token was sent in more than one way.")
    # The scheme is case-insensitive, and keycloak-js writes it in lower case (clients.md 2).
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() not in _SCHEMES:
        raise _missing(provider)
    return PresentedToken(text=token.strip(), dpop=scheme.lower() == "dpop")


async def _claims(provider: Provider, request: Request, token: PresentedToken) -> Claims:
    try:
        claims = read_access_token(provider, token.text)
    except TokenError as error:
        raise _refused(provider, token, str(error)) from None
    try:
        await proof_of_possession(provider, request, token, claims)
    except OAuthError as refused:
        # The token is ours: who it was stolen from should be found in the events.
        raise refused.during(_EVENT, client_id=claims["client_id"]) from refused
    return claims


def _missing(provider: Provider) -> OAuthError:
    # RFC 6750 §3.1: who sent no token is told no error.
    return OAuthError(ErrorCode.INVALID_TOKEN, "A token is required.", status=401, headers=challenge(provider))


def _refused(provider: Provider, token: PresentedToken, detail: str, *, trace: Trace | None = None) -> OAuthError:
    refused = invalid_token(provider, token, detail, trace=trace)
    return refused if trace is None else refused.during(_EVENT, client_id=trace.client_id or "")


def _insufficient(provider: Provider, token: PresentedToken, trace: Trace) -> OAuthError:
    return OAuthError(
        ErrorCode.INSUFFICIENT_SCOPE,
        "The token has no scope openid.",
        status=403,
        headers=challenge(provider, token, error="insufficient_scope", scope="openid"),
        event=_EVENT,
        trace=trace,
    )
