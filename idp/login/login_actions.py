"""`/realms/{realm}/login-actions/…`: the pages of a login, Keycloak's addresses.

A page's form posts to `authenticate` with `session_code` (the challenge's nonce), `execution`, `client_id`, `tab_id`.
A wrong answer is the page again (200), a right one goes on by redirect (302: Keycloak's clients look for it, and what
follows a 302 is asked for by GET in every browser, which is what RFC 9700 §4.12 wants of a 303).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, assert_never
from urllib.parse import urlencode

from idp.flows.steps.identity_provider import UPSTREAM
from idp.flows.views import Completed, Gone, GoOn, Page, Registered, Rejected, View
from idp.login.answers import (
    form_post,
    own_cookie,
    page,
    redirect,
    remembered_language,
    with_browser,
    with_browser_state,
)
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.model.flow_kind import FlowKind
from idp.model.session import AuthenticationSession
from idp.oidc.authorization.answer import Answer, FormPost, Redirect
from idp.web.forms import FormError, single_values
from idp.web.http import Reply

AUTHENTICATE = "login-actions/authenticate"
_LINKS = {FlowKind.SOFT_TOKEN_REGISTRATION: "register_soft_token", FlowKind.REGISTRATION: "register"}
"""The links on the login page to flows that begin beside a login, as the page calls them."""
_RESET = {FlowKind.RESET_CREDENTIALS: "reset_credentials"}
"""This one too, at an address that serves more."""
BESIDE_A_LOGIN = tuple(_LINKS)
_DONE = {
    FlowKind.SOFT_TOKEN_REGISTRATION: ("registered", "token_registered"),
    FlowKind.REGISTRATION: ("account_made", "account_made"),
    FlowKind.RESET_CREDENTIALS: ("request_decided", "password_reset"),
}
"""Heading and message of the page at the end of a flow that began without a login."""
_GONE = 410
_OF_A_CLIENT = frozenset({"login.html", "consent.html"})
_FOUND = 302


async def authenticate(visit: Visit) -> Reply:
    """Show where a login stands, or take the answer to its challenge."""
    query = visit.query
    tab_id, browser = query.get("tab_id", ""), visit.browser.id
    if visit.request.method != "POST":  # HEAD too: nothing but a press of a button answers, sends or makes anything
        await _switch_language(visit, tab_id)
        view = await visit.desk.tabs.show(tab_id, browser=browser, address=visit.remote_address)
        return await show(visit, view)
    try:
        form = single_values(visit.body)
    except FormError as error:
        return await error_page(visit, "invalid_request", detail=str(error))
    nonce = query.get("session_code", "")
    view = await visit.desk.tabs.answer(tab_id, browser=browser, nonce=nonce, form=form, address=visit.remote_address)
    return await show(visit, view)


def beginning(kind: FlowKind) -> Callable[[Visit], Awaitable[Reply]]:
    """Return what serves the address at which flows of a kind begin, beside or before a login."""

    async def begin(visit: Visit) -> Reply:
        return await _begun(visit, kind)

    return begin


async def _begun(visit: Visit, kind: FlowKind) -> Reply:
    """Begin a flow that does not log in, from a login's link or without any login before."""
    query = visit.query
    desk, browser = visit.desk, visit.browser
    login = await desk.tabs.of_browser(query.get("tab_id", ""), browser.id)
    if login is not None:
        return await show(visit, await desk.tabs.go_to(login, kind))
    opened = desk.tabs.opened(
        kind=kind,
        client_id=query.get("client_id", "") if desk.realm.client(query.get("client_id", "")) else "",
        browser=browser.id,
        locale=visit.locale(),
        request=None,
    )
    if opened is None:
        return await error_page(visit, "page_not_found", status=404, detail="the realm has no such flow")
    view = await desk.tabs.begin(opened, address=visit.remote_address)
    return await show(visit, GoOn(session=view.session) if isinstance(view, Page) else view)


async def show(visit: Visit, view: View) -> Reply:
    """Turn where a login stands into an answer."""
    match view:
        case Page():
            return await _challenge(visit, view)
        case GoOn():
            return with_browser(visit, redirect(address_of(visit, view.session), status=_FOUND))
        case Completed():
            answer = await visit.desk.authorization.finish(view.session, browser=visit.browser)
            return await sent_to_client(visit, answer)
        case Rejected():
            return await _rejected(visit, view)
        case Registered():
            return await _registered(visit, view.session)
        case Gone():
            return await _gone(visit, view)
        case _:
            assert_never(view)


async def sent_to_client(visit: Visit, going: Answer, *, status: int = _FOUND) -> Reply:
    """Send the browser to its client, with the session's cookie where there is a new one."""
    match going:
        case Redirect():
            reply = with_browser(visit, redirect(going.url, status=status))
        case FormPost():
            reply = await form_post(visit, going.action, going.fields)
        case _:
            assert_never(going)
    if going.cookie is not None:
        reply = reply.with_headers(own_cookie(visit.desk, "session", going.cookie))
    return reply if going.sid is None else with_browser_state(visit, reply, going.sid)


def address_of(visit: Visit, session: AuthenticationSession, **more: str) -> str:
    """Return the address of a login's page."""
    query = {**more, "client_id": session.client_id, "tab_id": session.tab_id}
    return f"{visit.desk.address(AUTHENTICATE)}?{urlencode(query)}"


async def _challenge(visit: Visit, view: Page) -> Reply:
    session, ask = view.session, view.ask
    challenge = ask.challenge
    if challenge.page == UPSTREAM:
        # The nonce of the page is the request's `state`: it comes back once, to this tab, in this browser.
        state = urlencode({"state": f"{session.tab_id}.{view.nonce}"})
        return with_browser(visit, redirect(f"{challenge.fields['address']}&{state}", status=_FOUND))
    shown = challenge.message or session.notice
    message = {"key": shown.key, "params": shown.params, "kind": shown.kind} if shown is not None else None
    fields: dict[str, Any] = {
        **challenge.fields,
        "action": address_of(visit, session, session_code=view.nonce, execution=ask.execution.id),
        "message": message,
        # RFC 6749 §4.1.2.1: whoever does not want to log in says so, and the client is told `access_denied`.
        "can_cancel": session.kind is FlowKind.BROWSER and session.request is not None,
        "can_try_another_way": bool(ask.alternatives) and challenge.page != "select-method.html",
        "can_decline": ask.may_decline,
        "can_restart": bool(session.progress) or session.sso_sid is not None or session.kind is not FlowKind.BROWSER,
        "links": _links(visit, session, challenge.page),
        "providers": _providers(visit, session, challenge.page),
    }
    client = shown_client(visit, session) if challenge.page in _OF_A_CLIENT else None
    return await page(visit, challenge.page, locale=session.locale, goes_to=session.request, client=client, **fields)


def shown_client(visit: Visit, session: AuthenticationSession) -> dict[str, str] | None:
    """Return what a client shows of itself, if it has registered anything (OpenID Registration §2)."""
    client = visit.desk.realm.client(session.client_id)
    if client is None or not client.display:
        return None
    shown = {name: client.display.said(name, session.locale) for name in ("logo_uri", "policy_uri", "tos_uri")}
    return {"name": client.called(session.locale), **shown}


def _links(visit: Visit, session: AuthenticationSession, template: str) -> dict[str, str]:
    """The links to what begins beside a login (**Regjistro Software Token** and others), as far as the realm has it."""
    if template != "login.html" or session.kind is not FlowKind.BROWSER:
        return {}
    query = urlencode({"client_id": session.client_id, "tab_id": session.tab_id})
    bound = visit.desk.realm.bindings
    return {
        name: f"{visit.desk.address(kind.binding.address)}?{query}"
        for kind, name in (_LINKS | _RESET).items()
        if kind.value in bound
    }


def _providers(visit: Visit, session: AuthenticationSession, template: str) -> list[dict[str, str]]:
    """The upstream providers that a login page offers, with the addresses that send there."""
    flow = visit.desk.published.current().flows.get(session.flow)
    if template != "login.html" or session.kind is not FlowKind.BROWSER or flow is None or flow.redirector() is None:
        return []
    query = urlencode({"client_id": session.client_id, "tab_id": session.tab_id})
    offered = (one for one in visit.desk.realm.upstreams.values() if not one.hidden and not one.link_only)
    return [
        {"alias": one.alias, "name": one.title, "href": f"{visit.desk.address('broker')}/{one.alias}/login?{query}"}
        for one in sorted(offered, key=lambda one: (one.order, one.title))
    ]


async def _switch_language(visit: Visit, tab_id: str) -> None:
    if visit.language_chosen is None:
        return
    login = await visit.desk.tabs.of_browser(tab_id, visit.browser.id)
    if login is not None:
        await visit.desk.tabs.choose_locale(login, visit.locale())


def with_language(visit: Visit, reply: Reply) -> Reply:
    """Remember the language, if this visit chose one."""
    if visit.language_chosen is None:
        return reply
    return reply.with_headers(remembered_language(visit.desk, visit.locale()))


async def _rejected(visit: Visit, view: Rejected) -> Reply:
    if view.session.request is None:
        return await error_page(visit, "access_denied", status=403, reference=view.session.transaction_id)
    return await sent_to_client(visit, await visit.desk.authorization.rejected(view.session, view.error))


async def _registered(visit: Visit, session: AuthenticationSession) -> Reply:
    client = visit.desk.realm.client(session.client_id)
    back = visit.desk.way_back(client)
    link = {"href": back, "text_key": "back_to_application"} if back else None
    heading, key = _DONE[session.kind]
    message = {"key": key, "params": {}, "kind": "success"}
    return await page(visit, "info.html", locale=session.locale, heading=heading, message=message, link=link)


async def _gone(visit: Visit, view: Gone) -> Reply:
    """Explain that this page is over. Nothing tells whether there ever was such a login."""
    query = visit.query
    client = visit.desk.realm.client(query.get("client_id", ""))
    links = {}
    if view.continues is not None:
        going_on = {"client_id": query.get("client_id", ""), "tab_id": view.continues}
        links["restart"] = f"{visit.desk.address(AUTHENTICATE)}?{urlencode(going_on)}"
    elif back := visit.desk.way_back(client):
        links["back_to_application"] = back
    # A second press of the last button meets a login that is over: where no link leads on, the words must.
    over = "page_expired" if links else "page_over"
    key = "cookies_missing" if visit.is_new else over
    return await error_page(visit, key, status=_GONE, heading="expired", links=links)
