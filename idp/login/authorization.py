"""`/realms/{realm}/protocol/openid-connect/auth`: the HTTP of the authorization endpoint (RFC 6749 §3.1)."""

from __future__ import annotations

from urllib.parse import urlencode

from idp.login.answers import redirect, with_browser
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.login.login_actions import address_of, sent_to_client
from idp.oidc.authorization.answer import Answer
from idp.oidc.authorization.endpoint import OpenLogin
from idp.oidc.authorization.target import UnsafeRequestError
from idp.oidc.requests.asked import REPEATABLE, Asked
from idp.web.forms import FormError, values_with_lists
from idp.web.http import Reply

_SEE_OTHER = 303


async def authorize(visit: Visit) -> Reply:
    """Take an authorization request, by GET or POST (OpenID Connect Core §3.1.2.1)."""
    answer = await asked(visit)
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, OpenLogin):
        return with_browser(visit, redirect(address_of(visit, answer.session)))
    return await sent_to_client(visit, answer, status=_SEE_OTHER)


async def asked(visit: Visit) -> OpenLogin | Answer | Reply:
    """Return what an authorization request leads to: a login, an answer, or a page of our own."""
    request = visit.request
    if request.method == "POST" and not request.has_form:
        return await error_page(visit, "invalid_request", detail="the body is no form")
    encoded = visit.body if request.method == "POST" else request.query
    try:
        # RFC 6749 §3.1: a parameter without a value counts as omitted; a repeated one is refused before anything else,
        # and on a page of our own, since nothing of such a request can be trusted.
        values, lists = values_with_lists(encoded, REPEATABLE)
    except FormError as error:
        return await error_page(visit, "invalid_request", detail=str(error), parameter=error.name)
    given = Asked(
        parameters={name: value for name, value in values.items() if value},
        resources=tuple(filter(None, lists["resource"])),
    )
    if request.method == "POST" and visit.is_new:
        # A form of another site brings no SameSite=Lax cookie: the same request by GET does, and single sign-on works.
        query = urlencode([*given.parameters.items(), *(("resource", one) for one in given.resources)])
        return redirect(f"{visit.desk.provider.endpoint('auth')}?{query}")
    try:
        return await visit.desk.authorization.begin(given, browser=visit.browser, locale=visit.locale)
    except UnsafeRequestError as unsafe:
        back = visit.desk.way_back(unsafe.client)
        links = {"back_to_application": back} if back else {}
        return await error_page(visit, unsafe.key, detail=unsafe.detail, links=links)
