"""The pages on their addresses, and one place where a failure becomes a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from starlette.requests import Request as FrameworkRequest
from starlette.responses import Response
from starlette.routing import Route

from idp.login.action_links import follow_link
from idp.login.answers import html
from idp.login.approvals import decide_request, decided, verify_device
from idp.login.authorization import authorize
from idp.login.broker import come_back, visit_upstream
from idp.login.desk import Desk, Visit
from idp.login.errors import error_page
from idp.login.login_actions import BESIDE_A_LOGIN, authenticate, beginning, with_language
from idp.login.logout import end_session
from idp.login.reset_credentials import forgot_credentials, reset_credentials
from idp.model.struct import Frozen
from idp.oidc.authorization.target import UnsafeRequestError
from idp.ports import OverloadedError, RandomBytes, StoreUnavailableError
from idp.web.http import (
    Application,
    BodyTooLargeError,
    ClientGoneError,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    read_body,
)
from idp.web.pages import Pages, RealmView

_BROWSER_BYTES = 32
_LARGEST_BODY = 256 * 1024  # bytes
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'"
Serve = Callable[[Visit], Awaitable[Reply]]
_GET, _BOTH = frozenset({"GET", "HEAD"}), frozenset({"GET", "HEAD", "POST"})


class _Place(Frozen, frozen=True):
    """What is served at an address, and the methods that it takes."""

    serve: Serve
    methods: frozenset[str]


_PLACES: Mapping[str, _Place] = {
    "protocol/openid-connect/auth": _Place(authorize, _BOTH),
    "protocol/openid-connect/logout": _Place(end_session, _BOTH),
    "login-actions/authenticate": _Place(authenticate, _BOTH),
    **{kind.binding.address: _Place(beginning(kind), _GET) for kind in BESIDE_A_LOGIN},
    "login-actions/reset-credentials": _Place(reset_credentials, _GET),
    "login-actions/action-token": _Place(follow_link, _BOTH),
    "protocol/openid-connect/forgot-credentials": _Place(forgot_credentials, _GET),
    "device": _Place(verify_device, _BOTH),
    "device/status": _Place(decided, _GET),
    "ciba": _Place(decide_request, _BOTH),
    "ciba/status": _Place(decided, _GET),
}
_OF_A_PROVIDER: Mapping[str, _Place] = {"login": _Place(visit_upstream, _GET), "endpoint": _Place(come_back, _GET)}
"""Below `broker/{alias}/`."""


def page_addresses() -> Sequence[str]:
    """Return every address, with `{realm}` and `{alias}` in the places of names."""
    places = (*_PLACES, *(f"broker/{{alias}}/{last}" for last in _OF_A_PROVIDER))
    return [f"/realms/{{realm}}/{place}" for place in places]


def login_pages(
    *, desks: Mapping[str, Desk], pages: Pages, random: RandomBytes
) -> Callable[[Scope], Application | None]:
    """Return a function that finds the page for a request by its whole path, or None if there is none."""

    def find(scope: Scope) -> Application | None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith("/realms/"):
            return None
        realm, _, rest = path[8:].partition("/")
        place, alias = _PLACES.get(rest), ""
        if place is None and rest.startswith("broker/"):
            alias, _, last = rest[7:].partition("/")
            place = _OF_A_PROVIDER.get(last) if alias else None
        if place is None or not realm:
            return None
        if scope["method"] not in place.methods:
            allowed = ", ".join(sorted(place.methods)).encode()
            return _at_once(plain_error(pages, "page_not_found", status=405).with_headers((b"allow", allowed)))
        desk = desks.get(realm)
        if desk is None or not desk.realm.enabled:
            return _at_once(plain_error(pages, "realm_not_found", status=404))
        return partial(_serve, desk, place.serve, random, alias)

    return find


async def _serve(
    desk: Desk, serve: Serve, random: RandomBytes, alias: str, scope: Scope, receive: Receive, send: Send
) -> None:
    request, fresh = Request(scope), random(_BROWSER_BYTES).hex()
    try:
        body = await read_body(receive, _LARGEST_BODY) if request.method == "POST" else b""
        visit = Visit(desk, request, body=body, alias=alias, fresh_browser=fresh)
        reply = await _guarded(visit, serve)
    except BodyTooLargeError:
        reply = await error_page(Visit(desk, request, fresh_browser=fresh), "invalid_request", status=413)
    except ClientGoneError:
        return  # nobody is left to be answered
    else:
        reply = with_language(visit, reply)
    await _send(send, reply, head=request.method == "HEAD")


def _at_once(reply: Reply) -> Application:
    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        await _send(send, reply, head=scope["method"] == "HEAD")

    return application


async def _send(send: Send, reply: Reply, *, head: bool) -> None:
    """Send a page. Of the headers that every answer has (`SecurityHeaders`) it may set some for itself."""
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


async def _guarded(visit: Visit, serve: Serve) -> Reply:
    """Turn every way to fail into a page: nobody is let in by an exception, and nobody reads a traceback."""
    try:
        # Counted before checked, taken before looked at, each in its turn; on the disk when the block ends.
        async with visit.desk.provider.stores.together():
            return await serve(visit)
    except UnsafeRequestError as unsafe:
        return await error_page(visit, unsafe.key, detail=unsafe.detail)
    except OverloadedError:
        return (await error_page(visit, "overloaded", status=503)).with_headers((b"retry-after", b"2"))
    except StoreUnavailableError as error:
        visit.desk.provider.log.warning("store unavailable", reason=str(error))
        return (await error_page(visit, "service_unavailable", status=503)).with_headers((b"retry-after", b"30"))
    except Exception:
        reference = visit.desk.provider.random_text(9)
        visit.desk.provider.log.exception("failed", reference=reference, path=visit.path)
        return await error_page(visit, "unexpected_error", status=500, reference=reference)


def plain_error(pages: Pages, key: str, *, status: int) -> Reply:
    """Return the page of an error that belongs to no realm."""
    body = pages.render(
        "error.html",
        locale="sq",
        realm=RealmView(title="Hyrja"),
        message={"key": key, "params": {}, "kind": "error"},
    )
    return html(body, policy=_POLICY, status=status)


def static_routes(pages: Pages) -> list[Route]:
    """Return the routes of the pages' static files."""
    return [_file(path, body, kind) for path, (body, kind) in pages.static_files().items()]


def _file(path: str, body: bytes, kind: str) -> Route:
    async def endpoint(_: FrameworkRequest) -> Response:
        return Response(body, media_type=kind, headers={"cache-control": _FOREVER})

    return Route(path, endpoint)
