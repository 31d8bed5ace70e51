"""Error pages: vague for the person, with a reference that leads an operator to the log."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from idp.login.answers import page
from idp.login.desk import Visit
from idp.ports import StoreUnavailableError
from idp.web.http import Reply

_LONGEST = 300
# A store that is overloaded or gone is not asked to remember that it was.
_LOGGED_ALONE = frozenset({"overloaded", "service_unavailable"})


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
) -> Reply:
    """Show an error on our own host. `detail` goes to the log, under the reference that the page shows.

    `parameter` is the one at fault, where the request was refused for it alone: then the page names it.
    """
    provider = visit.desk.provider
    known = reference or provider.random_text(9)
    provider.log.info("error page", key=key, detail=detail, reference=known, path=visit.path, status=status)
    if key not in _LOGGED_ALONE:
        # The reference leads to this event by itself (`idp explain`), and to those of the login where there is one.
        with contextlib.suppress(StoreUnavailableError):  # the page is shown all the same
            await provider.note(
                "ERROR_PAGE",
                transaction_id=known,
                address=visit.remote_address,
                error=key,
                detail={"path": visit.path[:_LONGEST], "status": str(status), "reason": detail[:_LONGEST]},
            )
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
