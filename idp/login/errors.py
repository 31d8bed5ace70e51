"""Error pages: vague for the person, with a reference that leads an operator to the log."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from idp.login.answers import page
from idp.login.desk import Visit


async def error_page(
    visit: Visit,
    key: str,
    *,
    status: int = 400,
    detail: str = "",
    parameter: str = "",
    heading: str = "error",
    links: Mapping[str, str] | None = None,
    reference: str | None = None,
) -> Response:
    """Show an error on our own host. `detail` goes to the log, under the reference that the page shows.

    `parameter` is the one at fault, where the request was refused for it alone: then the page names it.
    """
    known = reference or visit.desk.provider.random_text(9)
    log = visit.desk.provider.log
    log.info("error page", key=key, detail=detail, reference=known, path=visit.path, status=status)
    message = {"key": key, "params": {}, "kind": "error"}
    if parameter:
        message |= {"key": "invalid_parameter", "params": {"name": parameter}}
    return await page(
        visit,
        "error.html",
        locale=visit.locale(),
        status=status,
        heading=heading,
        message=message,
        links=dict(links or {}),
        reference=known,
    )
