"""`/realms/{realm}/protocol/openid-connect/logout`: the HTTP of RP-initiated logout."""

from __future__ import annotations

from typing import assert_never

from idp.crypto.digest import digest, same
from idp.login.answers import forgotten_session, page, redirect
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.oidc.sessions.browser_session import session_of_cookie
from idp.oidc.sessions.logout import AskPerson, ErrorPage, LoggedOutPage, RedirectTo, logout
from idp.web.forms import FormError, single_values
from idp.web.http import Reply

_CONFIRMATION = "session_code"
_KEPT = ("client_id", "id_token_hint", "post_logout_redirect_uri", "state", "ui_locales")


async def end_session(visit: Visit) -> Reply:
    """Log out: at once if an ID token of this session asks for it, after a confirmation otherwise."""
    request = visit.request
    encoded = visit.body if request.method == "POST" else request.query
    try:
        given = {name: value for name, value in single_values(encoded).items() if value}
    except FormError as error:
        return await error_page(visit, "invalid_request", detail=str(error), parameter=error.name)
    provider = visit.desk.provider
    session = await session_of_cookie(provider, visit.session_cookie)
    confirmed = request.method == "POST" and same(given.get(_CONFIRMATION, ""), _confirmation(visit))
    decision = await logout(provider, given, session=session, confirmed=confirmed, address=visit.remote_address)
    locale = visit.locale(tuple(given.get("ui_locales", "").split()))
    match decision:
        case RedirectTo():
            if decision.frames:
                return _forgotten(visit, await _logged_out(visit, decision, locale, onward=decision.url))
            return _forgotten(visit, redirect(decision.url))
        case LoggedOutPage():
            return _forgotten(visit, await _logged_out(visit, decision, locale))
        case AskPerson():
            hidden = {name: given[name] for name in _KEPT if name in given} | {_CONFIRMATION: _confirmation(visit)}
            action = visit.desk.provider.endpoint("logout")
            return await page(visit, "logout-confirm.html", locale=locale, action=action, hidden=hidden)
        case ErrorPage():
            return await error_page(visit, decision.message, detail=decision.detail)
        case _:
            assert_never(decision)


def _confirmation(visit: Visit) -> str:
    """Return what only a page shown to this session can post: nobody is logged out by another site's form."""
    return digest(f"logout|{visit.session_cookie or visit.browser_cookie}")


def _forgotten(visit: Visit, reply: Reply) -> Reply:
    return reply.with_headers(*forgotten_session(visit.desk))


async def _logged_out(visit: Visit, decision: RedirectTo | LoggedOutPage, locale: str, *, onward: str = "") -> Reply:
    client = visit.desk.realm.client(decision.client_id or "")
    back = onward or visit.desk.way_back(client)
    return await page(
        visit,
        "logged-out.html",
        locale=locale,
        heading="logged_out",
        message={"key": "logged_out", "params": {}, "kind": "success"},
        link={"href": back, "text_key": "back_to_application"} if back else None,
        frames=decision.frames,
        onward=onward,
    )
