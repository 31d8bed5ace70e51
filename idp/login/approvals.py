"""`/realms/{realm}/device` and `/realms/{realm}/ciba`: where a person begins to decide, and where it ends.

GET shows and nothing else: a link in a message is opened by mail scanners and previews too. Pressing the button looks
for the request and opens its login; what is wrong with a code is never said.
"""

from __future__ import annotations

from idp.login.answers import page, redirect
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.login.login_actions import address_of, sent_to_client
from idp.model.pending import PendingAuthorization
from idp.oidc.authorization.endpoint import OpenLogin
from idp.oidc.budgets import may_guess
from idp.oidc.decoupled.tickets import typed_user_code
from idp.oidc.decoupled.visits import approval_request, waiting_for
from idp.oidc.errors import ErrorCode
from idp.web.forms import FormError, single_values
from idp.web.http import Reply

_LONGEST = 64  # characters of a code or a ticket
_TOO_MANY = 429


async def verify_device(visit: Visit) -> Reply:
    """Ask for the code that the device shows (RFC 8628 §3.3), and open the login in which it is approved."""
    if visit.request.method != "POST":
        # §3.3.1: a code in the address is only filled in; the person still compares it and presses the button.
        return await _entry(visit, visit.query.get("user_code", "")[:_LONGEST])
    typed = _posted(visit).get("user_code", "")
    code = typed_user_code(typed)
    refused = await _refused(visit, typed)
    if refused is not None:
        return refused
    pending = None if code is None else await waiting_for(visit.desk.provider, "device", code)
    if pending is None or code is None:
        return await _entry(visit, typed[:_LONGEST], message="user_code_invalid")
    return await _opened(visit, pending, compare=code)


async def decide_request(visit: Visit) -> Reply:
    """Begin to answer what an application asks of a customer; the link of a message leads here."""
    if visit.request.method != "POST":
        ticket = visit.query.get("ticket", "")[:_LONGEST]
        return await page(
            visit, "request-waiting.html", locale=visit.locale(), action=visit.path, hidden={"ticket": ticket}
        )
    ticket = _posted(visit).get("ticket", "")
    if visit.is_new:
        return await error_page(visit, "cookies_missing", detail="a form without our cookie")
    if not await may_guess(visit.desk.provider, browser=visit.browser.id, address=visit.remote_address):
        return await error_page(visit, "too_many_codes", status=_TOO_MANY)
    pending = await waiting_for(visit.desk.provider, "backchannel", ticket)
    if pending is None:
        return await error_page(visit, "request_over", detail="no such request waits")
    return await _opened(visit, pending, compare=pending.binding_message)


async def decided(visit: Visit) -> Reply:
    """Say how it ended. The address holds nothing but that: anybody may open it, and it does nothing."""
    error = visit.query.get("error", "")
    if error == ErrorCode.EXPIRED_TOKEN:
        return await error_page(visit, "request_over", detail="too late")
    if error not in {"", ErrorCode.ACCESS_DENIED}:
        return await error_page(visit, "request_failed", detail=error[:_LONGEST])
    key = "request_denied" if error else "request_approved"
    message = {"key": key, "params": {}, "kind": "info"}
    return await page(visit, "info.html", locale=visit.locale(), heading="request_decided", message=message)


async def _opened(visit: Visit, pending: PendingAuthorization, *, compare: str) -> Reply:
    request = await approval_request(visit.desk.provider, pending, compare=compare)
    answer = await visit.desk.authorization.begin_approval(request, browser=visit.browser, locale=visit.locale())
    if isinstance(answer, OpenLogin):
        return redirect(address_of(visit, answer.session))
    return await sent_to_client(visit, answer)


def _posted(visit: Visit) -> dict[str, str]:
    try:
        return single_values(visit.body)
    except FormError:
        return {}


async def _refused(visit: Visit, typed: str) -> Reply | None:
    if visit.is_new:  # a form of another site, or a browser without cookies: there is nothing to tie a login to
        return await _entry(visit, typed[:_LONGEST], message="cookies_missing")
    if not await may_guess(visit.desk.provider, browser=visit.browser.id, address=visit.remote_address):
        visit.desk.provider.log.warning("too many user codes", address=visit.remote_address)
        return await _entry(visit, "", message="too_many_codes", status=_TOO_MANY)
    return None


async def _entry(visit: Visit, user_code: str, *, message: str | None = None, status: int = 200) -> Reply:
    told = None if message is None else {"key": message, "params": {}, "kind": "error"}
    return await page(
        visit,
        "device-code.html",
        locale=visit.locale(),
        status=status,
        action=visit.desk.provider.endpoint("verification"),
        user_code=typed_user_code(user_code) or user_code,
        message=told,
    )
