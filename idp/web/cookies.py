"""What our cookies are called: cookies are shared by all ports of a host, so a name says whose it is."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

CookieName = Literal["browser", "session", "locale", "state"]


def cookie_name(base_url: str, name: CookieName, realm: str) -> str:
    """Return a cookie's name: of this product, this port and this realm, pinned to the host on https.

    `base_url` is the public address, from configuration.
    """
    address = urlsplit(base_url)
    ours = f"hyrja{address.port or ''}_{name}_{realm}"
    return f"__Host-{ours}" if address.scheme == "https" else ours
