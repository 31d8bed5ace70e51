"""What tells an application whether the login at its browser is still the same (OpenID Connect Session Management §3).

The browser has a cookie that its scripts may read. It stands for the session without naming it: it is derived from the
`sid` under a key of ours, it opens nothing, and it changes exactly when somebody else logs in or nobody is. An
application is given a salted hash of it, which only our own framed page can compare.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from idp.crypto.base64url import base64url
from idp.crypto.digest import digest
from idp.oidc.provider import Provider
from idp.web.cookies import cookie_name

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SALT = 12  # bytes


def browser_state(provider: Provider, sid: str) -> str:
    """Return the value of the state cookie of a browser that has this session."""
    return base64url(hmac.digest(provider.keys.code_key, f"browser-state|{sid}".encode(), hashlib.sha256))


def state_cookie(provider: Provider) -> str:
    """Return the name of the state cookie."""
    return cookie_name(provider.base_url, "state", provider.name)


def session_state(provider: Provider, *, client_id: str, redirect_uri: str, sid: str) -> str:
    """Return the `session_state` of an authentication answer (§2, §3.2): for this client at this origin alone."""
    salt = provider.random_text(_SALT)
    hashed = digest(f"{client_id} {origin_of(redirect_uri)} {browser_state(provider, sid)} {salt}")
    return f"{hashed}.{salt}"


def origin_of(address: str) -> str:
    """Return the origin of an address as browsers spell it (RFC 6454 §6.2): in small letters, no default port."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
