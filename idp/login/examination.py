"""`POST /realms/{realm}/dev/ciba`: an examiner decides for the customer. Served only with the test switch on."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from idp.login.desk import Desk
from idp.oidc.decoupled.automatic import decide_automatically
from idp.oidc.errors import OAuthError

_ACTIONS = {"allow": True, "deny": False}
_NOT_FOUND = 404
_BAD_REQUEST = 400


def routes(*, desks: Mapping[str, Desk]) -> list[Route]:
    """Return the route of the decisions; `auth_req_id` and `action` (allow, deny) stand in the address."""

    async def decide(request: Request) -> Response:
        desk, query = desks.get(request.path_params["realm"]), request.query_params
        allow = _ACTIONS.get(query.get("action", ""))
        if desk is None:
            return JSONResponse({"error": "Realm does not exist"}, status_code=_NOT_FOUND)
        if allow is None:
            return JSONResponse({"error": "invalid_request"}, status_code=_BAD_REQUEST)
        try:
            await decide_automatically(desk.provider, query.get("auth_req_id", ""), allow=allow)
        except OAuthError as refused:
            return JSONResponse({"error": refused.code.value}, status_code=refused.status)
        return JSONResponse({"action": query["action"]})

    return [Route("/realms/{realm}/dev/ciba", decide, methods=["POST"])]
