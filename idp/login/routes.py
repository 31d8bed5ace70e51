"""The pages on their addresses, and one place where a failure becomes a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from idp.login.action_links import follow_link
from idp.login.approvals import decide_request, decided, verify_device
from idp.login.authorization import authorize
from idp.login.broker import come_back, visit_upstream
from idp.login.desk import Desk, Visit
from idp.login.errors import error_page
from idp.login.login_actions import BESIDE_A_LOGIN, authenticate, beginning, language_chosen
from idp.login.logout import end_session
from idp.login.reset_credentials import forgot_credentials, reset_credentials
from idp.oidc.authorization.target import UnsafeRequestError
from idp.ports import OverloadedError, RandomBytes, StoreUnavailableError
from idp.web.pages import Pages, RealmView

_BROWSER_BYTES = 32
_NOBODY_THERE = 400  # read by nobody: the connection broke off before the request was complete
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'"
Serve = Callable[[Visit], Awaitable[Response]]


def routes(*, desks: Mapping[str, Desk], pages: Pages, random: RandomBytes) -> list[Route]:
    """Return the routes of every realm's pages and of the static files."""
    places: list[tuple[str, Serve, list[str]]] = [
        ("protocol/openid-connect/auth", authorize, ["GET", "POST"]),
        ("protocol/openid-connect/logout", end_session, ["GET", "POST"]),
        ("login-actions/authenticate", authenticate, ["GET", "POST"]),
        *((kind.binding.address, beginning(kind), ["GET"]) for kind in BESIDE_A_LOGIN),
        ("login-actions/reset-credentials", reset_credentials, ["GET"]),
        ("login-actions/action-token", follow_link, ["GET", "POST"]),
        ("protocol/openid-connect/forgot-credentials", forgot_credentials, ["GET"]),
        ("broker/{alias}/login", visit_upstream, ["GET"]),
        ("broker/{alias}/endpoint", come_back, ["GET"]),
        ("device", verify_device, ["GET", "POST"]),
        ("device/status", decided, ["GET"]),
        ("ciba", decide_request, ["GET", "POST"]),
        ("ciba/status", decided, ["GET"]),
    ]
    served = [
        Route(f"/realms/{{realm}}/{path}", _at_desk(desks, pages, random, serve), methods=methods)
        for path, serve, methods in places
    ]
    return [*served, *_static(pages)]


def _at_desk(
    desks: Mapping[str, Desk], pages: Pages, random: RandomBytes, serve: Serve
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        desk = desks.get(request.path_params["realm"])
        if desk is None or not desk.realm.enabled:
            return plain_error(pages, "realm_not_found", status=404)
        visit = Visit(desk, request, fresh_browser=random(_BROWSER_BYTES).hex())
        return await language_chosen(visit, await _guarded(visit, serve))

    return endpoint


async def _guarded(visit: Visit, serve: Serve) -> Response:
    """Turn every way to fail into a page: nobody is let in by an exception, and nobody reads a traceback."""
    try:
        return await serve(visit)
    except UnsafeRequestError as unsafe:
        return await error_page(visit, unsafe.key, detail=unsafe.detail)
    except OverloadedError:
        response = await error_page(visit, "overloaded", status=503)
        response.headers["retry-after"] = "2"
        return response
    except StoreUnavailableError as error:
        visit.desk.provider.log.warning("store unavailable", reason=str(error))
        response = await error_page(visit, "service_unavailable", status=503)
        response.headers["retry-after"] = "30"
        return response
    except ClientDisconnect:
        return Response(status_code=_NOBODY_THERE)
    except Exception:
        reference = visit.desk.provider.random_text(9)
        visit.desk.provider.log.exception("failed", reference=reference, path=visit.path)
        return await error_page(visit, "unexpected_error", status=500, reference=reference)


def plain_error(pages: Pages, key: str, *, status: int) -> Response:
    """Show an error that belongs to no realm."""
    body = pages.render(
        "error.html",
        locale="sq",
        realm=RealmView(title="Hyrja"),
        message={"key": key, "params": {}, "kind": "error"},
    )
    return Response(
        body,
        status_code=status,
        media_type="text/html",
        headers={"cache-control": "no-store", "content-security-policy": _POLICY},
    )


def _static(pages: Pages) -> list[Route]:
    return [_file(path, body, kind) for path, (body, kind) in pages.static_files().items()]


def _file(path: str, body: bytes, kind: str) -> Route:
    async def endpoint(_: Request) -> Response:
        return Response(body, media_type=kind, headers={"cache-control": _FOREVER})

    return Route(path, endpoint)
