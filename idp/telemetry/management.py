"""The addresses of the management port: `/health/live`, `/health/ready`, `/metrics`.

They stand on a port of their own, which no customer reaches: who can read them learns how many customers log in, and
which part of the house does not work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from idp.telemetry.exposition import exposed
from idp.telemetry.figures import Figures
from idp.telemetry.health import Health, Readiness
from idp.web.http import Application, Receive, Reply, Request, Scope, Send, json_reply, send_reply

_SERVICE_UNAVAILABLE = 503


def management(health: Health, figures: Figures) -> Application:
    """Return the application of the management port. Any `Host` will do: probes call addresses, not names."""

    async def live(_: Request) -> Reply:
        # That it is answered is the answer: the process is there and its loop turns.
        return json_reply({"status": "live"})

    async def ready(_: Request) -> Reply:
        readiness = await health.readiness()
        figures.saw(readiness)
        return json_reply(_told(readiness, figures.silent), 200 if readiness.ready else _SERVICE_UNAVAILABLE)

    async def metrics(request: Request) -> Reply:
        figures.saw(await health.readiness())
        body, media_type = exposed(figures.total, accept=request.header("accept") or "")
        return Reply(200, body, ((b"content-type", media_type.encode()), (b"cache-control", b"no-store")))

    addresses: dict[str, Callable[[Request], Awaitable[Reply]]] = {
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": metrics,
    }

    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        answer = addresses.get(request.path)
        if answer is None:
            reply = json_reply({"error": "not_found"}, 404)
        elif request.method not in {"GET", "HEAD"}:
            reply = Reply(405, headers=((b"allow", b"GET, HEAD"),))
        else:
            reply = await answer(request)
        await send_reply(send, reply, head=request.method == "HEAD")

    return application


def _told(readiness: Readiness, silent: Collection[int]) -> dict[str, object]:
    """Say how it is. That a process hangs is said by those that do not, and does not make them unready."""
    return {
        "status": readiness.phase.value if readiness.phase.value != "serving" else _word(readiness),
        "parts": {
            part.part: {"ok": part.ok, **({"reason": part.reason} if part.reason else {})} for part in readiness.parts
        },
        **({"silent_workers": sorted(silent)} if silent else {}),
    }


def _word(readiness: Readiness) -> str:
    return "ready" if readiness.ready else "unavailable"
