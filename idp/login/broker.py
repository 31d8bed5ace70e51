"""`/realms/{realm}/broker/{alias}/…`: where people go to an upstream provider, and where they come back.

Keycloak's addresses. What comes back is an answer to the tab that sent the browser away, and to nothing else.
"""

from __future__ import annotations

from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.login.login_actions import show
from idp.web.forms import FormError, single_values
from idp.web.http import Reply

_ANSWER = ("code", "error", "iss")
_LONGEST = 4096  # characters of a code


async def visit_upstream(visit: Visit) -> Reply:
    """Send the browser to a provider, from the page of a login."""
    query, alias = visit.query, visit.alias
    view = await visit.desk.tabs.visit(
        query.get("tab_id", ""), alias, browser=visit.browser.id, address=visit.remote_address
    )
    return await show(visit, view)


async def come_back(visit: Visit) -> Reply:
    """Take a provider's answer (RFC 6749 §4.1.2): `state` names the tab and brings its nonce back."""
    try:
        given = single_values(visit.request.query)
    except FormError as error:
        return await error_page(visit, "invalid_request", detail=str(error))
    tab_id, _, nonce = given.get("state", "").partition(".")
    form = {name: given[name][:_LONGEST] for name in _ANSWER if name in given}
    form["alias"] = visit.alias
    view = await visit.desk.tabs.answer(
        tab_id, browser=visit.browser.id, nonce=nonce, form=form, address=visit.remote_address
    )
    return await show(visit, view)
