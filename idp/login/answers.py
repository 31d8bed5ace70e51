"""HTTP answers to people: pages, redirects and cookies, with the headers that each of them must have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from idp.login.desk import Desk, Visit
from idp.model.oauth import AuthorizationRequest
from idp.oidc.sessions.browser_state import browser_state, origin_of
from idp.web.cookies import CookieName, SameSite, cookie
from idp.web.http import NO_STORE, Header, Reply

_YEAR = 365 * 24 * 3600
_WITHOUT_FORMS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; base-uri 'none'; "
    "object-src 'none'"
)
_OF_THIS_ANSWER = frozenset({"kc_locale", "session_code", "execution"})
_HTML: Header = (b"content-type", b"text/html; charset=utf-8")
_OF_ADDRESSES = ":/%#?=@[]!$&'()*+,;"  # what stands in an address as it is (RFC 3986 §2.2); no line break ever does


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
) -> Reply:
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
    logo = client["logo_uri"] if client is not None else ""
    policy = _policy(goes_to.redirect_uri if goes_to is not None else "", tuple(frames), logo=logo)
    return with_browser(visit, html(body, policy=policy, status=status))


def html(body: bytes, *, policy: str, status: int = 200) -> Reply:
    """Return a page with its Content-Security-Policy; it is meant for one person, once, and kept out of every cache."""
    return Reply(status, body, (_HTML, (b"content-security-policy", policy.encode()), *NO_STORE))


async def form_post(visit: Visit, action: str, fields: Mapping[str, str]) -> Reply:
    """Let the browser post an answer to its client (OAuth 2.0 Form Post Response Mode §2)."""
    reply = await page(visit, "form-post.html", locale=visit.locale(), action=action, hidden=fields, languages=[])
    # Browsers apply `form-action` to the redirects that follow as well, and where the client goes on to is its own
    # affair: the page has one form, whose address is proven, so the directive would forbid nothing else.
    policy = f"{_WITHOUT_FORMS}; frame-ancestors 'none'".encode()
    kept = [header for header in reply.headers if header[0] != b"content-security-policy"]
    # Under `no-referrer` it would be posted with `Origin: null`, which no application could tell from a forger's form.
    own = ((b"content-security-policy", policy), (b"referrer-policy", b"strict-origin"))
    return Reply(reply.status, reply.body, (*kept, *own))


def redirect(url: str, *, status: int = 303) -> Reply:
    """Redirect by GET, whatever the method was (RFC 9700 §4.12: never 307 after credentials)."""
    return Reply(status, b"", ((b"location", quote(url, safe=_OF_ADDRESSES).encode()), *NO_STORE))


def with_browser(visit: Visit, reply: Reply) -> Reply:
    """Give the browser its cookie, if it has none.

    A POST from another site brings no cookie (SameSite=Lax) whether there is one or not: answering it with a new one
    would let any site end the logins in progress.
    """
    if visit.is_new and visit.request.method != "POST":
        # Remembered devices are known by it, so that there it outlives the browser's window.
        kept = _YEAR if visit.desk.remembers_devices else None
        return reply.with_headers(own_cookie(visit.desk, "browser", visit.browser_cookie, max_age=kept))
    return reply


def own_cookie(desk: Desk, name: CookieName, value: str, *, max_age: int | None = None) -> Header:
    """Return the header of a cookie that no script reads.

    Path `/` and, on https, the `__Host-` prefix: no subdomain can plant one (ASVS 3.3).
    """
    return cookie(desk.cookie_name(name), value, max_age=max_age, secure=desk.https)


def forgotten_session(desk: Desk) -> tuple[Header, Header]:
    """Return what erases the session's cookie, and the one by which framed pages know that there is a session."""
    state = cookie(
        desk.cookie_name("state"), "", max_age=0, secure=desk.https, httponly=False, samesite=_of_frames(desk)
    )
    return own_cookie(desk, "session", "", max_age=0), state


def remembered_language(desk: Desk, locale: str) -> Header:
    """Return the cookie of the language that a person chose."""
    return own_cookie(desk, "locale", locale, max_age=_YEAR)


def with_browser_state(visit: Visit, reply: Reply, sid: str) -> Reply:
    """Set the cookie that our framed page compares (`idp.oidc.sessions.browser_state`), if it is not there.

    Scripts read it, it opens nothing, and it is sent to frames on other sites too, where browsers still allow that:
    there is the page that reads it.
    """
    desk, state = visit.desk, browser_state(visit.desk.provider, sid)
    name = desk.cookie_name("state")
    if visit.request.cookie(name) == state:
        return reply
    return reply.with_headers(cookie(name, state, secure=desk.https, httponly=False, samesite=_of_frames(desk)))


def _of_frames(desk: Desk) -> SameSite:
    return "none" if desk.https else "lax"  # browsers take "none" from https alone


def languages(visit: Visit) -> list[Mapping[str, str]]:
    """Return the language switch: the same page in each language.

    The answer to a form is left by GET too, so what belongs to that form alone is taken out of the address.
    """
    kept = [(key, value) for key, value in visit.asked if key not in _OF_THIS_ANSWER]
    if visit.request.method == "POST" and not any(key == "tab_id" for key, _ in kept):
        return []  # nothing that could be asked for again by GET
    here = f"{visit.path}?{urlencode(kept)}&" if kept else f"{visit.path}?"
    return [{"locale": locale, "href": f"{here}kc_locale={locale}"} for locale in visit.desk.realm.locales]


@lru_cache(maxsize=512)
def _policy(redirect_uri: str, frames: tuple[str, ...], *, logo: str) -> str:
    """Return the page's Content-Security-Policy.

    Browsers apply `form-action` to the redirects that follow a form too, so the login's form names its client. A
    client's logo comes from the client's own host, and from no other.
    """
    destination = f" {_origin(redirect_uri)}" if redirect_uri else ""
    framed = f"; frame-src {' '.join(sorted({origin_of(frame) for frame in frames}))}" if frames else ""
    policy = f"{_WITHOUT_FORMS}; form-action 'self'{destination}; frame-ancestors 'none'{framed}"
    return policy.replace("img-src 'self'", f"img-src 'self' {_origin(logo)}") if logo else policy


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
