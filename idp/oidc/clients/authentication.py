"""Client authentication on the back channel (RFC 6749 §2.3): secret, assertion, certificate, none if public.

A client authenticates by its registered method only: a secret that is kept for another method opens nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from idp.crypto.client_certificates import CertificateRefusedError
from idp.model.client import Client
from idp.model.clients.assertion import SecretMethod
from idp.model.secret import Secret
from idp.model.struct import Frozen
from idp.oidc.clients.assertion import asserted_client
from idp.oidc.clients.certificate import check_certificate
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.provider import Provider
from idp.web.http import Header, Request

_NOBODYS_SECRET = Secret("the secret of a client that does not exist")
_BAD_CREDENTIALS = "Invalid client or invalid client credentials."


class _Presented(Frozen, frozen=True, kw_only=True):
    """What the request says about its client; `secret` is None where it gives none."""

    client_id: str
    secret: Secret | None
    basic: bool


async def authenticate_client(provider: Provider, request: Request, form: Mapping[str, str]) -> Client:
    """Return the client that sent the request; raises `OAuthError` (`invalid_client`, `invalid_request`).

    What the realm's flow for clients does not accept is refused whatever was proven: a version of the realm that
    ends a method ends it for every client at once, also for those that registered themselves.
    """
    client = await _authenticated(provider, request, form)
    if provider.realm().accepts(client):
        return client
    raise OAuthError(
        ErrorCode.INVALID_CLIENT,
        _BAD_CREDENTIALS,
        detail="the realm's flow for clients does not accept the method",
        headers=() if request.header("authorization") is None else _challenge(provider),
        event="CLIENT_LOGIN_ERROR",
        trace=Trace(client_id=client.client_id),
    )


async def _authenticated(provider: Provider, request: Request, form: Mapping[str, str]) -> Client:
    if "client_assertion" in form or "client_assertion_type" in form:
        # RFC 6749 §2.3: not more than one method in a request.
        if "client_secret" in form or request.header("authorization") is not None:
            raise OAuthError(ErrorCode.INVALID_REQUEST, "More than one client authentication method was used.")
        return await asserted_client(provider, form)
    presented = _presented(request, form)
    named = presented.client_id
    client = provider.client(named) or await provider.just_registered(named)
    if client is not None and client.authentication == "client-x509" and not client.public:
        return await _certified(provider, request, client, presented)
    if client is None or not _proves(client, presented):
        if client is None and presented.secret is not None:
            # Compare even when there is no such client, so both answers take the same time.
            _NOBODYS_SECRET.matches(presented.secret.reveal())
        raise _refused(provider, presented, known=client is not None)
    return client


async def _certified(provider: Provider, request: Request, client: Client, presented: _Presented) -> Client:
    """Return the client if the certificate is its own; `client_id` says whose it claims to be (RFC 8705 §2)."""
    if presented.secret is not None or presented.basic:
        raise _refused(provider, presented, known=True)
    try:
        await check_certificate(provider, request, client)
    except CertificateRefusedError as error:
        raise _refused(provider, presented, known=True, detail=f"client certificate: {error}") from None
    return client


def _proves(client: Client, presented: _Presented) -> bool:
    if client.public:
        # A public client with a secret is a confusion of two clients, or a guess.
        return presented.secret is None
    if client.authentication != "client-secret" or client.secret is None or presented.secret is None:
        return False
    sent_by: SecretMethod = "client_secret_basic" if presented.basic else "client_secret_post"
    if client.secret_method not in {None, sent_by}:
        return False
    return client.secret.matches(presented.secret.reveal())


def _presented(request: Request, form: Mapping[str, str]) -> _Presented:
    header = request.header("authorization")
    if header is None:
        if "client_id" not in form:
            raise OAuthError(ErrorCode.INVALID_CLIENT, _BAD_CREDENTIALS, detail="no client authentication at all")
        secret = form.get("client_secret")
        return _Presented(client_id=form["client_id"], secret=None if secret is None else Secret(secret), basic=False)
    client_id, secret = _basic(header)
    # RFC 6749 §2.3: not more than one method in a request. The bare `client_id` is not one, if it is the same.
    if "client_secret" in form or form.get("client_id", client_id) != client_id:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "More than one client authentication method was used.")
    # An empty secret is an omitted one (§2.3.1); some libraries send it for public clients.
    return _Presented(client_id=client_id, secret=Secret(secret) if secret else None, basic=True)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, credentials = header.strip().partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("another scheme")  # noqa: TRY301 - every way to be unreadable gets the one answer below
        text = base64.b64decode(credentials.strip(), validate=True).decode()
        client_id, colon, secret = text.partition(":")
        if not colon or not client_id:
            raise ValueError("no colon or no client")  # noqa: TRY301 - as above
        # Id and secret are form-encoded before they are joined (§2.3.1), or a colon could not be told from the colon.
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise OAuthError(ErrorCode.INVALID_CLIENT, _BAD_CREDENTIALS, detail="unreadable Authorization header") from None


def _challenge(provider: Provider) -> tuple[Header, ...]:
    """RFC 6749 §5.2: a client that used the header is answered with its scheme."""
    return ((b"www-authenticate", f'Basic realm="{provider.name}", charset="UTF-8"'.encode()),)


def _refused(provider: Provider, presented: _Presented, *, known: bool, detail: str = "") -> OAuthError:
    return OAuthError(
        ErrorCode.INVALID_CLIENT,
        _BAD_CREDENTIALS,
        detail=detail or ("client did not prove itself" if known else "no such enabled client"),
        headers=_challenge(provider) if presented.basic else (),
        event="CLIENT_LOGIN_ERROR",
        # Only of a client that exists: whoever invents names must not be able to fill the store (see `routes`).
        trace=Trace(client_id=presented.client_id if known else None),
    )
