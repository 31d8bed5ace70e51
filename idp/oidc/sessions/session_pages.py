"""The three framed pages that `keycloak-js` asks for (clients.md 4): two that try cookies out, one that watches.

They are the only pages of ours that any site may frame, so they show nothing, change nothing, and answer only what the
framing page could find out anyway. Their scripts are files of their own; nothing is inline.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.oidc import cors
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.parameters import given_parameters
from idp.oidc.provider import Provider
from idp.oidc.sessions.browser_state import state_cookie
from idp.oidc.sessions.user_sessions import live_session
from idp.web.http import NO_STORE, Header, Reply, Request

_PAGE: tuple[Header, ...] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors *",
    ),
)
_SCRIPT: tuple[Header, ...] = (
    (b"content-type", b"text/javascript; charset=utf-8"),
    (b"cache-control", b"no-cache"),
)

# The test cookie is SameSite=Lax like the session cookie: what is tried out is whether *that* one would be there.
_STEP_1 = """\
"use strict";
document.cookie = "hyrja-cookie-test=1; path=" + location.pathname.replace(/[^/]*$/, "") + "; SameSite=Lax"
  + (location.protocol === "https:" ? "; Secure" : "");
location.replace("step2.html");
"""

_STEP_2 = """\
"use strict";
const kept = document.cookie.split("; ").includes("hyrja-cookie-test=1");
document.cookie = "hyrja-cookie-test=; path=" + location.pathname.replace(/[^/]*$/, "") + "; max-age=0; SameSite=Lax";
parent.postMessage(kept ? "supported" : "unsupported", "*");
"""

# A `session_state` of an authentication answer has a dot and is compared here, with the browser's own state (Session
# Management §3.2). `keycloak-js` sends the `sid` of its tokens instead, which has none: only the provider knows of it.
# CVE-2024-1249: the answer goes to the origin that asked, and only if the provider knows it as the client's.
_STATUS = """\
"use strict";
const cookie = document.currentScript.dataset.cookie + "=";
const secure = location.protocol === "https:";
const attributes = "; path=" + location.pathname.replace(/[^/]*$/, "") + "; SameSite="
  + (secure ? "None; Secure" : "Lax");

function browserState() {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(cookie));
  return found ? found.slice(cookie.length) : "";
}

// Where the browser keeps cookies from frames, nobody can tell whether somebody is logged in.
function hasCookies() {
  document.cookie = "hyrja-cookie-test=1" + attributes;
  const kept = document.cookie.split("; ").includes("hyrja-cookie-test=1");
  document.cookie = "hyrja-cookie-test=; max-age=0" + attributes;
  return kept;
}

async function hash(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function compared(clientId, sessionState, origin) {
  const [hashed, salt] = sessionState.split(".");
  const state = browserState();
  if (!state) return hasCookies() ? "changed" : "error";
  return hashed === await hash([clientId, origin, state, salt].join(" ")) ? "unchanged" : "changed";
}

async function status(clientId, sessionState, origin) {
  if (sessionState.includes(".")) return compared(clientId, sessionState, origin);
  const query = new URLSearchParams({ client_id: clientId, origin: origin });
  if (sessionState) query.set("session_state", sessionState);
  const reply = await fetch("login-status-iframe.html/init?" + query, { cache: "no-store" });
  if (!reply.ok) return "error";
  // An application without a login of its own is to find out properly, by a request with prompt=none.
  return sessionState && reply.status === 204 ? "unchanged" : "changed";
}
addEventListener("message", async (event) => {
  // The page that frames this one asks, or another frame of that page (Session Management §3.1), and nobody else.
  if (typeof event.data !== "string" || !event.source) return;
  if (event.source !== parent && event.source.parent !== parent) return;
  const parts = event.data.split(" ");
  let answer = "error";
  try {
    if (parts.length === 2) answer = await status(parts[0], parts[1], event.origin);
  } catch (_) {
    // The provider cannot be reached; "error" makes the application ask again.
  }
  if (answer !== "error" || event.origin !== "null") event.source.postMessage(answer, event.origin);
});
"""


def _page(script: str, **data: str) -> Reply:
    given = "".join(f' data-{name}="{value}"' for name, value in data.items())
    html = f'<!DOCTYPE html>\n<html lang="en"><title>.</title><script src="{script}"{given}></script></html>\n'
    return Reply(200, html.encode(), _PAGE)


def _script(text: str) -> Reply:
    return Reply(200, text.encode(), _SCRIPT)


PAGES: Mapping[str, Reply] = {
    "3p-cookies/step1.html": _page("step1.js"),
    "3p-cookies/step1.js": _script(_STEP_1),
    "3p-cookies/step2.html": _page("step2.js"),
    "3p-cookies/step2.js": _script(_STEP_2),
    "login-status-iframe.js": _script(_STATUS),
}


async def check_session(provider: Provider, _request: Request, _body: bytes) -> Reply:
    """Answer the page that watches; its script is told the name of this realm's state cookie."""
    return _page("login-status-iframe.js", cookie=state_cookie(provider))


async def login_status(provider: Provider, request: Request, _body: bytes) -> Reply:
    """Tell the status page about a session: 204 while it lives, 200 once it ended; `OAuthError` for a foreign origin.

    Without a `session_state` only the origin is checked, as by Keycloak. A look is not a sign of life: it does not
    prolong the session.
    """
    given = given_parameters(request.query)
    client = provider.client(given.get("client_id", ""))
    if client is None or given.get("origin", "") not in cors.origins_of(client):
        raise OAuthError(ErrorCode.ACCESS_DENIED, "The origin is not the client's.", status=403)
    sid = given.get("session_state")
    now = provider.now()
    ended = (
        sid is not None and await live_session(provider, sid, client.client_id, issued_at=now, at_once=False) is None
    )
    return Reply(200 if ended else 204, b"", NO_STORE)
