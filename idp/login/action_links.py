"""`/realms/{realm}/login-actions/action-token`: where the links of letters lead, Keycloak's address.

GET shows a button and does nothing: mail scanners and previews open every address they read. Pressing it follows the
link, once. Neither page tells what was wrong with a link, nor whom it was for; both forbid the browser to pass its
address on.
"""

from __future__ import annotations

from idp.flows.actions.verify_email import confirmed
from idp.flows.messages import action_links
from idp.flows.messages.action_links import ActionLink
from idp.flows.networks import subscriber_of
from idp.flows.views import Gone
from idp.login.answers import page, redirect
from idp.login.desk import Visit
from idp.login.errors import error_page
from idp.login.login_actions import address_of, show
from idp.web.forms import FormError, single_values
from idp.web.http import Reply

ACTION_TOKEN = "login-actions/action-token"  # noqa: S105 - an address, not a secret
_FOUND, _GONE, _TOO_MANY = 302, 410, 429
_FOLLOWED, _WINDOW = 60, 600  # links of one network, in seconds


async def follow_link(visit: Visit) -> Reply:
    """Show what a link does, or do it."""
    text = _given(visit)
    provider = visit.desk.provider
    link = action_links.read(provider.sealer, provider.name, text)
    user = None if link is None else await provider.stores.users.by_id(link.user_id)
    if link is None or not action_links.stands(link, user, now=provider.now()):
        return await _over(visit)
    if visit.request.method != "POST":
        return await page(
            visit,
            "action-link.html",
            locale=_locale(visit, link),
            heading=f"link:{link.purpose}",
            action=visit.desk.address(ACTION_TOKEN),
            hidden={action_links.PARAMETER: text},
            languages=[],
        )
    if visit.is_new:  # a form of another site, or a browser without cookies: there is nothing to tie a login to
        return await error_page(visit, "cookies_missing", detail="a link followed without our cookie")
    key = subscriber_of(visit.remote_address)
    if not await provider.stores.throttle.hit("action-link", key, limit=_FOLLOWED, window=_WINDOW):
        return await error_page(visit, "too_many_codes", status=_TOO_MANY)
    return await _followed(visit, link, text)


async def _followed(visit: Visit, link: ActionLink, text: str) -> Reply:
    if link.purpose in {"verify-email", "update-email"}:
        return await _confirmed(visit, link)
    view = await visit.desk.tabs.follow(
        link,
        {action_links.PARAMETER: text},
        browser=visit.browser.id,
        locale=_locale(visit, link),
        address=visit.remote_address,
    )
    return await _over(visit) if isinstance(view, Gone) else await show(visit, view)


async def _confirmed(visit: Visit, link: ActionLink) -> Reply:
    """Confirm an address; in the browser of the login that asked for it, the login goes on."""
    provider, former = visit.desk.provider, await visit.desk.provider.stores.users.by_id(link.user_id)
    user = await confirmed(provider.stores.users, provider.stores.latest, link)
    if user is None or former is None:
        return await _over(visit)
    kind = "UPDATE_EMAIL" if link.purpose == "update-email" else "VERIFY_EMAIL"
    login = await visit.desk.tabs.of_browser(link.tab, visit.browser.id)
    notices = visit.desk.tabs.notices
    if link.purpose == "update-email" and former.email and notices is not None:
        await notices.tell(visit.desk.realm, former, "email-changed", now=provider.now())
    await provider.record(
        kind,
        transaction_id=login.transaction_id if login is not None else provider.random_text(12),
        user_id=user.id,
        address=visit.remote_address,
    )
    if login is not None:
        return redirect(address_of(visit, login), status=_FOUND)
    message = {"key": "email_confirmed", "params": {}, "kind": "success"}
    return await page(visit, "info.html", locale=_locale(visit, link), heading="request_decided", message=message)


async def _over(visit: Visit) -> Reply:
    return await error_page(visit, "link_invalid", status=_GONE, heading="expired")


def _locale(visit: Visit, link: ActionLink) -> str:
    """Return the language of the letter, unless this visit chose one."""
    return link.locale if link.locale in visit.desk.realm.locales else visit.locale()


def _given(visit: Visit) -> str:
    if visit.request.method != "POST":
        return visit.query.get(action_links.PARAMETER, "")
    try:
        return single_values(visit.body).get(action_links.PARAMETER, "")
    except FormError:
        return ""
