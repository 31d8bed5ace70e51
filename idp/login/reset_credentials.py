"""Where a forgotten password begins: `login-actions/reset-credentials`, and `…/openid-connect/forgot-credentials`.

Keycloak's two addresses: the link of a login page, and one that an application may send people to.
"""

from __future__ import annotations

from idp.flows.networks import subscriber_of
from idp.flows.views import GoOn, Page
from idp.login.authorization import asked
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.login.login_actions import sent_to_client, show
from idp.model.flow_kind import FlowKind
from idp.model.session import AuthenticationSession
from idp.oidc.authorization.endpoint import OpenLogin
from idp.web.http import Reply

_TOO_MANY = 429
_BEGUN, _WINDOW = 30, 600  # of one network, in seconds


async def reset_credentials(visit: Visit) -> Reply:
    """Begin to reset, from a login's link or without any login before."""
    query = visit.query
    login = await visit.desk.tabs.of_browser(query.get("tab_id", ""), visit.browser.id)
    if login is not None:
        return await _begun(visit, login)
    client_id = query.get("client_id", "")
    opened = visit.desk.tabs.opened(
        kind=FlowKind.RESET_CREDENTIALS,
        client_id=client_id if visit.desk.realm.client(client_id) else "",
        browser=visit.browser.id,
        locale=visit.locale(),
        request=None,
    )
    if opened is None:
        return await _none(visit)
    refused = await _too_often(visit)
    if refused is not None:
        return refused
    view = await visit.desk.tabs.begin(opened, address=visit.remote_address)
    return await show(visit, GoOn(session=view.session) if isinstance(view, Page) else view)


async def forgot_credentials(visit: Visit) -> Reply:
    """Take an authorization request whose login begins with the reset."""
    answer = await asked(visit)
    if isinstance(answer, OpenLogin):
        return await _begun(visit, answer.session)
    return answer if isinstance(answer, Reply) else await sent_to_client(visit, answer)


async def _begun(visit: Visit, login: AuthenticationSession) -> Reply:
    if FlowKind.RESET_CREDENTIALS.value not in visit.desk.realm.bindings:
        return await _none(visit)
    refused = await _too_often(visit)
    if refused is not None:
        return refused
    return await show(visit, await visit.desk.tabs.go_to(login, FlowKind.RESET_CREDENTIALS))


async def _too_often(visit: Visit) -> Reply | None:
    """Count a reset that somebody begins: each may send letters to customers, and asks about a name."""
    key = subscriber_of(visit.remote_address)
    throttle = visit.desk.provider.stores.throttle
    if await throttle.hit("reset-begun", key, limit=_BEGUN, window=_WINDOW):
        return None
    return await error_page(visit, "too_many_codes", status=_TOO_MANY)


async def _none(visit: Visit) -> Reply:
    return await error_page(visit, "page_not_found", status=404, detail="the realm has no such flow")
