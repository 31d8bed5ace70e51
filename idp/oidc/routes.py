"""The hot endpoints on their addresses: one dictionary look-up, and one place where a refusal becomes an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from idp.model.struct import Frozen
from idp.oidc import cors
from idp.oidc.decoupled.backchannel import backchannel_authentication
from idp.oidc.decoupled.device import device_authorization
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.metadata.discovery import configuration, discovery
from idp.oidc.metadata.jwks import jwks, key_set
from idp.oidc.provider import Provider
from idp.oidc.registration.endpoint import register
from idp.oidc.registration.management import delete_client, read_client, update_client
from idp.oidc.requests.pushed import push
from idp.oidc.sessions.session_pages import PAGES, check_session, login_status
from idp.oidc.token.endpoint import token
from idp.oidc.token.introspection import introspect
from idp.oidc.token.revocation import revoke
from idp.oidc.token.userinfo import userinfo
from idp.ports import OverloadedError, StoreUnavailableError
from idp.web.documents import Documents
from idp.web.http import (
    Application,
    BodyTooLargeError,
    ClientGoneError,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    json_reply,
    read_body,
    send_reply,
)

_LARGEST_BODY = 64 * 1024  # bytes
_RETRY_AFTER = (b"retry-after", b"5")  # seconds

Answer = Callable[[Provider, Request, bytes], Awaitable[Reply]]


class _Endpoint(Frozen, frozen=True, kw_only=True):
    methods: dict[str, Answer]
    cross_origin: bool = False

    @property
    def allowed(self) -> bytes:
        """The `Allow` header (RFC 9110 §10.2.1)."""
        names = set(self.methods) | ({"HEAD"} if "GET" in self.methods else set()) | {"OPTIONS"}
        return ", ".join(sorted(names)).encode()


class _Route(Frozen, frozen=True, kw_only=True):
    provider: Provider
    endpoint: _Endpoint


async def _static(reply: Reply, _provider: Provider, _request: Request, _body: bytes) -> Reply:
    return reply


_DISCOVERY = _Endpoint(methods={"GET": discovery})
_PROTOCOL = "protocol/openid-connect"
_UNDER_REALM: dict[str, _Endpoint] = {
    f"{_PROTOCOL}/token": _Endpoint(methods={"POST": token}, cross_origin=True),
    f"{_PROTOCOL}/userinfo": _Endpoint(methods={"GET": userinfo, "POST": userinfo}, cross_origin=True),
    f"{_PROTOCOL}/certs": _Endpoint(methods={"GET": jwks}),
    f"{_PROTOCOL}/ext/ciba/auth": _Endpoint(methods={"POST": backchannel_authentication}),
    f"{_PROTOCOL}/auth/device": _Endpoint(methods={"POST": device_authorization}, cross_origin=True),
    f"{_PROTOCOL}/revoke": _Endpoint(methods={"POST": revoke}, cross_origin=True),
    f"{_PROTOCOL}/ext/par/request": _Endpoint(methods={"POST": push}, cross_origin=True),
    f"{_PROTOCOL}/token/introspect": _Endpoint(methods={"POST": introspect}),
    f"{_PROTOCOL}/login-status-iframe.html": _Endpoint(methods={"GET": check_session}),
    f"{_PROTOCOL}/login-status-iframe.html/init": _Endpoint(methods={"GET": login_status}),
    **{f"{_PROTOCOL}/{name}": _Endpoint(methods={"GET": partial(_static, reply)}) for name, reply in PAGES.items()},
}
_REGISTRATION = "/realms/{realm}/clients-registrations/openid-connect"
# Where the last part of the path names what is asked for: the only ones that are not compared whole.
_BELOW: dict[str, _Endpoint] = {
    _REGISTRATION: _Endpoint(methods={"GET": read_client, "PUT": update_client, "DELETE": delete_client}),
}
# OpenID Connect Discovery §4, RFC 8414 §3.1, and the places where Keycloak has both.
_DISCOVERY_ADDRESSES = (
    "/realms/{realm}/.well-known/openid-configuration",
    "/realms/{realm}/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration/realms/{realm}",
    "/.well-known/oauth-authorization-server/realms/{realm}",
)


def hot_addresses() -> Sequence[str]:
    """Return every address that is served here, with `{…}` where something varies."""
    return [*_addresses(), *(f"{address}/{{client}}" for address in _BELOW)]


def _addresses() -> dict[str, _Endpoint]:
    """Return every address, with `{realm}` in the place of the name."""
    under_realm = {f"/realms/{{realm}}/{path}": endpoint for path, endpoint in _UNDER_REALM.items()}
    registration = {_REGISTRATION: _Endpoint(methods={"POST": register})}
    return under_realm | registration | dict.fromkeys(_DISCOVERY_ADDRESSES, _DISCOVERY)


def hot_endpoints(providers: Mapping[str, Provider]) -> Callable[[Scope], Application | None]:
    """Return a function that finds the application for a request, or None if the request is not for these endpoints.

    The table is made once; addresses are compared whole, so no odd spelling of a path reaches an endpoint
    (CVE-2026-0976).
    """
    addresses = _addresses()
    routes, below = _served(addresses, providers), _served(_BELOW, providers)

    def find(scope: Scope) -> Application | None:
        if scope["type"] != "http":
            return None
        path: str = scope["path"]
        found = routes.get(path) or below.get(path.rpartition("/")[0])
        if found is not None:
            return found
        return _unknown_realm if _is_for_another_realm(scope["path"], addresses) else None

    return find


def public_documents(providers: Mapping[str, Provider]) -> Documents:
    """Return the documents that are the same for everybody, by path; none where the realm is not enabled."""

    def of(provider: Provider, document: Callable[[Provider], Reply]) -> Callable[[], Reply | None]:
        return lambda: document(provider) if provider.realm().enabled else None

    addresses = {f"/realms/{{realm}}/{_PROTOCOL}/certs": key_set} | dict.fromkeys(_DISCOVERY_ADDRESSES, configuration)
    return {
        address.format(realm=name): of(provider, document)
        for name, provider in providers.items()
        for address, document in addresses.items()
    }


def _served(addresses: Mapping[str, _Endpoint], providers: Mapping[str, Provider]) -> dict[str, Application]:
    return {
        address.format(realm=name): partial(_serve, _Route(provider=provider, endpoint=endpoint))
        for name, provider in providers.items()
        for address, endpoint in addresses.items()
    }


def _is_for_another_realm(path: str, addresses: Mapping[str, _Endpoint]) -> bool:
    before, found, rest = path.partition("/realms/")
    name, slash, suffix = rest.partition("/")
    return bool(found and name) and f"{before}/realms/{{realm}}{slash}{suffix}" in addresses


async def _unknown_realm(scope: Scope, _receive: Receive, send: Send) -> None:
    await send_reply(send, json_reply({"error": "Realm does not exist"}, 404), head=scope["method"] == "HEAD")


async def _serve(route: _Route, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    try:
        reply = await _answer(route, request, receive)
    except ClientGoneError:
        return
    await send_reply(send, reply, head=request.method == "HEAD")


async def _answer(route: _Route, request: Request, receive: Receive) -> Reply:
    provider, endpoint = route.provider, route.endpoint
    if not provider.realm().enabled:
        return json_reply({"error": "Realm not enabled"}, 403)
    if request.method == "OPTIONS":
        reply = cors.preflight(provider, request) if endpoint.cross_origin else Reply(204)
        return reply.with_headers((b"allow", endpoint.allowed))
    answer = endpoint.methods.get("GET" if request.method == "HEAD" else request.method)
    if answer is None:
        refusal = OAuthError(ErrorCode.INVALID_REQUEST, "Method not allowed.", status=405)
        return _refusal(refusal).with_headers((b"allow", endpoint.allowed))
    reply = await _guarded(provider, request, receive, answer)
    if reply.status >= 400 and endpoint.cross_origin:  # noqa: PLR2004 - where the client errors of HTTP begin
        return cors.shared_refusal(reply, request, provider)
    return reply


async def _guarded(provider: Provider, request: Request, receive: Receive, answer: Answer) -> Reply:
    """Turn every way to fail into an answer. A reference links what the client is told to what the log knows."""
    try:
        body = b"" if request.method in {"GET", "HEAD"} else await read_body(receive, _LARGEST_BODY)
        try:
            return await answer(provider, request, body)
        except OAuthError as refused:
            reference = provider.random_text(9)
            await _record(provider, request, refused, reference)
            return _refusal(refused).with_headers((b"x-reference", reference.encode()))
    except BodyTooLargeError:
        return _refusal(OAuthError(ErrorCode.INVALID_REQUEST, "The request is too large.", status=413))
    except (StoreUnavailableError, OverloadedError) as error:
        reference = provider.random_text(9)
        provider.log.warning("unavailable", path=request.path, reference=reference, reason=type(error).__name__)
        unavailable = OAuthError(
            ErrorCode.TEMPORARILY_UNAVAILABLE, f"Try again later. Reference: {reference}", status=503
        )
        return _refusal(unavailable).with_headers(_RETRY_AFTER)
    except ClientGoneError:
        raise
    except Exception:
        reference = provider.random_text(9)
        provider.log.exception("failed", path=request.path, reference=reference)
        return _refusal(OAuthError(ErrorCode.SERVER_ERROR, f"Unexpected error. Reference: {reference}", status=500))


def _refusal(refused: OAuthError) -> Reply:
    """RFC 6749 §5.2."""
    content = {"error": refused.code.value, "error_description": refused.description}
    return json_reply(content, refused.status).with_headers(*refused.headers)


async def _record(provider: Provider, request: Request, refused: OAuthError, reference: str) -> None:
    """Log the refusal; store it as an event only if a client is proven or known to exist.

    Whoever has proven nothing must not be able to fill the store by asking.
    """
    trace = refused.trace
    if refused.event is None or trace.client_id is None:
        provider.log.info(
            "refused",
            path=request.path,
            error=refused.code.value,
            detail=refused.detail or refused.description,
            address=request.remote_address,
            reference=reference,
        )
        return
    await provider.record(
        refused.event,
        transaction_id=trace.transaction_id or reference,
        user_id=trace.user_id,
        client_id=trace.client_id,
        sid=trace.sid,
        address=request.remote_address,
        error=refused.code.value,
        detail={"reason": refused.detail or refused.description, "reference": reference},
    )
