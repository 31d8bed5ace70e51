"""What our cookies are called: cookies are shared by all ports of a host, so a name says whose it is."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

CookieName = Literal["browser", "session", "locale", "state"]
SameSite = Literal["lax", "none"]


def cookie_name(base_url: str, name: CookieName, realm: str) -> str:
    """Return a cookie's name: of this product, this port and this realm, pinned to the host on https.

    `base_url` is the public address, from configuration.
    """
    address = urlsplit(base_url)
    ours = f"hyrja{address.port or ''}_{name}_{realm}"
    return f"__Host-{ours}" if address.scheme == "https" else ours


def cookie(
    name: str,
    value: str,
    *,
    secure: bool,
    max_age: int | None = None,
    httponly: bool = True,
    samesite: SameSite = "lax",
) -> tuple[bytes, bytes]:
    """Return the header that sets a cookie of ours for the whole host (RFC 6265 §4.1); `max_age` 0 erases it.

    `value` is one that we made: letters, digits, `-`, `_` and `.`, which need no quoting.
    """
    kept = "" if max_age is None else f"; Max-Age={max_age}"
    flags = f"{'; HttpOnly' if httponly else ''}{'; Secure' if secure else ''}"
    return b"set-cookie", f"{name}={value}{flags}{kept}; Path=/; SameSite={samesite}".encode()
