"""`POST /realms/{realm}/dev/…`: what an examiner outside needs. Each is served only with its test switch on.

Whoever can reach them can use them: never in production, which the settings see to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from idp.login.desk import Desk
from idp.oidc.decoupled.automatic import decide_automatically
from idp.oidc.errors import OAuthError

Rotate = Callable[[str], Awaitable[list[str]]]
"""Makes new keys for a realm, which sign and are published at once, and returns their ids."""

_ACTIONS = {"allow": True, "deny": False}
_NOT_FOUND = 404
_BAD_REQUEST = 400


def routes(*, desks: Mapping[str, Desk]) -> list[Route]:
    """Return the route of the decisions; `auth_req_id` and `action` (allow, deny) stand in the address."""

    async def decide(request: Request) -> Response:
        desk, query = desks.get(request.path_params["realm"]), request.query_params
        allow = _ACTIONS.get(query.get("action", ""))
        if desk is None:
            return _no_realm()
        if allow is None:
            return JSONResponse({"error": "invalid_request"}, status_code=_BAD_REQUEST)
        try:
            await decide_automatically(desk.provider, query.get("auth_req_id", ""), allow=allow)
        except OAuthError as refused:
            return JSONResponse({"error": refused.code.value}, status_code=refused.status)
        return JSONResponse({"action": query["action"]})

    return [Route("/realms/{realm}/dev/ciba", decide, methods=["POST"])]


def rotation_routes(*, desks: Mapping[str, Desk], rotate: Rotate) -> list[Route]:
    """Return the route of new keys."""

    async def rotate_keys(request: Request) -> Response:
        realm = request.path_params["realm"]
        return JSONResponse({"kids": await rotate(realm)}) if realm in desks else _no_realm()

    return [Route("/realms/{realm}/dev/rotate-keys", rotate_keys, methods=["POST"])]


def _no_realm() -> Response:
    return JSONResponse({"error": "Realm does not exist"}, status_code=_NOT_FOUND)
