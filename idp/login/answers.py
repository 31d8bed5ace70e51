"""HTTP answers to people: pages, redirects and cookies, with the headers that each of them must have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from idp.login.desk import Desk, Visit
from idp.model.oauth import AuthorizationRequest
from idp.oidc.sessions.browser_state import browser_state, origin_of
from idp.web.cookies import CookieName

_YEAR = 365 * 24 * 3600
_WITHOUT_FORMS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; base-uri 'none'; "
    "object-src 'none'"
)
_OF_THIS_ANSWER = frozenset({"kc_locale", "session_code", "execution"})


async def page(
    visit: Visit,
    template: str,
    *,
    locale: str,
    status: int = 200,
    goes_to: AuthorizationRequest | None = None,
    frames: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    **fields: Any,
) -> Response:
    """Render a page. `goes_to` is the request whose client its form may lead to (see `_policy`); `client` is shown.

    `frames` are the addresses that it loads in frames, and nothing else may be.
    """
    desk = visit.desk
    # A page that is shown once has no switch: asking for it again would lose what it shows.
    fields.setdefault("languages", [] if fields.get("otpauth") or fields.get("codes") else languages(visit))

    def rendered() -> bytes:
        shown = {**fields, "frames": frames, "client": client}
        return desk.pages.render(template, locale=locale, realm=desk.view(locale), **shown)

    # Drawing a QR code takes 12 ms; other requests need not wait for it.
    body = await asyncio.to_thread(rendered) if fields.get("otpauth") else rendered()
    response = Response(body, status_code=status, media_type="text/html")
    logo = client["logo_uri"] if client is not None else ""
    response.headers["content-security-policy"] = _policy(goes_to, frames, logo=logo)
    return with_browser(visit, no_store(response))


async def form_post(visit: Visit, action: str, fields: Mapping[str, str]) -> Response:
    """Let the browser post an answer to its client (OAuth 2.0 Form Post Response Mode §2)."""
    response = await page(visit, "form-post.html", locale=visit.locale(), action=action, hidden=fields, languages=[])
    # Browsers apply `form-action` to the redirects that follow as well, and where the client goes on to is its own
    # affair: the page has one form, whose address is proven, so the directive would forbid nothing else.
    response.headers["content-security-policy"] = f"{_WITHOUT_FORMS}; frame-ancestors 'none'"
    # Under `no-referrer` it would be posted with `Origin: null`, which no application could tell from a forger's form.
    response.headers["referrer-policy"] = "strict-origin"
    return response


def no_store(response: Response) -> Response:
    """Keep a response out of every cache: it holds what is meant for one person, once."""
    response.headers["cache-control"] = "no-store"
    response.headers["pragma"] = "no-cache"
    return response


def redirect(url: str, *, status: int = 303) -> Response:
    """Redirect by GET, whatever the method was (RFC 9700 §4.12: never 307 after credentials)."""
    return no_store(RedirectResponse(url, status_code=status))


def with_browser(visit: Visit, response: Response) -> Response:
    """Give the browser its cookie, if it has none.

    A POST from another site brings no cookie (SameSite=Lax) whether there is one or not: answering it with a new one
    would let any site end the logins in progress.
    """
    if visit.is_new and visit.request.method != "POST":
        # Remembered devices are known by it, so that there it outlives the browser's window.
        kept = _YEAR if visit.desk.remembers_devices else None
        set_cookie(visit.desk, response, "browser", visit.browser_cookie, max_age=kept)
    return response


def set_cookie(desk: Desk, response: Response, name: CookieName, value: str, *, max_age: int | None = None) -> None:
    """Set one of our cookies. Path `/` and, on https, the `__Host-` prefix: no subdomain can plant one (ASVS 3.3)."""
    response.set_cookie(
        desk.cookie_name(name), value, max_age=max_age, path="/", secure=desk.https, httponly=True, samesite="lax"
    )


def remember_locale(desk: Desk, response: Response, locale: str) -> None:
    """Remember the language that a person chose."""
    set_cookie(desk, response, "locale", locale, max_age=_YEAR)


def forget_session(desk: Desk, response: Response) -> None:
    """Erase the session's cookie, and the one by which framed pages know that there is a session."""
    response.delete_cookie(desk.cookie_name("session"), path="/", secure=desk.https, httponly=True, samesite="lax")
    response.delete_cookie(desk.cookie_name("state"), path="/", secure=desk.https, samesite=_of_frames(desk))


def remember_browser_state(visit: Visit, response: Response, sid: str) -> None:
    """Set the cookie that our framed page compares (`idp.oidc.sessions.browser_state`), if it is not there.

    Scripts read it, it opens nothing, and it is sent to frames on other sites too, where browsers still allow that:
    there is the page that reads it.
    """
    desk, state = visit.desk, browser_state(visit.desk.provider, sid)
    name = desk.cookie_name("state")
    if visit.request.cookies.get(name) != state:
        response.set_cookie(name, state, path="/", secure=desk.https, httponly=False, samesite=_of_frames(desk))


def _of_frames(desk: Desk) -> Literal["none", "lax"]:
    return "none" if desk.https else "lax"  # browsers take "none" from https alone


def languages(visit: Visit) -> list[Mapping[str, str]]:
    """Return the language switch: the same page in each language.

    The answer to a form is left by GET too, so what belongs to that form alone is taken out of the address.
    """
    request = visit.request
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in _OF_THIS_ANSWER]
    if request.method != "GET" and not any(key == "tab_id" for key, _ in kept):
        return []  # nothing that could be asked for again by GET
    here = f"{visit.path}?{urlencode(kept)}&" if kept else f"{visit.path}?"
    return [{"locale": locale, "href": f"{here}kc_locale={locale}"} for locale in visit.desk.realm.locales]


def _policy(goes_to: AuthorizationRequest | None, frames: Sequence[str], *, logo: str) -> str:
    """Return the page's Content-Security-Policy.

    Browsers apply `form-action` to the redirects that follow a form too, so the login's form names its client. A
    client's logo comes from the client's own host, and from no other.
    """
    destination = f" {_origin(goes_to.redirect_uri)}" if goes_to is not None else ""
    framed = f"; frame-src {' '.join(sorted({origin_of(frame) for frame in frames}))}" if frames else ""
    policy = f"{_WITHOUT_FORMS}; form-action 'self'{destination}; frame-ancestors 'none'{framed}"
    return policy.replace("img-src 'self'", f"img-src 'self' {_origin(logo)}") if logo else policy


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
