"""GET and POST /realms/{realm}/protocol/openid-connect/userinfo (OpenID Connect Core §5.3, RFC 6750)."""

from __future__ import annotations

from idp.crypto.jose import Claims, TokenError
from idp.oidc import cors
from idp.oidc.claims.book import claim_book
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.parameters import form_parameters
from idp.oidc.provider import Provider
from idp.oidc.token.liveness import facts_of, live_access
from idp.oidc.token.tokens import read_access_token
from idp.web.http import Reply, Request, json_reply

_EVENT = "USER_INFO_REQUEST_ERROR"


async def userinfo(provider: Provider, request: Request, body: bytes) -> Reply:
    """Answer the claims that the token's scopes release; raises `OAuthError`.

    A success is a debug line of the log and no stored event: an application asks at every page, says nothing new, and
    would bury what an auditor looks for.
    """
    claims = _claims(provider, _token(provider, request, body))
    # The audience is not looked at: this endpoint serves every access token of the realm (clients.md 5).
    live = await live_access(provider, claims)
    trace = Trace(client_id=claims["client_id"], user_id=claims["sub"], sid=claims.get("sid"))
    if live is None:
        raise _invalid(provider, "the grant, its client or its user was stopped", trace=trace)
    scope = claims["scope"].split()
    if "openid" not in scope:
        raise _insufficient(provider, trace)
    provider.log.debug("userinfo", client_id=live.client.client_id, user_id=live.user.id)
    book = provider.derived(claim_book)
    in_effect = book.in_effect(live.client, claims["scope"], live.granted)
    released = book.released(live.client, in_effect, live.user, facts_of(claims))
    return cors.shared(json_reply({**released.claims("userinfo"), "sub": live.user.id}), request, live.client)


def _token(provider: Provider, request: Request, body: bytes) -> str:
    """Return the token of the header or of the form, never of the address (RFC 6750 §2.3, RFC 9700 §4.3.2)."""
    header = request.header("authorization")
    form = form_parameters(request, body) if request.method == "POST" and request.has_form else {}
    if header is None:
        if "access_token" not in form:
            # RFC 6750 §3.1: who sent no token is told no error.
            raise OAuthError(
                ErrorCode.INVALID_TOKEN, "A token is required.", status=401, headers=(_challenge(provider),)
            )
        return form["access_token"]
    if "access_token" in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The token was sent in more than one way.")
    # The scheme is case-insensitive, and keycloak-js writes it in lower case (clients.md 2).
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise OAuthError(ErrorCode.INVALID_TOKEN, "A token is required.", status=401, headers=(_challenge(provider),))
    return token.strip()


def _claims(provider: Provider, token: str) -> Claims:
    try:
        return read_access_token(provider, token)
    except TokenError as error:
        raise _invalid(provider, str(error)) from None


def _invalid(provider: Provider, detail: str, *, trace: Trace | None = None) -> OAuthError:
    description = "The token is invalid, expired or revoked."
    challenge = _challenge(provider, error="invalid_token", error_description=description)
    return OAuthError(
        ErrorCode.INVALID_TOKEN, description, detail=detail, status=401, headers=(challenge,), event=_EVENT, trace=trace
    )


def _insufficient(provider: Provider, trace: Trace) -> OAuthError:
    challenge = _challenge(provider, error="insufficient_scope", scope="openid")
    return OAuthError(
        ErrorCode.INSUFFICIENT_SCOPE,
        "The token has no scope openid.",
        status=403,
        headers=(challenge,),
        event=_EVENT,
        trace=trace,
    )


def _challenge(provider: Provider, **members: str) -> tuple[bytes, bytes]:
    """RFC 6750 §3; every value here is ours, so none needs escaping."""
    parts = [f'{name}="{value}"' for name, value in {"realm": provider.name, **members}.items()]
    return b"www-authenticate", f"Bearer {', '.join(parts)}".encode()
